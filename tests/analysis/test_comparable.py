"""What may be compared with what."""

import numpy as np
import pandas as pd
import pytest

from src.errors import ConfigError
from tests.made_runs import compared


def comparable(runs: pd.DataFrame, compare: list[str]) -> pd.DataFrame:
    return compared(runs, compare).runs


def two_kinds(
    key: str, one: str | float, other: str | float, labels: tuple[str, str] = ("torch", "jax")
) -> pd.DataFrame:
    runs = pd.DataFrame({"treatment": [labels[0]] * 3 + [labels[1]] * 3, "meter": "native", "energy_kind": "measured"})
    runs["status"] = "finished"
    runs["params.training.epochs"] = 3
    runs["params.framework.name"] = runs["treatment"]
    runs[key] = [one] * 3 + [other] * 3
    return runs


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("meter", "meter"),
        ("energy_kind", "energy_kind"),
        ("params.hardware.threads", "hardware.threads"),
        ("params.model.name", "model.name"),
        ("params.dataset.train_size", "dataset.train_size"),
        ("params.training.epochs", "training.epochs"),
        ("params.protocol.idle_s", "protocol.idle_s"),
        ("params.meter.interval_ms", "meter.interval_ms"),
    ],
)
def test_runs_that_differ_are_refused_with_key_values_and_remedy(column: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        comparable(two_kinds(column, "A", "B"), [])
    message = str(caught.value)
    assert f"{key} is A in 3 runs, B in 3 runs" in message
    assert f"analysis.compare=[{key}]" in message


def test_every_differing_key_is_named_at_once() -> None:
    runs = two_kinds("meter", "native", "energibridge").assign(**{"params.training.epochs": [1, 2, 3] * 2})
    with pytest.raises(ConfigError, match=r"meter is .*; training\.epochs is .*compare=\[meter,training\.epochs\]"):
        comparable(runs, [])


@pytest.mark.parametrize(
    "column",
    ["params.framework.name", "params.protocol.iterations", "params.protocol.seed", "params.dataset.path",
     "params.meter.name", "params.meter.binary", "params.run.position"],
)  # fmt: skip
def test_keys_without_effect_on_a_run_may_differ(column: str) -> None:
    runs = two_kinds(column, "A", "B")
    assert comparable(runs, [])["treatment"].tolist() == runs["treatment"].tolist()


def test_a_key_that_only_some_runs_recorded_differs() -> None:
    with pytest.raises(ConfigError, match=r"hardware\.threads is \(not recorded\) in 3 runs, 2\.0 in 3 runs"):
        comparable(two_kinds("params.hardware.threads", np.nan, 2.0), [])


@pytest.mark.parametrize("factor", ["hardware.name", "hardware"])
def test_a_named_factor_tells_treatments_apart(factor: str) -> None:
    runs = two_kinds("params.hardware.name", "laptop", "server", labels=("torch", "torch"))
    split = comparable(runs, [factor])["treatment"].unique().tolist()
    assert split == ["torch laptop", "torch server"]


def test_failed_runs_get_the_label_of_those_they_would_have_been_among() -> None:
    runs = two_kinds("params.hardware.name", "laptop", "server", labels=("torch", "torch"))
    runs["status"] = ["failed", "finished", "finished"] * 2
    labelled = comparable(runs, ["hardware.name"])
    assert labelled["treatment"].tolist()[::3] == ["torch laptop", "torch server"]
    assert comparable(labelled, ["hardware.name"])["treatment"].tolist() == labelled["treatment"].tolist()


def test_a_difference_among_failed_runs_alone_refuses_nothing() -> None:
    runs = two_kinds("meter", "native", "energibridge").assign(status=["finished"] * 3 + ["failed"] * 3)
    assert comparable(runs, [])["treatment"].tolist() == runs["treatment"].tolist()


def test_a_named_factor_that_treatments_already_tell_apart_changes_no_label() -> None:
    runs = two_kinds("meter", "native", "energibridge")
    assert comparable(runs, ["meter"])["treatment"].unique().tolist() == ["torch", "jax"]


@pytest.mark.parametrize(
    ("key", "labels", "told"),
    [
        (
            "training.batch_size",
            ("torch training.batch_size=32", "torch training.batch_size=64"),
            ["torch batch_size=32", "torch batch_size=64"],
        ),
        ("model.name", ("model=cnn", "model=mlp"), ["model=cnn", "model=mlp"]),
    ],
)
def test_what_the_sweep_went_over_may_differ(key: str, labels: tuple[str, str], told: list[str]) -> None:
    runs = two_kinds(f"params.{key}", "A", "B", labels)
    assert comparable(runs, [])["treatment"].unique().tolist() == told


SAME = {"params.dataset.checksum": ("5a" * 32, "ab" * 32), "params.dataset.train_size": ("1437", "60000")}


@pytest.mark.parametrize(
    ("columns", "compare", "told"),
    [
        pytest.param(
            SAME | {"params.dataset.name": ("digits", "mnist"), "params.protocol.warmup_s": ("30.0", "300.0")},
            ["dataset", "protocol"], ["torch digits", "torch mnist"], id="by its name",
        ),
        pytest.param(SAME, ["dataset"], ["torch train_size=1437", "torch train_size=60000"], id="by what is short"),
        pytest.param(
            {"params.dataset.checksum": SAME["params.dataset.checksum"]}, ["dataset"],
            ["torch checksum=5a5a5a5a…", "torch checksum=abababab…"], id="a long value is cut",
        ),
        pytest.param(
            {"params.dataset.checksum": ("5a" * 32, "5a" * 31 + "ab")}, ["dataset"],
            [f"torch dataset.checksum={'5a' * 32}", f"torch dataset.checksum={'5a' * 31}ab"],
            id="unless both are alike",
        ),
    ],
)  # fmt: skip
def test_what_the_refusal_proposes_gives_labels_that_a_person_can_read(columns, compare, told) -> None:
    runs = two_kinds("params.protocol.idle_s", "60.0", "60.0", ("torch", "torch"))
    for name, (first, second) in columns.items():
        runs[name] = [first] * (len(runs) // 2) + [second] * (len(runs) // 2)
    assert comparable(runs, compare)["treatment"].unique().tolist() == told


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(("torch training.batch_size=32", "torch"), id="one label does not say so"),
        pytest.param(("training.batch_size=32", "training.batch_size=32"), id="within one treatment"),
    ],
)
def test_a_swept_key_must_be_in_every_label_and_one_value_each(labels: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"training\.batch_size"):
        comparable(two_kinds("params.training.batch_size", 32, 64, labels), [])


