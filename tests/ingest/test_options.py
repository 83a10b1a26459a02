"""The command line of the ingest."""

import pytest

from src.errors import ConfigError
from src.ingest.options import known_keys, parse, usage

LEAST = ["experiment=a", "framework=tf", "path=."]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "experiment, framework, path: not given", id="nothing"),
        pytest.param(LEAST[:2], "path: not given", id="one missing"),
        pytest.param([*LEAST, "tf"], "'tf' is not of the form KEY=VALUE", id="no equals sign"),
        pytest.param([*LEAST, "hardware.nmae=x"], "hardware.nmae: no such key; did you mean hardware.name?", id="typo"),
        pytest.param([*LEAST, "hardware=x"], "hardware: no such key", id="a group"),
        pytest.param([*LEAST, "training.epochs=many"], "training.epochs=many: ", id="wrong type"),
        pytest.param([*LEAST[:2], "path="], "path: nothing stands after the '='", id="empty"),
    ],
)
def test_mistakes_name_the_key_and_the_remedy(arguments, message):
    with pytest.raises(ConfigError) as caught:
        parse(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["1", "a, b", "tf [2.21]", "x=y", "true", "a: b", "tf's"])
def test_any_label_stays_as_it_was_typed(label):
    assert parse([*LEAST, f"framework={label}"]).framework == label


@pytest.mark.parametrize("value", ["'sqlite:////x.db'", '"sqlite:////x.db"', "sqlite:////x.db"])
def test_quotes_for_hydra_are_taken_off_as_elsewhere(value):
    assert parse([*LEAST, f"tracking_uri={value}"]).tracking_uri == "sqlite:////x.db"


def test_values_get_their_types():
    options = parse([*LEAST, "training.epochs=3", "hardware.name=null", "meter.columns=[A (J), B (J)]"])
    assert (options.training.epochs, options.hardware.name) == (3, None)
    assert options.meter.columns == ["A (J)", "B (J)"]


def test_help_names_every_key():
    assert all(f"  {key}=" in usage() for key in known_keys())
    assert "hardware.name" in known_keys()


def test_the_experiment_is_mlflows_where_none_is_given(monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the environment")
    given = ["framework=tf", "path=."]
    assert parse(given).experiment == "of the environment"
    assert parse([*given, "experiment=mine"]).experiment == "mine"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")
    with pytest.raises(ConfigError, match="^experiment: not given"):
        parse(given)
