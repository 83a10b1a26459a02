import dataclasses
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from src.paths import CONF
from src.plan.schema import register, typed
from src.protocol.filing import Filing
from src.protocol.preflight import Ready


@pytest.fixture
def config():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose("config", overrides=["framework=jax", "hardware.max_background_load=0.1"]))


def filing(config, **run):
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, **run))
    return Filing(config, Path("outputs/day/time"), Ready(Path(), None, None, {}), {}, None)


@pytest.mark.parametrize(("load", "flagged"), [(0.05, False), (0.1, False), (0.35, True)])
def test_a_busy_machine_is_flagged_on_every_run(config, load, flagged):
    text = filing(config, background_load=load)._background_flag()
    assert bool(text) is flagged
    assert ("35% of the processor" in text) is flagged


def test_a_run_is_called_by_its_treatment_and_alone_by_its_framework(config):
    assert filing(config).treatment == "jax"
    assert filing(config, treatment="jax training.epochs=2").treatment == "jax training.epochs=2"