def test_a_misspelt_factor_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'hardwre', which no run has recorded; it may name: energy_kind, meter"):
        comparable(two_kinds("meter", "native", "native"), ["hardwre"])


def test_differences_are_listed_with_their_counts() -> None:
    found = compared(two_kinds("meter", "native", "energibridge"), ["meter"]).differences
    assert [(each.key, each.values) for each in found] == [("meter", {"energibridge": 3, "native": 3})]


@pytest.fixture
def with_imported() -> pd.DataFrame:
    """Three own runs and three from elsewhere, which tell neither what was trained nor how."""
    runs = two_kinds("params.hardware.name", "laptop", np.nan, labels=("torch", "torch"))
    runs["run_uid"] = ["s1/1", "s1/2", "s1/3", "imported/1", "imported/2", "imported/3"]
    return runs.assign(**{"params.training.epochs": [3.0] * 3 + [np.nan] * 3})


def test_what_a_recording_from_elsewhere_does_not_tell_is_no_difference_once_it_may_be_compared(
    with_imported: pd.DataFrame,
) -> None:
    with pytest.raises(ConfigError, match=r"compared: imported is no in 3 runs, yes in 3 runs\. .*=\[imported\]'$"):
        comparable(with_imported, [])
    split = comparable(with_imported, ["imported"])["treatment"].unique().tolist()
    assert split == ["torch imported=no", "torch imported=yes"]
    assert [each.key for each in compared(with_imported, ["imported"]).differences] == ["imported"]
    both = comparable(with_imported, ["imported", "hardware"])["treatment"].unique().tolist()
    assert both == split


