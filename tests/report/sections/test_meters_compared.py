"""What a report says of meters that recorded the same runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from src.analysis.agreement import Agreement, agreements
from src.report.document import Paragraph, Table
from src.report.sections.meters_compared import meters_compared

ENERGY_J = np.array([100.0, 220, 101, 219, 99, 221])


def agreement(second_j: np.ndarray, kind: str = "measured", name: str = "energy_by_x_j") -> Agreement:
    runs = pd.DataFrame({"energy_j": ENERGY_J, name: second_j, "treatment": "a", "meter": "native"})
    return agreements(runs.assign(energy_kind="measured", **{"tags.energy_kind.x": kind}))[0]


NOISE_J = np.array([4.0, -3, 5, 3, -4, -5])
CASES = {
    "joules": (agreement(ENERGY_J + NOISE_J), "showed, on average, the same beside native"),
    "ratios": (agreement(ENERGY_J * [1.5, 1.52, 1.48, 1.5, 1.49, 1.51]), "times as much beside native"),
    "estimated": (agreement(ENERGY_J + NOISE_J, "estimated"), "is estimated, not measured"),
    "wall": (agreement(ENERGY_J + 40 + NOISE_J, name="energy_wall_j"), "the losses of its power supply"),
    "too few": (replace(agreement(ENERGY_J), limits=None), "too few, or too alike"),
}


@pytest.mark.parametrize(("found", "says"), CASES.values(), ids=CASES)
def test_sentences(found: Agreement, says: str) -> None:
    (section,) = meters_compared([found], ())
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    assert says in first.text
    assert any(isinstance(block, Table) for block in section.blocks) is (found.limits is not None)


def test_an_estimate_is_labelled_in_the_table() -> None:
    (section,) = meters_compared([CASES["estimated"][0]], ())
    (found,) = [block for block in section.blocks if isinstance(block, Table)]
    assert found.rows[0][:2] == ("x (ESTIMATED)", "native")


def test_nothing_beside_is_no_section() -> None:
    assert meters_compared([], ()) == []
