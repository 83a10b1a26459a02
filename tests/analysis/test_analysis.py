"""From a table of runs to all results at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from src.analysis.analyse import Analysis
from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Why
from src.contract.flags import Flag
from src.contract.metrics import OLD_CATALOGUE, Metric
from src.errors import ConfigError
from tests.made_runs import analyse

if TYPE_CHECKING:
    from tests.analysis.conftest import MakeRuns

SAMPLES = Path(__file__).parent / "samples"


def verdicts(analysis: Analysis) -> dict[tuple[str, str], str]:
    return {(pair.first, pair.second): pair.verdict.word for pair in analysis.pairs_of("energy_j")}


def caution_kinds(analysis: Analysis) -> set[str]:
    return {caution.kind for caution in analysis.cautions}


@pytest.fixture
def study() -> pd.DataFrame:
    """Whole-file energies of 35 recordings of the published study, as imported runs."""
    table = pd.read_csv(SAMPLES / "study.csv")
    table["run_name"] = table["treatment"] + "_" + table["iteration"].astype(str)
    return table.assign(
        run_id=table["run_name"],
        framework=table["treatment"],
        sweep=np.nan,
        position=np.nan,
        sequence=np.nan,
        status="finished",
        meter="energibridge",
        energy_kind="imported",
    )


def test_the_published_recordings(study: pd.DataFrame, config: AnalysisConfig) -> None:
    analysis = analyse(study, config)
    assert analysis.energy_metric == "energy_total_j"
    assert analysis.treatments == ("tf", "torch", "jax")
    medians = [analysis.description(treatment, "energy_total_j").median for treatment in analysis.treatments]
    assert medians == pytest.approx([2470.913, 4054.522, 10298.235], abs=5e-4)
    pairs = analysis.pairs_of("energy_total_j")
    assert [pair.published.word for pair in pairs] == ["more"] * 3
    assert [pair.published.relevance for pair in pairs] == ["relevant"] * 3
    # In these recordings torch always came last, so only the other two can be told from their place.
    assert [pair.verdict.word for pair in pairs] == ["not testable", "more", "not testable"]
    assert [pair.decision.untested for pair in pairs] == [Reason(Why.FIXED_ORDER), None, Reason(Why.FIXED_ORDER)]
    omnibus = analysis.omnibus_of("energy_total_j")
    assert (omnibus.test.name, omnibus.n_blocks) == ("Friedman", 9)
    assert {"not_measured", "spread", "few_runs"} <= caution_kinds(analysis)
    assert "energy_j" in analysis.missing_metrics


def test_verdicts_of_three_treatments(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    analysis = analyse(make_runs({"greedy": 120.0, "frugal": 100.0, "alike": 100.2}, iterations=30), config)
    assert set(analysis.treatments[:2]) == {"frugal", "alike"}
    first, second = analysis.treatments[:2]
    assert verdicts(analysis) == {
        (first, second): "practically the same",
        (first, "greedy"): "more",
        (second, "greedy"): "more",
    }
    greedy = analysis.pairs_of("energy_j")[1]
    assert greedy.difference.percent == pytest.approx(20, abs=1)
    interval = greedy.difference.percent_interval
    assert interval is not None
    assert 18 < interval.low < interval.high < 22
    assert greedy.paired.n_blocks == 30
    assert greedy.power.alpha == pytest.approx(0.05 / 3)
    assert not caution_kinds(analysis)


def test_a_difference_too_noisy_to_show(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    analysis = analyse(make_runs({"a": 100.0, "b": 101.0}, iterations=6, cv=0.1), config)
    assert list(verdicts(analysis).values()) == ["no difference shown"]
    assert {"spread", "few_runs", "low_power"} <= caution_kinds(analysis)
    power = analysis.pairs_of("energy_j")[0].power
    assert power.iterations_needed is not None
    assert power.iterations_needed > 30


@pytest.mark.parametrize("iterations", [1, 2, 3])
@pytest.mark.parametrize("treatments", [1, 2, 3])
@pytest.mark.parametrize("cv", [0.0, 0.01])
def test_small_tables_have_results(
    make_runs: "MakeRuns", config: AnalysisConfig, iterations: int, treatments: int, cv: float
) -> None:
    means = {name: 100.0 + 10 * i for i, name in enumerate("abc"[:treatments])}
    analysis = analyse(make_runs(means, iterations=iterations, cv=cv), config)
    assert analysis.n_usable == iterations * treatments
    assert len(analysis.pairs_of("energy_j")) == treatments * (treatments - 1) // 2


def test_runs_that_did_not_finish_are_listed_and_left_out(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0})
    runs.loc[runs.index[:2], "status"] = "failed"
    analysis = analyse(runs, config)
    assert (analysis.n_runs, analysis.n_usable) == (20, 18)
    assert [(run.run_id, run.status) for run in analysis.excluded_runs] == [(i, "failed") for i in runs["run_id"][:2]]
    assert "failed" in caution_kinds(analysis)


@pytest.mark.parametrize("status", ["failed", None])
def test_without_a_finished_run_the_error_says_what_to_do(
    make_runs: "MakeRuns", config: AnalysisConfig, status: str | None
) -> None:
    with pytest.raises(ConfigError, match=r"none of 10 runs has finished.*measure some first"):
        analyse(make_runs({"a": 100.0}, status=status), config)


def test_finished_runs_without_any_metric_are_refused(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    with pytest.raises(ConfigError, match="no finished run has a metric"):
        analyse(make_runs({"a": 100.0}, energy_j=np.nan, accuracy=np.nan), config)


def test_a_metric_that_one_treatment_lacks(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0, "c": 120.0})
    runs["energy_dram_j"] = runs["energy_j"].where(runs["treatment"] != "b") / 10
    analysis = analyse(runs, config)
    assert analysis.description("b", "energy_dram_j").reason == Reason(Why.NO_VALUE)
    assert [(pair.first, pair.second) for pair in analysis.pairs_of("energy_dram_j")] == [("a", "c")]
    assert analysis.omnibus_of("energy_dram_j").treatments == ("a", "c")


def test_accuracies_that_never_vary(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0}, iterations=12)
    runs["accuracy"] = runs["treatment"].map({"a": 0.98, "b": 0.50})
    runs["loss"] = 0.1
    analysis = analyse(runs, config)
    assert analysis.pairs_of("accuracy")[0].verdict.word == "less"
    assert analysis.pairs_of("loss")[0].verdict.word == "practically the same"
    with pytest.raises(KeyError):
        analysis.omnibus_of("power_w")


def test_an_outlier_is_left_out_of_its_metric_only(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 110.0}, iterations=20)
    row = int(runs.index[runs["treatment"] == "a"][0])
    runs.loc[row, "energy_j"] = 1000.0
    kept, without = (analyse(runs, AnalysisConfig(bootstrap_samples=200, outliers=rule)) for rule in ("none", "3sigma"))
    assert kept.description("a", "energy_j").n == 20
    assert without.description("a", "energy_j").n == 19
    assert without.description("a", "accuracy").n == 20
    assert without.n_usable == 40
    for analysis in (kept, without):
        assert runs.loc[row, "run_id"] in {outlier.run_id for outlier in analysis.outliers}


@pytest.mark.parametrize("kind", ["estimated", "replayed", "imported"])
def test_energy_that_was_not_measured_is_said(make_runs: "MakeRuns", config: AnalysisConfig, kind: str) -> None:
    caution = analyse(make_runs({"a": 100.0}, energy_kind=kind), config).cautions[0]
    assert caution.kind == "not_measured"
    assert caution.energy_kind == kind
    assert len(caution.run_ids) == 10


def test_flags_of_recordings_are_said_by_code(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0})
    runs["tags.flags"] = ["gap: 3 s", "wrap: once; gap: 4 s", "", None, *[np.nan] * 6]
    flags = [caution for caution in analyse(runs, config).cautions if caution.kind == "flags"]
    assert [(caution.flag, caution.texts_differ, caution.run_ids) for caution in flags] == [
        (Flag("gap", "3 s", grave=True), True, ("s1-00000", "s1-00001")),
        (Flag("wrap", "once"), False, ("s1-00001",)),
    ]
    assert [caution.is_grave for caution in flags] == [True, False]


def test_columns_of_text_and_of_integers_that_may_be_missing(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0})
    plain = analyse(runs, config)
    params = {name: "str" for name in runs.columns if name.startswith("params.")}
    typed = runs.astype({"iteration": "Int64", "position": "Int64", "sequence": "Int64", "sweep": "str", **params})
    assert analyse(typed, config) == plain
    typed[["iteration", "position", "sequence"]] = pd.NA
    typed["sweep"] = pd.Series(pd.NA, typed.index, dtype="str")
    assert analyse(typed, config).pairs_of("energy_j")[0].paired.n_blocks == 0


@pytest.mark.parametrize("kind", ["drift", "position"])
def test_threats_reach_the_cautions(make_runs: "MakeRuns", config: AnalysisConfig, kind: str) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0}, iterations=20)
    assert kind not in caution_kinds(analyse(runs, config))
    place = (runs["started_s"] - runs["started_s"].min()) / 3600 if kind == "drift" else runs["position"]
    runs["energy_j"] *= 1 + 0.1 * place
    (found,) = [caution for caution in analyse(runs, config).cautions if caution.kind == kind]
    assert (found.metric, found.is_grave) == ("energy_j", True)


def test_sweeps_are_compared_by_a_named_factor(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    column: dict[str, Any] = {"params.hardware.name": "server"}
    runs = pd.concat([make_runs({"a": 100.0}), make_runs({"a": 200.0}, sweep="s2", **column)])
    with pytest.raises(ConfigError, match=r"hardware\.name is laptop in 10 runs, server in 10 runs"):
        analyse(runs, config)
    config.compare = ["hardware.name"]
    analysis = analyse(runs, config)
    assert analysis.treatments == ("a laptop", "a server")
    assert analysis.frameworks == dict.fromkeys(analysis.treatments, "a")
    assert [factor.key for factor in analysis.factors] == ["hardware.name"]
    assert analysis.pairs_of("energy_j")[0].paired.n_blocks == 0


def test_the_same_runs_give_the_same_figures_whatever_stands_beside_them(
    make_runs: "MakeRuns", config: AnalysisConfig
) -> None:
    three = make_runs({"a": 100.0, "b": 110.0, "c": 120.0})
    two = three[three["treatment"] != "c"]
    whole, part = analyse(three, config), analyse(two.sample(frac=1, random_state=1), config)
    assert whole.description("a", "energy_j").median_interval == part.description("a", "energy_j").median_interval
    mean, again = (each.description("a", "energy_j").mean_interval for each in (whole, analyse(three, config)))
    assert mean == again


def test_every_metric_of_old_stores_has_a_unit() -> None:
    endings = {"_j": "J", "_s": "s", "_w": "W", "_js": "J·s", "_per_s": "1/s"}
    for name, metric in OLD_CATALOGUE.items():
        ending = next((end for end in sorted(endings, key=len, reverse=True) if name.endswith(end)), None)
        assert metric.unit == (endings[ending] if ending else "1")


def test_metrics_and_phases_are_those_that_the_runs_describe(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0}).drop(columns="accuracy")
    runs["params.workload.kind"] = "command"
    runs["lines_per_s"], runs["energy_sort_j"], runs["duration_sort_s"] = 5.0, 1.0, 1.0
    rate = Metric("lines_per_s", "1/s", "Lines", "higher", headline=True)
    analysis = analyse(runs.assign(described=[{"lines_per_s": rate}] * len(runs)), config)
    assert analysis.catalogue["lines_per_s"] == rate
    assert {"lines_per_s", "energy_sort_j", "duration_sort_s"} <= set(analysis.metrics)
    assert analysis.phases == ("sort",)
    assert {"accuracy", "energy_train_j"} & set(analysis.catalogue) == set()


def test_a_disturbed_run_that_was_measured_again_is_left_out_without_a_warning(
    make_runs: "MakeRuns", config: AnalysisConfig
) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0})
    runs.loc[runs.index[:2], "status"] = ["disturbed", "failed"]
    analysis = analyse(runs, config)
    assert [run.status for run in analysis.excluded_runs] == ["disturbed", "failed"]
    assert [caution.run_ids for caution in analysis.cautions if caution.kind == "failed"] == [(runs["run_id"][1],)]
    assert analysis.n_usable == 18
