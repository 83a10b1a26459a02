from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from src.errors import ConfigError
from src.workloads.training.data.dataset import IDX_FILES, DatasetConfig, IdxFileConfig, Source, check

SYNTHETIC = DatasetConfig(
    "s", Source.synthetic, cache="data", classes=3, image_shape=[8, 8, 1], train_size=5, test_size=4
)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"train_size": 0}, "dataset.train_size=0: must be at least 1", id="no image"),
        pytest.param({"test_size": -2}, "dataset.test_size=-2: must be at least 1", id="fewer than none"),
        pytest.param({"train_size": None}, "dataset.train_size=null", id="no end"),
        pytest.param({"test_available": 3}, "test_size=4: there are only 3", id="more than there are"),
        pytest.param(
            {"train_available": -1}, "dataset.train_available=-1: must be at least 1", id="fewer than none there"
        ),
        pytest.param({"test_available": 0}, "dataset.test_available=0: must be at least 1", id="none there"),
        pytest.param({"classes": 1}, "dataset.classes=1", id="one class"),
        pytest.param({"image_shape": [28, 28]}, "dataset.image_shape=", id="no channels"),
        pytest.param({"image_shape": [28, 0, 1]}, "dataset.image_shape=", id="no columns"),
        pytest.param({"connect_timeout_s": 0}, "dataset.connect_timeout_s=0", id="no patience"),
        pytest.param({"seed": -1}, "dataset.seed=-1", id="negative seed"),
        pytest.param({"seed": 2**32}, "dataset.seed=", id="too large a seed"),
    ],
)
def test_values_that_cannot_be(changes: dict[str, Any], complaint: str) -> None:
    check(SYNTHETIC)
    with pytest.raises(ConfigError, match=complaint):
        check(replace(SYNTHETIC, **changes))


@pytest.fixture
def config() -> DatasetConfig:
    files = {name: IdxFileConfig(name=name, sha256="0" * 64) for name in IDX_FILES}
    return DatasetConfig(
        "small", Source.idx, cache="data", files=files, classes=10, image_shape=[28, 28, 1], train_available=6,
        test_available=3,
    )  # fmt: skip


def test_idx_needs_its_four_files(config: DatasetConfig) -> None:
    check(config)
    del config.files["test_labels"]
    with pytest.raises(ConfigError, match="must name exactly"):
        check(config)


def test_a_checksum_has_64_digits(config: DatasetConfig) -> None:
    config.files["train_images"] = IdxFileConfig("x", sha256_gz="abc")
    with pytest.raises(ConfigError, match=r"files\.train_images\.sha256_gz=abc"):
        check(config)


@pytest.mark.parametrize("name", ["mnist", "digits", "fashion_mnist", "synthetic"])
def test_the_options_that_ship_are_valid(name: str, repository: Path) -> None:
    option = OmegaConf.load(repository / "conf" / "dataset" / f"{name}.yaml")
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DatasetConfig), option))
    assert isinstance(config, DatasetConfig)
    check(config)
    assert config.name == name
