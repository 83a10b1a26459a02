"""Hydra's ways into a sweep, called as Hydra calls them."""

import copy

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, RunMode

from hydra_plugins.joulebench_sweeper.blocks import BlockSweeper, NoFolder
from src.config.schema import register
from src.errors import ConfigError
from src.paths import CONF


@pytest.fixture
def hydra():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield GlobalHydra.instance().hydra


@pytest.fixture
def sweeper(hydra):
    """The sweeper that Hydra makes for a command line's choices about Hydra itself."""

    def make(*overrides):
        config = hydra.compose_config("config", list(overrides), RunMode.MULTIRUN, with_log_configuration=False)
        made = BlockSweeper()
        context = HydraContext(config_loader=hydra.config_loader, callbacks=None)
        made.setup(hydra_context=context, task_function=lambda cfg: None, config=config)
        return made

    return make


def test_hydra_finds_the_sweeper():
    found = {f"{kind.__module__}.{kind.__name__}" for kind in Plugins.instance().discover(Sweeper)}
    assert f"{BlockSweeper.__module__}.{BlockSweeper.__name__}" in found


def test_a_command_line_becomes_a_plan(sweeper):
    arguments = ["framework=jax,tf", "protocol=smoke", "protocol.iterations=2", "protocol.idle_s=1,2", "experiment=e"]
    plan = sweeper().plan(arguments)
    assert [treatment.label for treatment in plan.treatments] == [
        f"{name} protocol.idle_s={idle}" for name in ("jax", "tf") for idle in (1, 2)
    ]
    assert [config.framework.name for config in plan.configs] == ["jax", "jax", "tf", "tf"]
    assert [config.protocol.idle_s for config in plan.configs] == [1, 2, 1, 2]
    assert {config.experiment for config in plan.configs} == {"e"}
    assert len(plan.slots) == 8


def test_another_launcher_is_refused_in_one_sentence(sweeper, monkeypatch):
    monkeypatch.setattr(ConfigStore.instance(), "repo", copy.deepcopy(ConfigStore.instance().repo))
    node = {"_target_": "hydra_plugins.elsewhere.Launcher"}
    ConfigStore.instance().store(group="hydra/launcher", name="cluster", node=node, provider="test")
    with pytest.raises(
        ConfigError,
        match=r"^hydra/launcher=cluster: it starts runs side by side, .* hydra/launcher=submitit_slurm$",
    ):
        sweeper("hydra/launcher=cluster").plan(["framework=jax,tf"])


def test_a_folder_for_each_run_is_the_plans_own(sweeper):
    with pytest.raises(ConfigError, match=r"hydra\.sweep\.subdir=same: each run needs its own folder"):
        sweeper("hydra.sweep.subdir=same").plan(["framework=jax,tf"])


@pytest.mark.parametrize(
    ("logging", "made"), [("warnings", "."), ("stdout", "."), ("none", "."), ("disabled", "."), ("default", "a/b")]
)
def test_hydra_makes_no_folder_for_a_run_alone_but_for_a_log_of_its_own(hydra, logging, made):
    words = ["hydra.run.dir=a/b", f"hydra/job_logging={logging}"]
    config = hydra.compose_config("config", words, RunMode.RUN, with_log_configuration=False)
    NoFolder().on_run_start(config, config_name="config")
    assert (config.hydra.run.dir, config.hydra.sweep.dir) == (made, "a/b")
    assert config.hydra.callbacks.folder["_target_"] == f"{NoFolder.__module__}.{NoFolder.__name__}"
