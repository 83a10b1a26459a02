"""The forest plot of a pair on each machine."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from src.analysis.analyse import Analysis
from src.analysis.settings import AnalysisConfig
from src.figures.drawing import Drawing
from src.figures.each_machine import MOST_NAMED, MOST_PAIRS, draw_machines
from src.figures.style import WIDTH_IN
from tests.analysis.conftest import make_runs
from tests.made_runs import analyse

CONFIG = AnalysisConfig(bootstrap_samples=100)


def measured(machines: int, treatments: int = 2, iterations: int = 6) -> pd.DataFrame:
    means = {f"t{place}": 100.0 * 1.3**place for place in range(treatments)}
    rng = np.random.default_rng(1)
    parts = []
    for place in range(machines):
        own = {name: mean * float(np.exp(0.05 * rng.standard_normal())) for name, mean in means.items()}
        part = make_runs(own, iterations, seed=place)
        parts.append(part.assign(machine=f"node{place + 1}", run_id=f"m{place}-" + part["run_id"]))
    return pd.concat(parts, ignore_index=True)


def drawn(runs: pd.DataFrame, config: AnalysisConfig = CONFIG) -> tuple[Analysis, list[Drawing]]:
    found = analyse(runs, config)
    metric = found.catalogue["energy_j"]
    return found, list(draw_machines(runs, metric, found.pairs, found.treatment_factors, config))


def figures(drawings: list[Drawing]) -> Iterator[Figure]:
    for drawing in drawings:
        assert drawing.figure is not None
        yield drawing.figure


def test_every_machine_has_a_row_and_all_together_one() -> None:
    found, drawings = drawn(measured(4))
    (figure,) = figures(drawings)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["node1", "node2", "node3", "node4", "together"]
    (pair,) = found.pairs_of("energy_j")
    points = {float(x) for line in axes.lines if len(line.get_xdata()) == 1 for x in np.asarray(line.get_xdata())}
    assert {machine.percent for machine in pair.decision.machines} <= points
    assert "is where a next machine's ratio lies" in drawings[0].caption


@pytest.mark.parametrize("machines", [3, MOST_NAMED, MOST_NAMED + 1, 100])
def test_many_machines_stay_readable(machines: int, faults_of: Callable[[Figure], list[str]]) -> None:
    (figure,) = figures(drawn(measured(machines))[1])
    (axes,) = figure.axes
    assert figure.get_figwidth() == WIDTH_IN
    assert figure.get_figheight() < 6.5
    assert not faults_of(figure)
    assert len(axes.get_yticks()) == (machines + 1 if machines <= MOST_NAMED else 3)


def test_intervals_that_leave_the_frame_end_in_arrows() -> None:
    (figure,) = figures(drawn(measured(2))[1])
    assert ">" in {line.get_marker() for line in figure.axes[0].lines}


def test_pairs_with_the_first_treatment_have_a_figure_each() -> None:
    names = [drawing.name for drawing in drawn(measured(3, treatments=MOST_PAIRS + 2))[1]]
    assert names == [f"machines_{place}" for place in range(1, MOST_PAIRS + 1)]


def test_one_machine_and_the_published_rule_have_none() -> None:
    assert drawn(make_runs({"a": 100.0, "b": 110.0}))[1] == []
    assert drawn(measured(3), AnalysisConfig(bootstrap_samples=100, decision="published"))[1] == []


def test_many_machines_stand_in_the_order_of_their_ratios() -> None:
    (figure,) = figures(drawn(measured(MOST_NAMED + 5))[1])
    rows = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    percents = [float(np.asarray(line.get_xdata())[0]) for line in rows]
    assert percents == sorted(percents)
