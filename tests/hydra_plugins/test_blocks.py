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
        made = BlockSweeper(config.hydra.sweeper.params)
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


EXAMPLES = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_comparison_of_its_own(sweeper, name):
    plan = sweeper(f"+experiment={name}").plan([f"+experiment={name}"])
    assert len(plan.treatments) > 1
    assert {config.experiment for config in plan.configs} == {name}
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    assert text.startswith("# @package _global_")
    assert f"python -m src.main +experiment={name}\n" in text


def test_the_command_line_overrules_what_an_example_goes_over(sweeper):
    plan = sweeper("+experiment=batch_sizes").plan(["+experiment=batch_sizes", "training.batch_size=8,9"])
    assert [config.training.batch_size for config in plan.configs] == [8, 9]


def test_several_examples_each_go_over_their_own(sweeper):
    words = ["+experiment=batch_sizes,compress", "experiment=both", "protocol.iterations=1"]
    labels = [treatment.label for treatment in sweeper().plan(words).treatments]
    assert labels == [
        *(f"experiment=batch_sizes training.batch_size={size}" for size in (16, 64, 256)),
        *(f"experiment=compress sh {tool}" for tool in ("gzip -9", "xz -1")),
    ]
    with pytest.raises(ConfigError, match="experiment differs between treatments .* as in experiment=NAME"):
        sweeper().plan(words[:1])


def test_an_own_file_of_another_folder_is_an_example_too(sweeper, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\ntraining:\n  epochs: 9\n")
    searched = f"hydra.searchpath=[file://{tmp_path}]"
    plan = sweeper(searched, "+experiment=mine").plan(["+experiment=mine", "framework=tf,jax"])
    assert [config.training.epochs for config in plan.configs] == [9, 9]


def test_a_plan_holds_the_words_as_they_were_typed(sweeper):
    (treatment,) = sweeper().plan(["experiment=mine", "protocol=smoke"]).treatments
    assert treatment.overrides == ("experiment=mine", "protocol=smoke")


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
