"""Lay a wall meter's recording over runs that are filed already: `python -m src.ingest wall experiment=NAME path=FILE`.

Both clocks are brought together by the steps of the runs' own power; each run that the file covers then has its
`energy_wall_j`.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.contract.commands import override
from src.contract.json_files import ContractError
from src.contract.metrics import WALL
from src.contract.record import RECORD_FILE, FiledRun, RunRecord
from src.errors import ConfigError, JoulebenchError
from src.ingest.options import WallOptions, known_keys, parse_as
from src.ingest.wall_clock import Offset, RunPower, find_offset
from src.ingest.wall_file import WallRecording, read_wall
from src.public import public, shown
from src.track import open_store
from src.track.store import Store

EXAMPLE = "python -m src.ingest wall experiment=NAME path=FILE"
INTERRUPTED = 130
COVERED = 0.99
"""A run of whose task less was recorded has no wall energy."""
COVERAGE = "wall_coverage_share"
UID, FILE, OFFSET = "wall_uid", "wall_file", "wall_offset_s"
MARGIN_S = 60.0
"""What is kept of the recording before the first run and after the last one."""
SHOWN = 5


@dataclass(frozen=True)
class Laid:
    """What became of a recording: runs that have its energy now, that had it before, and that it does not cover."""

    wall: WallRecording
    offset: Offset | None
    seconds: float
    filed: tuple[FiledRun, ...]
    known: tuple[FiledRun, ...]
    outside: tuple[tuple[FiledRun, float], ...]
    records: int


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, 1 where a run was not covered, 2 for what cannot be used."""
    if not arguments or {"-h", "--help"} & set(arguments):
        keys = "\n".join(f"  {key}=VALUE" for key in known_keys(WallOptions))
        print(f"{EXAMPLE}\n\nLay a wall meter's CSV over runs that are filed already. Keys:\n{keys}")
        return 0 if arguments else 2
    try:
        options = parse_as(WallOptions, arguments, EXAMPLE)
        laid = lay_over(options, open_store(options.tracking_uri))
    except JoulebenchError as error:
        print(f"joulebench: {shown(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("joulebench: stopped by Ctrl-C; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    print("\n".join(summary(laid, options)))
    return 1 if laid.outside else 0


def lay_over(options: WallOptions, store: Store) -> Laid:
    """Find the clocks' offset, and file the wall meter's energy of each run that it covers, once.

    Raises ConfigError where a column or the offset has to be named, where no run is there, or another file's energy;
    EnergyError where the file tells none; TrackError where the store fails. Nothing is written before all is known.
    """
    path = Path(options.path)
    wall = read_wall(path, options.column, options.time, options.unit, options.timezone)
    runs = _runs(options, store)
    offset = None if options.offset_s is not None else _aligned(options, store, wall, runs)
    seconds = options.offset_s if offset is None else offset.seconds
    assert seconds is not None
    coverage = {run.run_id: wall.covered(*(edge - seconds for edge in task_window(run))) for run in runs}
    covered = [run for run in runs if coverage[run.run_id] >= COVERED]
    outside = tuple((run, coverage[run.run_id]) for run in runs if coverage[run.run_id] < COVERED)
    if not covered:
        raise ConfigError(f"path={path}: at an offset of {seconds:+.1f} s it covers none of {len(runs)} runs")
    _refuse_others(options, wall, covered)
    new = [run for run in covered if run.tags.get(UID) != wall.uid]
    with tempfile.TemporaryDirectory() as name:
        for sweep in sorted({run.tags.get("sweep", "") for run in new} - {""}):
            own = [run for run in covered if run.tags.get("sweep") == sweep]
            store.annotate_sweep(options.experiment, sweep, _write_curve(Path(name), wall, seconds, own))
    tags = {UID: wall.uid, FILE: wall.name, OFFSET: f"{seconds:.3f}"}
    added = {run.uid: {WALL.name: _energy(wall, run, seconds), COVERAGE: coverage[run.run_id]} for run in new}
    for run in new:
        store.annotate(run.run_id, added[run.uid], tags)
    records = _add_to_records(Path(options.records), added, tags)
    known = tuple(run for run in covered if run not in new)
    return Laid(wall, offset, seconds, tuple(new), known, outside, records)


def task_window(run: FiledRun) -> tuple[float, float]:
    """When a run's task began and ended, in epoch s: the phases that lasted as long as it, or the whole run."""
    begin_s = run.start_ms / 1000
    whole = (0.0, (run.end_ms - run.start_ms) / 1000)
    pairs = itertools.combinations_with_replacement(run.windows.values(), 2)
    spans = [whole, *((first[0], last[1]) for first, last in pairs if last[1] > first[0])]
    lasted_s = run.metrics.get("duration_s", whole[1])
    begin, end = min(spans, key=lambda span: abs(span[1] - span[0] - lasted_s))
    return begin_s + begin, begin_s + end


def summary(laid: Laid, options: WallOptions) -> list[str]:
    """What was found and filed, a line each."""
    lines = [f"`{laid.wall.column}` of {laid.wall.name}, a sample each {laid.wall.interval_s:.3g} s"]
    lines += [flag.text for flag in laid.wall.flags]
    lines.append(_offset_line(laid))
    lines.append(
        f"{_runs_of(len(laid.filed))} in experiment '{options.experiment}' now with {WALL.name}, "
        f"{_runs_of(len(laid.known))} had it already, {_runs_of(len(laid.outside))} not covered"
        + (f"; {laid.records} of their records were added to" if laid.records else "")
    )
    names = [f"{run.name} ({100 * share:.0f} % of its task)" for run, share in laid.outside]
    if names:
        lines.append(f"not covered: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}")
    words = [override("experiment", options.experiment)]
    words += [override("tracking_uri", public(options.tracking_uri))] if options.tracking_uri else []
    return [*lines, f"Compare: python -m src.report {' '.join(words)}"]


def _offset_line(laid: Laid) -> str:
    if laid.offset is None:
        return f"its clock and that of the runs: {laid.seconds:+.2f} s, as given"
    found = laid.offset
    return (
        f"its clock and that of the runs: {found.seconds:+.2f} s, correlation {found.correlation:.3f} (elsewhere at "
        f"most {max(found.runner_up, 0.0):.3f}); the halves of the runs differ by {found.apart_s:.2f} s"
    )


def _runs_of(n: int) -> str:
    return f"{n} run{'' if n == 1 else 's'}"


def _runs(options: WallOptions, store: Store) -> list[FiledRun]:
    """The finished runs that are asked for; raises ConfigError where there is none."""
    if not store.has(options.experiment):
        raise ConfigError(f"experiment={options.experiment}: {store.uri} has no such experiment")
    every = [run for run in store.records(options.experiment) if run.status == "finished"]
    runs = [run for run in every if options.sweep in (None, run.tags.get("sweep"))]
    if not runs:
        sweeps = sorted({run.tags.get("sweep", "") for run in every})
        which = f"sweep={options.sweep}: " if options.sweep else ""
        raise ConfigError(
            f"{which}experiment '{options.experiment}' has no finished run there"
            + (f"; its sweeps are {', '.join(sweeps)}" if sweeps else "")
        )
    return runs


def _aligned(options: WallOptions, store: Store, wall: WallRecording, runs: Sequence[FiledRun]) -> Offset:
    """The offset; raises ConfigError where it is not clear."""
    powers = [power for run in runs if (power := _power(store, run)) is not None]
    if not powers:
        raise ConfigError("no run has its power over time filed, so give the clocks' difference with offset_s=SECONDS")
    known = [run.metrics["idle_power_w"] for run in runs if "idle_power_w" in run.metrics]
    idle_w = float(np.median(known)) if known else min(float(power.power_w.min()) for power in powers)
    found = find_offset(wall, powers, idle_w, 60 * options.search_minutes)
    if found is None:
        raise ConfigError(
            f"path={options.path}: it does not overlap the runs within {options.search_minutes:g} minutes; see that it "
            "was recorded beside them, raise search_minutes, or give timezone=NAME"
        )
    if not found.is_clear:
        raise ConfigError(
            f"path={options.path}: its power does not clearly follow the runs at any offset: best at "
            f"{found.seconds:+.1f} s with a correlation of {found.correlation:.2f}, elsewhere {found.runner_up:.2f}; "
            "lower search_minutes to what its clock may be wrong by, or give offset_s=SECONDS"
        )
    return found


def _power(store: Store, run: FiledRun) -> RunPower | None:
    points = store.trace(run.run_id)
    if not points:
        return None
    begin_s = run.start_ms / 1000
    time_s = begin_s + np.array([point.step for point in points]) / 1000
    return RunPower(begin_s, run.end_ms / 1000, time_s, np.array([point.value for point in points], dtype=float))


def _energy(wall: WallRecording, run: FiledRun, seconds: float) -> float:
    begin_s, end_s = task_window(run)
    return wall.between(begin_s - seconds, end_s - seconds)


def _refuse_others(options: WallOptions, wall: WallRecording, covered: Iterable[FiledRun]) -> None:
    others = [run for run in covered if run.tags.get(UID, wall.uid) != wall.uid]
    if others and not options.replace:
        raise ConfigError(
            f"{_runs_of(len(others))} have an energy of {others[0].tags.get(FILE)} already; give replace=true to put "
            f"that of {wall.name} in its place"
        )


def _write_curve(folder: Path, wall: WallRecording, seconds: float, runs: Sequence[FiledRun]) -> Path:
    """The recording on the machine's clock, as far as the runs reach: the middle of each step and its mean power."""
    begin_s = min(run.start_ms for run in runs) / 1000 - MARGIN_S
    end_s = max(run.end_ms for run in runs) / 1000 + MARGIN_S
    time_s = (wall.time_s[1:] + wall.time_s[:-1]) / 2 + seconds
    kept = (time_s >= begin_s) & (time_s <= end_s)
    path = folder / f"wall-{wall.uid}.csv"
    rows = zip(time_s[kept].tolist(), wall.power_w[kept].tolist(), strict=True)
    path.write_text("".join(["time_s,power_w\n", *(f"{t:.3f},{p:.6g}\n" for t, p in rows)]), encoding="utf-8")
    return path


def _add_to_records(root: Path, added: dict[str, dict[str, float]], tags: dict[str, str]) -> int:
    """Write the same into the records that lie below `root`; returns how many there were."""
    names = {uid.rpartition("/")[2] for uid in added}
    count = 0
    for path in root.rglob(RECORD_FILE) if root.is_dir() else ():
        if path.parent.name not in names:
            continue
        try:
            record = RunRecord.read(path.parent)
        except ContractError:
            continue
        if record.uid in added:
            metrics = record.metrics | added[record.uid]
            dataclasses.replace(record, metrics=metrics, tags=record.tags | tags).write()
            count += 1
    return count
