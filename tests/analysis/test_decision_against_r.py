"""What the decision rests on, against R: scripts/check_decision.R made samples/r_decision.csv from the same samples."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.analysis.blocks import decide, material
from src.analysis.describe import describe
from src.analysis.memory import Spread, spread_of
from src.analysis.ratios import bill, usual
from src.analysis.settings import AnalysisConfig
from src.analysis.table import block_table, complete_blocks, shares
from src.analysis.values import Sample

SAMPLES = Path(__file__).parent / "samples"
METRICS = {"blocked": "energy_j", "tied": "energy_j", "study": "energy_total_j"}
LEVEL = 0.05 / 3


def r_figures() -> dict[str, float]:
    table = pd.read_csv(SAMPLES / "r_decision.csv")
    return dict(zip(table["figure"], table["value"], strict=True))


def figures(name: str, metric: str) -> Iterator[tuple[str, float]]:
    runs = pd.read_csv(SAMPLES / f"{name}.csv").assign(sweep="")
    table = block_table(runs, metric)
    for a, b in itertools.combinations(sorted(set(runs["treatment"])), 2):
        blocks = complete_blocks(table, [a, b])
        yield from said(f"{name}|{a}|{b}|bill", *bill(*blocks))
        yield from said(f"{name}|{a}|{b}|usual", *usual(*blocks))


def said(key: str, estimate: Sample, spread: Spread) -> Iterator[tuple[str, float]]:
    yield f"{key}|estimate", float(estimate)
    yield f"{key}|p", float(spread.tail(estimate))
    yield f"{key}|half_width", float(spread.half_width(LEVEL))
    yield f"{key}|memory", float(spread.memory)


@pytest.mark.parametrize("name", METRICS)
def test_bill_and_usual_run_agree_with_r(name: str) -> None:
    ours, theirs = dict(figures(name, METRICS[name])), r_figures()
    assert set(ours) == {key for key in theirs if key.startswith(f"{name}|") and ("|bill|" in key or "|usual|" in key)}
    for key, value in ours.items():
        assert value == pytest.approx(theirs[key], rel=1e-8), key


@pytest.mark.parametrize("name", METRICS)
def test_intervals_of_one_treatment_agree_with_r(name: str) -> None:
    runs, theirs = pd.read_csv(SAMPLES / f"{name}.csv"), r_figures()
    for treatment, values in runs.groupby("treatment")[METRICS[name]]:
        found = describe(str(treatment), "energy_j", "J", values.to_numpy(), 0.95)
        for middle, interval in (("mean", found.mean_interval), ("median", found.median_interval)):
            low, high = (theirs[f"{name}|{treatment}|{middle}|{end}"] for end in ("low", "high"))
            ours = (interval.low, interval.high) if interval else (np.nan, np.nan)
            assert ours == pytest.approx((low, high), rel=1e-8, nan_ok=True), (treatment, middle)


def test_without_memory_it_is_students_t() -> None:
    values = pd.read_csv(SAMPLES / "blocked.csv")["energy_j"].to_numpy()
    spread = spread_of(values)
    alone = Spread(spread.scales[:1], np.ones(1), spread.df)
    assert float(alone.tail(np.array(1.0))) == pytest.approx(r_figures()["student|p"], rel=1e-9)


def log_of(percent: float) -> float:
    return float(np.log1p(percent / 100))


@pytest.mark.parametrize(("a", "b"), [("a", "b"), ("a", "c"), ("b", "c")])
def test_several_machines_agree_with_r_and_metafor(a: str, b: str) -> None:
    runs = pd.read_csv(SAMPLES / "machines.csv").assign(sweep="s")
    known = material(shares(runs.assign(started_s=np.arange(len(runs)))), "energy_j")
    found, theirs = decide(a, b, known, 3, AnalysisConfig()), r_figures()
    assert found.bill is not None
    assert found.heterogeneity is not None
    assert found.prediction is not None
    ours = {
        "estimate": log_of(found.bill.percent),
        "p": found.bill.p_differs / 3,
        "low": log_of(found.bill.interval.low),
        "high": log_of(found.bill.interval.high),
        "next_low": log_of(found.prediction.low),
        "next_high": log_of(found.prediction.high),
        "q": found.heterogeneity.q,
        "q_p": found.heterogeneity.p_value,
        "tau2": log_of(found.heterogeneity.tau_percent) ** 2,
        "i2": found.heterogeneity.i2_percent,
    }
    for name, value in ours.items():
        assert value == pytest.approx(theirs[f"machines|{a}|{b}|{name}"], rel=1e-8), name
