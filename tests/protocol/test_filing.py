import dataclasses
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from src.protocol.preflight import Ready

from src.config.schema import register, typed
from src.contract.record import RunRecord
from src.errors import ConfigError, MeterError, told
from src.measure.meters.select import Meter
from src.paths import CONF
from src.protocol.filing import Filing, refuse_used
from src.track import open_store

METER = Meter("native", "measured", "a meter", "1", (), 200, (), False, "")


@pytest.fixture
def config():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose("config", overrides=["framework=jax", "hardware.max_background_load=0.1"]))


def filing(config, **run):
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, **run))
    return Filing(config, Path("outputs/day/time"), Ready(Path(), None, METER, {}), {})


@pytest.mark.parametrize(("load", "flagged"), [(0.05, False), (0.1, False), (0.35, True)])
def test_a_busy_machine_is_flagged_on_every_run(config, load, flagged):
    text = filing(config, background_load=load)._background_flag()
    assert bool(text) is flagged
    assert ("35% of the processor" in text) is flagged


def test_a_run_is_called_by_its_treatment_and_alone_by_its_framework(config):
    assert filing(config).treatment == "jax"
    assert filing(config, treatment="jax training.epochs=2").treatment == "jax training.epochs=2"


def test_two_runs_alone_are_two_runs_wherever_their_folders_lie(config, store_uri, tmp_path):
    config = dataclasses.replace(config, tracking_uri=store_uri, experiment="e")
    for day in ("monday's", "tuesday's"):
        folder = tmp_path / day / "out"
        folder.mkdir(parents=True)
        dataclasses.replace(filing(config), folder=folder).failed(MeterError("it broke"))
        assert RunRecord.read(folder).sweep is None
    assert open_store(store_uri).runs("e")["run_uid"].nunique() == 2


def test_a_failure_that_cannot_be_filed_tells_both(config, tmp_path):
    config = dataclasses.replace(config, tracking_uri="http://127.0.0.1:9")
    error = MeterError("it broke")
    dataclasses.replace(filing(config), folder=tmp_path).failed(error)
    first, *others = told(error).splitlines()
    assert first == "it broke"
    assert others[0].startswith("The MLflow store http://127.0.0.1:9 cannot be opened")
    assert f"`python -m src.track {tmp_path} --store http://127.0.0.1:9` files the run" in others[1]
    assert RunRecord.read(tmp_path).tags["error"] == "it broke"


def test_a_folder_that_holds_a_run_is_not_written_over(config, store_uri, tmp_path):
    refuse_used(tmp_path)
    config = dataclasses.replace(config, tracking_uri=store_uri)
    dataclasses.replace(filing(config), folder=tmp_path).failed(MeterError("it broke"))
    with pytest.raises(ConfigError, match=r"already holds a run.*hydra\.run\.dir"):
        refuse_used(tmp_path)