def test_what_a_recording_from_elsewhere_tells_otherwise_stays_a_difference(with_imported: pd.DataFrame) -> None:
    other = with_imported.assign(meter=["native"] * 3 + ["energibridge"] * 3)
    with pytest.raises(ConfigError, match=r"compared: imported is .*; meter is .*=\[imported,meter\]'$"):
        comparable(other, [])
    with pytest.raises(ConfigError, match=r"compared: meter is .*=\[imported,meter\]'$"):
        comparable(other, ["imported"])
    own = with_imported.assign(run_uid=[f"s1/{n}" for n in range(6)])
    with pytest.raises(ConfigError, match=r"epochs is \(not recorded\) in 3 runs"):
        comparable(own, ["imported"])


def test_many_differing_keys_are_told_by_their_groups_and_long_values_cut_short() -> None:
    runs = two_kinds("params.model.layers", "[" + 100 * "x" + "]", "[" + 100 * "y" + "]")
    other = {f"params.training.{name}": [1, 2] * 3 for name in ("epochs", "batch_size", "beta_1", "beta_2")}
    with pytest.raises(ConfigError) as caught:
        comparable(runs.assign(**other, meter=["native", "estimate"] * 3), [])
    message = str(caught.value)
    assert "4 keys of training differ, as training.batch_size is 1 in 3 runs, 2 in 3 runs" in message
    assert message.endswith("'analysis.compare=[meter,model.layers,training]'")
    assert f"[{59 * 'x'}… in 3 runs" in message
    assert len(message) < 500
    assert comparable(runs.assign(**other), ["training", "model.layers"])["treatment"].nunique() == 4


def test_a_group_covers_the_keys_below_it_in_the_remedy() -> None:
    runs = two_kinds("meter", "native", "estimate").assign(**{"params.meter.interval_ms": ["100", "200"] * 3})
    with pytest.raises(ConfigError, match=r"meter is .*; meter\.interval_ms is .*analysis\.compare=\[meter\]'$"):
        comparable(runs, [])


def test_a_factor_of_the_plan_may_differ_whatever_the_label_says() -> None:
    runs = two_kinds("params.workload.command", "gzip -9 big", "xz -9 big", labels=("gzip", "xz"))
    runs["factors"] = [{"workload.command": command} for command in runs["params.workload.command"]]
    assert comparable(runs, [])["treatment"].unique().tolist() == ["gzip", "xz"]
    with pytest.raises(ConfigError, match=r"workload\.command is gzip -9 big in 3 runs, xz -9 big in 3 runs"):
        comparable(runs.assign(factors=[{}] * 6), [])


def test_a_label_that_looks_like_a_factor_is_none() -> None:
    runs = two_kinds("params.training.batch_size", 32, 64, ("a training.batch_size=32", "a training.batch_size=64"))
    with pytest.raises(ConfigError, match=r"training\.batch_size"):
        comparable(runs.assign(factors=[{"framework": "a"}] * 6), [])


def test_what_compare_tells_apart_becomes_a_factor() -> None:
    runs = two_kinds("params.hardware.name", "laptop", "server", labels=("torch", "torch"))
    factors = comparable(runs, ["hardware.name"])["factors"].tolist()
    assert factors[0] == {"framework": "torch", "hardware.name": "laptop"}
    assert factors[5] == {"framework": "torch", "hardware.name": "server"}


