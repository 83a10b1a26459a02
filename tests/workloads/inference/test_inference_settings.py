import dataclasses

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from src.errors import ConfigError
from src.paths import CONF
from src.workloads.inference.inference_settings import InferenceConfig, check
from src.workloads.training.training_settings import FrameworkConfig


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"passes": 0, "batch_size": 1}, "inference.passes=0", id="no pass"),
        pytest.param({"passes": 1, "batch_size": 0}, "inference.batch_size=0", id="no image"),
        pytest.param({"passes": -1, "batch_size": 1}, "inference.passes=-1", id="negative"),
    ],
)
def test_impossible_values_are_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        check(InferenceConfig(**values))


def test_the_least_is_accepted():
    check(InferenceConfig(passes=1, batch_size=1))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_options_of_conf_are_those_of_the_settings(device):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        overrides = [f"+hardware.device={device}", "framework@inference.weights_from=tf"]
        config = compose("workload/inference", overrides=overrides)
    assert config.workload == {"kind": "inference"}
    merged = OmegaConf.merge(
        OmegaConf.structured(InferenceConfig), OmegaConf.create(OmegaConf.to_container(config.inference, resolve=True))
    )
    assert not OmegaConf.missing_keys(merged)
    teacher = OmegaConf.to_object(merged).weights_from
    assert isinstance(teacher, FrameworkConfig)
    assert {f.name for f in dataclasses.fields(teacher)} == set(config.inference.weights_from)
    assert (teacher.name, teacher.requirements) == ("tf", f"scripts/requirements/tf-{device}.txt")
