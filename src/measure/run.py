"""One measured run: start a job under the meter, and believe only what both left on disk."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from src.contract.events import EVENTS_FILE, EVENTS_VARIABLE, Event, read_events
from src.contract.flags import Flag
from src.contract.job import JOB_FILE, Job
from src.contract.json_files import ContractError, whole
from src.contract.metrics import TASK
from src.contract.outcome import OLD_RESULT_FILE, OUTCOME_FILE, OUTCOME_VARIABLE, Outcome, WorkError
from src.contract.record import ENERGY_FILE
from src.errors import EnergyError, MeterError, RunError
from src.measure.disturbed import disturbance_flags, stop_flags
from src.measure.energy import Energy, integrate
from src.measure.gpu_check import gpu_flags
from src.measure.launch import Ending, launch
from src.measure.meter_columns import column_metrics, slowdown_flags
from src.measure.meters.gpu_state import edge_metrics, visible_states
from src.measure.meters.remarks import remarks_file
from src.measure.meters.remedies import sample_too_slow
from src.measure.meters.select import Meter
from src.measure.second import files_of, read_others, with_others
from src.measure.windows import Stretches, phase_windows, stretches_of

LOG_FILE = "worker.log"
LOG_KEPT_BYTES = 1_000_000
"""Of the log of a program that tells much; every run's log is filed."""
SETTLED = ("framework", "threads")
"""Settings of a job that the facts of its outcome repeat."""
NO_GPU_ENERGY = Flag("gpu_missing", "the recording tells no energy of the GPU, which the run computed on", grave=True)
TAIL_LINES, TAIL_COLUMNS = 15, 200


@dataclass(frozen=True)
class Measured:
    """A run that counts. `energy.flags` hold what is odd about it; the files lie in `folder`.

    `machine` holds what the meter's other columns say of the machine during the task, `beside` what the meters told
    that recorded the same run beside it.
    """

    folder: Path
    outcome: Outcome
    events: list[Event]
    windows: dict[str, Stretches]
    energy: Energy
    ending: Ending
    machine: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, Energy] = field(default_factory=dict)


def measure(
    meter: Meter,
    job: Job,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    max_foreign_cpu_share: float = 1.0,
) -> Measured:
    """Do the job under the meter in `folder`, and integrate its energy.

    The measured program writes events.jsonl and outcome.json, the meter energy.csv, both their output to worker.log.
    A meter's exit code proves nothing (EnergiBridge exits 0 after killing the command, and 101 after a good
    one), so a run counts if its outcome is complete and the recording covers its events.

    A run beside which others used more than `max_foreign_cpu_share` of the processor is flagged. Raises RunError where
    the program is to blame, MeterError where the meter is; both quote the end of the log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = (ENERGY_FILE, remarks_file(Path(ENERGY_FILE)).name, EVENTS_FILE, OUTCOME_FILE, OLD_RESULT_FILE, LOG_FILE)
    for name in (*own, *files_of(meter)):
        (folder / name).unlink(missing_ok=True)
    job.write(folder / JOB_FILE)
    command = meter.command(folder.resolve() / ENERGY_FILE, job.command(folder / JOB_FILE))
    files = {EVENTS_VARIABLE: EVENTS_FILE, OUTCOME_VARIABLE: OUTCOME_FILE}
    told = {variable: str(folder.resolve() / name) for variable, name in files.items()}
    gpus_before = visible_states(environment) if meter.gpu else ()
    ending = launch(with_others(meter, folder, command), folder / LOG_FILE, {**environment, **told}, timeout_s)
    gpus_after = visible_states(environment) if meter.gpu else ()
    _shorten(folder / LOG_FILE)
    if ending.ending != "exit":
        _blame_ending(ending, meter, folder, timeout_s)
    measured = read_measured(meter, job, folder, ending, max_foreign_cpu_share)
    return dataclasses.replace(measured, machine={**measured.machine, **edge_metrics(gpus_before, gpus_after)})


def read_measured(meter: Meter, job: Job, folder: Path, ending: Ending, max_foreign_cpu_share: float = 1.0) -> Measured:
    """What a run left on disk, integrated; raises as `measure` does."""
    try:
        outcome, events = Outcome.read(folder), read_events(folder / EVENTS_FILE)
    except WorkError as error:
        raise RunError(f"{error}{_left_running(ending)}{_log_tail(folder)}") from error
    except ContractError as error:
        _blame_no_outcome(ending, meter, folder, error)
    _check_told(outcome, job, folder)
    windows = phase_windows(events, job.task_phases)
    try:
        recording = meter.recorded(folder / ENERGY_FILE)
        energy = integrate(recording, windows, meter.interval_ms, meter.columns)
    except EnergyError as error:
        raise MeterError(f"meter {meter.name}: {error}{_log_tail(folder)}") from error
    flags = [*gpu_flags(recording, energy.columns), *_ending_flags(ending), *stop_flags(events)]
    if ending.disturbance is not None:
        flags += disturbance_flags(ending.disturbance, events, max_foreign_cpu_share)
    beside, told = read_others(meter, folder, windows)
    task = stretches_of(windows[TASK])[0]
    if meter.gpu:
        flags += slowdown_flags(folder / ENERGY_FILE, task, meter.hidden_gpus)
        flags += [] if "gpu" in energy.domains_j else [NO_GPU_ENERGY]
    energy = dataclasses.replace(energy, flags=(*energy.flags, *flags, *told))
    machine = column_metrics(folder / ENERGY_FILE, task, meter.hidden_gpus)
    return Measured(folder, outcome, events, windows, energy, ending, machine, beside)


def _check_told(outcome: Outcome, job: Job, folder: Path) -> None:
    """Refuse the results of other work than the job's; raises RunError."""
    for name in SETTLED:
        asked, told = job.settings.get(name), outcome.facts.get(name)
        if asked is not None and told is not None and told != asked:
            raise RunError(f"the run tells of {name} {told!r:.80}, but {asked!r:.80} was asked for{_log_tail(folder)}")


