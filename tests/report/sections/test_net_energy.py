"""What the energy above idle is above, of new runs and of those of before it was told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from src.contract.record import FiledRun
from src.report.document import Paragraph, Table
from tests.made_runs import training_runs
from tests.report.made_documents import document_of


def changed(run: FiledRun, power_w: float | None, measured: str | None, uncertain_j: float | None) -> FiledRun:
    """A run above this power, measured then."""
    names = ("idle_power_w", "energy_net_j")
    metrics = {name: value for name, value in run.metrics.items() if name not in names}
    if power_w is not None and run.status == "finished":
        net_j = metrics["energy_j"] - power_w * metrics["duration_s"]
        metrics |= {"idle_power_w": power_w, "energy_net_j": net_j}
        metrics |= {} if uncertain_j is None else {"energy_net_uncertainty_j": uncertain_j}
    tags = run.tags | ({"idle_baseline": measured} if measured else {})
    return dataclasses.replace(run, metrics=metrics, tags=tags)


def old(run: FiledRun) -> FiledRun:
    return changed(run, 9.0, None, None)


def new(run: FiledRun) -> FiledRun:
    """The first block has no rest before it, and the second no other to tell a spread from."""
    block = int(run.tags["iteration"])
    if block == 1:
        return changed(run, 8.0, "start", None)
    return changed(run, 9.0 + 0.1 * block, "block", 3.0 if block > 2 else None)


def unknown(run: FiledRun) -> FiledRun:
    return changed(run, None, None, None)


def told(change: Callable[[FiledRun], FiledRun]) -> tuple[list[Table], str, list[tuple[str, ...]]]:
    """The tables of net energy, the sentence of the method, and the rows of the machine at rest."""
    sections = {section.anchor: section for section in document_of([change(run) for run in training_runs()]).sections}
    results = [block for inner in sections["results"].sections for block in inner.blocks]
    method = [block for inner in sections["method"].sections for block in inner.blocks]
    tables = [block for block in results if isinstance(block, Table) and "is above" in block.caption]
    texts = [block.text for block in method if isinstance(block, Paragraph)]
    (said,) = [text for text in texts if "nergy above i" in text]
    rest = [row for table in method if isinstance(table, Table) for row in table.rows if row[0].startswith("Power at")]
    return tables, said, rest


def test_runs_above_their_blocks_power_tell_its_spread() -> None:
    (table,), said, rest = told(new)
    assert {row[1:3] for row in table.rows} == {("7", "1")}
    assert {row[3] for row in table.rows} == {"9.450"}
    assert {row[5] for row in table.rows} == {"3.00"}
    assert all(0 < float(row[6]) < 2 for row in table.rows)
    assert "before its block, in 3 runs above the power at rest before the warm-up, whose spread is not known;" in said
    assert rest == [("Power at rest before the warm-up (median)", "8.000\u202fW")]


def test_runs_of_before_it_was_told_are_above_the_power_of_before_the_warm_up() -> None:
    (table,), said, rest = told(old)
    assert {row[1:4] for row in table.rows} == {("0", "8", "9.000")}
    assert table.head[-1] == "Energy above idle (J)", "no uncertainty is told"
    assert said.startswith("Energy above idle is what a run took above the power at rest before the warm-up")
    assert rest == [("Power at rest before the warm-up (median)", "9.000\u202fW")]


def test_without_a_power_at_rest_no_net_energy_is_told_and_that_is_said() -> None:
    assert told(unknown) == ([], "Power at rest is not recorded, so no energy above it is told.", [])


def test_the_table_stands_beside_the_net_energy() -> None:
    (results,) = [s for s in document_of([new(run) for run in training_runs()]).sections if s.anchor == "results"]
    captions = [block.caption for inner in results.sections for block in inner.blocks if isinstance(block, Table)]
    (where,) = [n for n, caption in enumerate(captions) if caption.startswith("What the energy above idle")]
    assert captions[where - 1].startswith("Energy above idle (J)")
