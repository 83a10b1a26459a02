from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from src.errors import ConfigError
from src.workloads.training.data.dataset import DatasetConfig, IdxFileConfig, check
from src.workloads.training.data.loaders.idx import FILES, most_bytes

SYNTHETIC = DatasetConfig(
    "s", "synthetic", cache="data", classes=3, image_shape=[8, 8, 1], train_size=5, test_size=4
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
        pytest.param({"source": "idxx"}, "dataset.source=idxx: no such loader; choose from digits, idx, .*sy", id="source"),
        pytest.param({"source": "../dataset"}, "dataset.source=.*: no such loader", id="a module elsewhere"),
        pytest.param({"name": "../elsewhere"}, r"dataset.name=\.\./elsewhere: must be a name of letters", id="outside"),
        pytest.param({"name": ""}, "dataset.name=: must be a name of letters", id="no name"),
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
    files = {name: IdxFileConfig(name=name, sha256="0" * 64) for name in FILES}
    return DatasetConfig(
        "small", "idx", cache="data", files=files, classes=10, image_shape=[28, 28, 1], train_available=6,
        test_available=3,
    )  # fmt: skip


def test_idx_needs_its_four_files(config: DatasetConfig) -> None:
    check(config)
    del config.files["test_labels"]
    with pytest.raises(ConfigError, match="must name exactly"):
        check(config)


def test_a_files_name_stays_in_its_folder(config: DatasetConfig) -> None:
    config.files["train_images"] = IdxFileConfig("../../x")
    with pytest.raises(ConfigError, match=r"dataset.files.train_images.name=\.\./\.\./x: must be a name of letters"):
        check(config)


def test_digits_need_their_split() -> None:
    config = DatasetConfig("d", "digits", cache="data", classes=10, image_shape=[8, 8, 1])
    with pytest.raises(ConfigError, match="dataset.train_available=null: say how many"):
        check(config)


@pytest.mark.parametrize(
    ("key", "available", "most"),
    [
        ("train_images", 10**6, 16 + 784 * 10**6),
        ("test_images", 10**6, 1 << 26),
        ("train_labels", 10**8, 16 + 10**8),
        ("train_images", None, 1 << 30),
    ],
)
def test_how_long_a_file_can_be(config: DatasetConfig, key: str, available: int | None, most: int) -> None:
    assert most_bytes(replace(config, train_available=available), key) == most


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
