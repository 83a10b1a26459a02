import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from src.config.complaints import explain
from src.config.schema import register, typed
from src.paths import CONF


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epoch=1", "training.epoch: no such key; did you mean training.epochs?"),
        ("trainin.epochs=1", "did you mean training?"),
        ("meter.recordng=x", "meter.recordng: no such key; did you mean meter.recording?"),
        ("dataset.train_siz=1", "dataset.train_siz: no such key; did you mean dataset.train_size?"),
        ("framework.env.X=1", "framework.env.X: no such key yet; to add it, write +framework.env.X=VALUE"),
        ("meter.options.x=1", "meter.options.x: no such key yet; to add it, write +meter.options.x=VALUE"),
        ("+training.more=1", "training.more: no such key; 'training' has: epochs, batch_size"),
        (
            "training.epochs=abc",
            "training.epochs: Value 'abc' of type 'str' could not be converted to Integer",
        ),
        ("protocol.order=random", "protocol.order: Invalid value 'random', expected one of"),
        ("framework=pytorch", "framework=pytorch: no such option; choose from jax"),
        ("framework=", "framework=: no such option; choose from jax"),
        ("framework=tf,torch", "To sweep over it, add --multirun"),
        (
            "analysis.compare=framework",
            "A list stands in brackets, even one of a single entry: analysis.compare=[NAME]",
        ),
        ("hardware.device=tpu", "hardware.device: Invalid value 'tpu'"),
    ],
)
def test_one_line_names_the_key_and_the_remedy(override, expected):
    register()
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        pytest.raises((HydraException, OmegaConfBaseException)) as caught,
    ):
        typed(compose("config", overrides=[override]))
    line = explain(caught.value)
    assert expected in line
    assert "\n" not in line
