import json

import pytest

from src.errors import ConfigError
from src.plan.sweep_plan import PLAN_FILE, make_plan
from src.plan.treatments import Treatment


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


def test_a_folder_with_a_sweep_is_left_alone(plan, tmp_path):
    plan.write(tmp_path)
    with pytest.raises(ConfigError, match="already holds a sweep"):
        plan.write(tmp_path)


def test_a_run_is_composed_back_to_its_place(plan, composed):
    slot = plan.slots[3]
    config = composed(*plan.overrides(slot, attempt=1, extra={"run.parent": "abc", "run.idle_power_w": "null"}))
    assert config.framework.name == plan.label(slot)
    assert (config.run.iteration, config.run.position, config.run.sequence) == (
        slot.iteration,
        slot.position,
        4,
    )
    assert (config.run.sweep, config.run.parent, config.run.attempt) == ("s1", "abc", 1)
    assert config.run.folder == f"0004-{plan.label(slot)}-retry1"


@pytest.mark.parametrize("label", ["torch 'quoted'", "a=b, c: d", "back\\slash"])
def test_any_label_survives_the_command_line(composed, label):
    treatments = [Treatment(label, ("framework=torch",)), Treatment("other", ("framework=jax",))]
    plan = make_plan("s", treatments, [composed(*t.overrides) for t in treatments])
    slot = next(slot for slot in plan.slots if slot.treatment == 0)
    assert composed(*plan.overrides(slot, 0, {})).run.treatment == label


@pytest.mark.parametrize("override", ["protocol.iterations=5", "protocol.warmup_s=1", "experiment=other"])
def test_treatments_must_agree_on_what_belongs_to_the_sweep(composed, override):
    treatments = [Treatment("a", ()), Treatment("b", (override,))]
    with pytest.raises(ConfigError, match="belongs to the whole sweep"):
        make_plan("s", treatments, [composed(*t.overrides) for t in treatments])


def test_a_rest_of_its_own_is_a_treatment_like_any_other(composed):
    treatments = [Treatment("a", ("protocol.idle_s=1",)), Treatment("b", ("protocol.idle_s=2",))]
    plan = make_plan("s", treatments, [composed(*t.overrides) for t in treatments])
    assert [config.protocol.idle_s for config in plan.configs] == [1, 2]
