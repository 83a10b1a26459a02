import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from src.config.compose import SweepLoader, compose_all
from src.config.schema import register, typed
from src.paths import CONF
from src.plan.treatments import Treatment


@pytest.fixture
def hydra():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield GlobalHydra.instance().hydra


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("framework=jax_tuned", "training.epochs=7"),
        ("model=mlp", "model.layers=[{kind:flatten},{kind:dense,units:10,activation:softmax}]"),
        ("hardware=cuda", "framework=tf", "framework.mode=mine"),
        ("framework.environment=torch-2.12", "hardware.affinity=[0]"),
        ("+framework.env.OMP_NUM_THREADS='1'", "training.seed=3"),
    ],
    ids=str,
)
def test_a_treatment_is_composed_as_hydra_composes_its_runs(hydra, overrides):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    whole = hydra.config_loader.load_sweep_config(master, list(overrides))
    expected = typed(OmegaConf.masked_copy(whole, [key for key in whole if key != "hydra"]))
    assert compose_all(SweepLoader(hydra.config_loader), master, [Treatment("", overrides)]) == [expected]


def test_treatments_of_one_group_do_not_touch_each_other(hydra):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    treatments = [Treatment("", (f"training.epochs={n}",)) for n in (1, 2)] + [Treatment("", ())]
    assert [c.training.epochs for c in compose_all(SweepLoader(hydra.config_loader), master, treatments)] == [1, 2, 3]


def test_a_launcher_gets_what_hydras_own_loader_gives(hydra):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    overrides = ["framework=jax", "training.epochs=2", "run.folder='0001-jax training.epochs=2'", "run.iteration=3"]
    own = hydra.config_loader.load_sweep_config(master, overrides)
    loader = SweepLoader(hydra.config_loader)
    for _ in range(2):
        quick = loader.load_sweep_config(master, overrides)
        assert OmegaConf.to_container(quick) == OmegaConf.to_container(own)