@pytest.mark.parametrize(
    "key",
    ["workload.kind", "workload.working_directory", "inference.batch_size", "inference.passes", "weights.checksum"],
)
def test_unequal_workloads_are_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key} is A in 3 runs, B in 3 runs.*compare=\[{key}\]"):
        comparable(two_kinds(f"params.{key}", "A", "B"), [])


def test_runs_of_before_workloads_had_kinds_are_trainings() -> None:
    runs = two_kinds("params.workload.kind", "training", np.nan)
    assert comparable(runs, [])["treatment"].unique().tolist() == ["torch", "jax"]
    with pytest.raises(ConfigError, match=r"workload\.kind is inference in 3 runs, training in 3 runs"):
        comparable(two_kinds("params.workload.kind", "inference", np.nan), [])


@pytest.mark.parametrize(
    "key", ["workload.name", "workload.program", "workload.metrics.size.unit", "inference.weights_from.name"]
)
def test_what_a_work_is_called_and_where_it_is_found_is_no_difference(key: str) -> None:
    assert len(comparable(two_kinds(f"params.{key}", "mine", "yours"), [])) == 6


def on_machines(places: dict[str, str], **columns: object) -> pd.DataFrame:
    """Two runs of each treatment on each of its machines, which are named by their first letters."""
    rows = [
        {"treatment": treatment, "machine": machine, "params.hardware.name": f"CPU of {machine}"}
        for treatment, machines in places.items()
        for machine in 2 * machines
    ]
    return pd.DataFrame(rows).assign(status="finished", meter="native", energy_kind="measured", **columns)


def test_machines_that_each_measured_the_treatments_may_differ() -> None:
    runs = on_machines({"torch": "mn", "jax": "mn"})
    runs["meter"] = runs["machine"].map({"m": "native", "n": "energibridge"})
    found = compared(runs)
    assert [each.key for each in found.of_machines] == ["meter", "hardware.name", "machine"]
    assert found.differences == ()
    assert found.runs["treatment"].tolist() == runs["treatment"].tolist()


@pytest.mark.parametrize(
    ("places", "refused"),
    [
        pytest.param({"torch": "m", "jax": "n"}, True, id="a machine each"),
        pytest.param({"torch": "mn", "jax": "no", "tf": "om"}, False, id="any two share one"),
        pytest.param({"torch": "m", "jax": "mn", "tf": "n"}, True, id="one pair shares none"),
    ],
)
def test_treatments_that_share_no_machine_are_refused(places: dict[str, str], refused: bool) -> None:
    if not refused:
        assert len(compared(on_machines(places)).of_machines) == 2
        return
    with pytest.raises(ConfigError, match=r"hardware.name is CPU of m.*; machine is m in .*=\[hardware.name,machine\]"):
        compared(on_machines(places))


@pytest.mark.parametrize(
    "column", ["energy_kind", "params.hardware.device", "params.training.epochs", "params.protocol.idle_s"]
)
def test_what_is_no_machines_own_must_agree_on_all_of_them(column: str) -> None:
    runs = on_machines({"torch": "mn", "jax": "mn"})
    with pytest.raises(ConfigError, match=rf"compared: {column.removeprefix('params.')} is "):
        compared(runs.assign(**{column: runs["machine"]}))


def test_what_changes_within_a_machine_must_agree() -> None:
    runs = on_machines({"torch": "mn", "jax": "mn"})
    with pytest.raises(ConfigError, match=r"meter\.interval_ms is "):
        compared(runs.assign(**{"params.meter.interval_ms": ["100", "100", "200", "200"] * 2}))


def test_one_treatment_on_two_machines_has_nothing_to_be_compared_within_them() -> None:
    with pytest.raises(ConfigError, match=r"machine is m in 2 runs, n in 2 runs"):
        compared(on_machines({"torch": "mn"}))


def test_machines_that_are_compared_make_treatments() -> None:
    found = compared(on_machines({"torch": "mn"}), ["machine", "hardware.name"])
    assert found.of_machines == ()
    assert found.runs["treatment"].nunique() == 2
