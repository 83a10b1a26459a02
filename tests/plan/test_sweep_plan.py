import dataclasses
import json

import pytest

from src.contract.plan_file import PLAN_FILE, PlanFile, Treatment
from src.contract.record import RECORD_FILE
from src.errors import ConfigError
from src.plan.sweep_plan import SHARED_KEYS, SHARED_PROTOCOL_KEYS, make_plan, plain


@pytest.fixture
def plan(composed):
    treatments = [Treatment("torch", ("framework=torch",)), Treatment("jax", ("framework=jax",))]
    configs = [composed(*t.overrides, "protocol=smoke", "protocol.iterations=3") for t in treatments]
    return make_plan("s1", treatments, configs)


def test_the_plan_is_on_disk_whole(plan, tmp_path):
    plan.write(tmp_path / "sweep")
    written = json.loads((tmp_path / "sweep" / PLAN_FILE).read_text())
    assert [t["label"] for t in written["treatments"]] == ["torch", "jax"]
    assert [slot["sequence"] for slot in written["slots"]] == [1, 2, 3, 4, 5, 6]
    read = PlanFile.read(tmp_path / "sweep")
    assert read == PlanFile("s1", plan.treatments, plan.slots, tuple(map(plain, plan.configs)))
    assert [config["framework"]["name"] for config in read.configs] == ["torch", "jax"]


def test_a_folder_with_a_sweep_is_left_alone(plan, tmp_path):
    plan.write(tmp_path)
    before = (tmp_path / PLAN_FILE).read_text()
    with pytest.raises(ConfigError, match=r"already holds a sweep.*hydra\.sweep\.dir=DIR.*hydra\.run\.dir.*resume="):
        dataclasses.replace(plan, sweep="s2").write(tmp_path)
    assert (tmp_path / PLAN_FILE).read_text() == before


def test_a_folder_with_a_run_of_before_is_left_alone(plan, tmp_path):
    (tmp_path / RECORD_FILE).write_text("{}")
    with pytest.raises(ConfigError, match=r"already holds a run.*hydra\.run\.dir"):
        plan.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]


def test_a_run_has_a_folder_of_its_place_and_try(plan):
    slot = plan.slots[3]
    assert plan.folder(slot, 0) == f"0004-{plan.label(slot)}"
    assert plan.folder(slot, 2) == f"0004-{plan.label(slot)}-retry2"
    assert len({plan.folder(slot, attempt) for slot in plan.slots for attempt in (0, 1)}) == 12


@pytest.mark.parametrize("label", ["torch 'quoted'", "a=b, c: d", "back\\slash", "语 ü"])
def test_any_label_survives_the_plans_file(composed, tmp_path, label):
    treatments = [Treatment(label, ("framework=torch",)), Treatment("other", ("framework=jax",))]
    make_plan("s", treatments, [composed(*t.overrides) for t in treatments]).write(tmp_path)
    assert PlanFile.read(tmp_path).treatments[0].label == label


SHARED = [
    *("protocol.iterations=5", "protocol.warmup_s=1", "protocol.baseline_s=1", "protocol.retries=7", "protocol.seed=9"),
    *("protocol.order=fixed", "protocol.allow_concurrent=true", "experiment=other", "tracking_uri=other"),
    *("resume=latest", "analysis.outliers=iqr", "protocol.stop=precision", "protocol.minimum_iterations=5"),
    *("protocol.precision_percent=1", "protocol.machines=2", "protocol.share=1/2", "protocol.sweeps=2"),
    *("protocol.reboot=true", "dry_run=true", "track.model=true"),
    *("protocol.warmup=steady", "protocol.warmup_minimum_s=1", "protocol.rest=temperature", "protocol.rest_margin_c=1"),
    "protocol.rest_max_s=1",
]


def test_all_that_belongs_to_the_sweep_is_tried():
    keys = {override.split("=")[0].removeprefix("protocol.").split(".")[0] for override in SHARED}
    assert keys == {*SHARED_KEYS, *SHARED_PROTOCOL_KEYS}


@pytest.mark.parametrize("override", SHARED)
def test_treatments_must_agree_on_what_belongs_to_the_sweep(composed, override):
    treatments = [Treatment("a", ()), Treatment("b", (override,))]
    with pytest.raises(ConfigError, match="belongs to the whole sweep"):
        make_plan("s", treatments, [composed(*t.overrides) for t in treatments])


def test_a_rest_of_its_own_is_a_treatment_like_any_other(composed):
    treatments = [Treatment("a", ("protocol.idle_s=1",)), Treatment("b", ("protocol.idle_s=2",))]
    plan = make_plan("s", treatments, [composed(*t.overrides) for t in treatments])
    assert [config.protocol.idle_s for config in plan.configs] == [1, 2]


def test_a_run_alone_is_one_whatever_the_protocol_says(composed):
    plan = make_plan("s", [Treatment("")], [composed("protocol.iterations=30", "framework=jax")], iterations=1)
    assert (len(plan.slots), plan.iterations, plan.treatments[0].label) == (1, 1, "jax")


def test_every_configuration_is_checked_before_anything_is_planned(composed):
    treatments = [Treatment("a", ()), Treatment("b", ("training.epochs=0",))]
    with pytest.raises(ConfigError, match=r"training\.epochs=0"):
        make_plan("s", treatments, [composed(*t.overrides) for t in treatments])
