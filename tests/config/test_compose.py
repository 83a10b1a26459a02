import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from src.config.compose import Composer
from src.config.schema import register, typed
from src.paths import CONF


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
        ("workload=command", "workload.command='sh -c \"a, b\"'", "+workload.environment.A=b", "protocol=smoke"),
        ("workload=command", "workload.command=[gzip,-9,'a b']", "workload.exit_code=3"),
        ("workload.name=mine", "workload=command", "workload.command='\\${HOME}'"),
        ("protocol.order=balanced", "analysis.compare=[framework]", "tracking_uri='sqlite:///a b.db'"),
    ],
    ids=str,
)
def test_a_treatment_is_composed_as_hydra_composes_its_runs(hydra, overrides):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    whole = hydra.config_loader.load_sweep_config(master, list(overrides))
    expected = typed(OmegaConf.masked_copy(whole, [key for key in whole if key != "hydra"]))
    assert Composer(hydra.config_loader, master).compose(overrides) == expected


def test_treatments_of_one_group_do_not_touch_each_other(hydra):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    composer = Composer(hydra.config_loader, master)
    lines = [*((f"training.epochs={n}",) for n in (1, 2)), ()]
    assert [composer.compose(each).training.epochs for each in lines] == [1, 2, 3]


def test_the_same_groups_are_composed_once(hydra, monkeypatch):
    master = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
    loader = hydra.config_loader
    asked = []
    whole = loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda master, lines: asked.append(lines) or whole(master, lines))
    composer = Composer(loader, master)
    for framework in ("tf", "jax"):
        for epochs in (1, 2, 3):
            composer.compose((f"framework={framework}", f"training.epochs={epochs}"))
    assert asked == [["framework=tf"], ["framework=jax"]]