def _blame_ending(ending: Ending, meter: Meter, folder: Path, timeout_s: float) -> NoReturn:
    if ending.ending == "not started":
        raise MeterError(f"meter {meter.name} cannot be started: {ending.error}")
    if ending.ending == "timeout":
        raise RunError(
            f"the run did not end within {timeout_s:.0f} s and was stopped; if the work needs longer, raise "
            f"protocol.timeout_s{_log_tail(folder)}"
        )
    raise RunError(f"the run was stopped from outside ({ending.ending}){_log_tail(folder)}")


def _blame_no_outcome(ending: Ending, meter: Meter, folder: Path, error: ContractError) -> NoReturn:
    """Tell a meter that failed from a worker that failed."""
    log = _read_log(folder)
    code = _describe(ending.returncode)
    began = (folder / EVENTS_FILE).exists()
    if slow := sample_too_slow(log, meter.interval_ms):
        raise MeterError(f"meter {meter.name} gave up ({code}): {slow}{_log_tail(folder)}") from error
    if not began and not (folder / ENERGY_FILE).exists():
        raise MeterError(
            f"meter {meter.name} ended ({code}) before it started the run.\n{meter.remedy_of(log)}{_log_tail(folder)}"
        ) from error
    told = f"the run ended ({code}) without a result ({error}){_left_running(ending)}"
    raise RunError(f"{told}{_log_tail(folder)}") from error


def _left_running(ending: Ending) -> str:
    return f"; it left {', '.join(ending.killed)} running" if ending.killed else ""


def _describe(returncode: int | None) -> str:
    """An exit code in words; meters pass a signal on as 128 + its number, or as EnergiBridge's panic 101."""
    if returncode is None:
        return "no exit code"
    number = -returncode if returncode < 0 else returncode - 128
    if number > 0 and number in {s.value for s in signal.Signals}:
        name = signal.Signals(number).name
        return f"killed by {name}, out of memory?" if name == "SIGKILL" else f"killed by {name}"
    if returncode == 101:
        return "exit code 101: the meter panicked, as EnergiBridge does when a signal kills the command"
    return f"exit code {returncode}"


def _ending_flags(ending: Ending) -> list[Flag]:
    """What the ending of a good run left to say."""
    flags = []
    if ending.killed:
        text = f"processes were left running and killed: {', '.join(ending.killed)}"
        flags.append(Flag("left_processes", text, grave=True))
    if ending.returncode:
        flags.append(Flag("exit_code", f"the result is complete, but: {_describe(ending.returncode)}", grave=True))
    return flags


def _read_log(folder: Path) -> str:
    log = folder / LOG_FILE
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _log_tail(folder: Path) -> str:
    """The last lines of the log in what a terminal can show, and where it lies."""
    lines = _read_log(folder).splitlines()[-TAIL_LINES:]
    text = "\n".join(f"  | {_shown(line)}" for line in lines) or "  | (empty)"
    return f"\nEnd of {folder / LOG_FILE}:\n{text}"


def _shown(line: str) -> str:
    short = line if len(line) <= TAIL_COLUMNS else f"…{line[-TAIL_COLUMNS:]}"
    return "".join(character if character.isprintable() or character == "\t" else "�" for character in short)


def _shorten(log: Path) -> None:
    """Leave the end of a long log, in which the reason of a failure stands."""
    if log.stat().st_size > LOG_KEPT_BYTES:
        with log.open("rb") as file:
            file.seek(-LOG_KEPT_BYTES, os.SEEK_END)
            kept = file.read()
        with whole(log) as part:
            part.write_bytes(b"(the beginning of this log was left out)\n" + kept)
