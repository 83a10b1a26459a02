"""The command line of the set-up: which environments, in which order, with what to show and what to say."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.environments import (
    DEVICES,
    ORCHESTRATOR,
    Environment,
    describe,
    find_environment,
    is_ready,
    make_environment,
    stop,
)
from src.errors import SetupError
from src.workloads.training.frameworks import environments

ROOT = Path(__file__).resolve().parent.parent
AT_A_TIME = 2
"""More of them would only wait for the same disk and network."""


def main(arguments: Sequence[str]) -> int:
    """Makes what is missing or out of date; returns the exit code: 0, 2 for an error, 130 after Ctrl-C."""
    try:
        options = parse(arguments)
        set_up(options.names, options.device, options.requirements, options.python)
    except SetupError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was; finished environments stay.", file=sys.stderr)
        return 130
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line; argparse ends the program with exit code 2 on a usage error."""
    parser = argparse.ArgumentParser(
        prog="setup_envs.py",
        description="Make the environments of the orchestrator (.venv) and the frameworks (.venvs/NAME).",
        epilog="To compare versions: add scripts/requirements/torch-2.12-cpu.txt, then name torch-2.12.",
    )
    usual = " ".join(environments())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"frameworks' environments (default: {usual})")
    parser.add_argument(
        "--device", choices=DEVICES, help="which builds to install (default: what is there already, else cpu)"
    )
    parser.add_argument("--requirements", type=Path, metavar="FILE", help="install this lock, for a single NAME")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to build on (default: this one)")
    options = parser.parse_args(arguments)
    if options.requirements and len(options.names) != 1:
        parser.error("--requirements goes with exactly one NAME")
    return options


def set_up(names: Sequence[str], device: str | None, requirements: Path | None, python: str) -> None:
    """Brings the orchestrator and the named environments (default: those of all frameworks) up to date.

    AT_A_TIME of them are made side by side: while one waits for its downloads, another is unpacked. Raises SetupError
    for the first one that cannot be made, after those that were begun; those that are done stay.
    """
    # The orchestrator drives every framework, so it is never left out; where it is ready this costs nothing.
    others = [name for name in dict.fromkeys(names or environments()) if name != ORCHESTRATOR]
    wanted = [find_environment(ROOT, ORCHESTRATOR, device)]
    wanted += [find_environment(ROOT, name, device, requirements) for name in others]
    missing = [environment for environment in wanted if not is_ready(environment)]
    _tell_size(missing)
    started_s = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting = []
        for position, environment in enumerate(wanted, start=1):
            label = f"[{position}/{len(wanted)}] {environment.name}"
            if environment in missing:
                waiting.append(pool.submit(_make, environment, label, python, started_s, shown=len(missing) == 1))
            else:
                print(f"{label}: {os.path.relpath(environment.folder, ROOT)} is up to date", flush=True)
        try:
            for made in waiting:
                made.result()
        except SetupError:
            pool.shutdown(cancel_futures=True)
            raise
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise


def _tell_size(missing: Sequence[Environment]) -> None:
    """Says what will be there once all is made; raises SetupError where the disk has no room for it."""
    known = [environment.installed_mb for environment in missing if environment.installed_mb is not None]
    if not known:
        return
    gb, free_gb = sum(known) / 1000, shutil.disk_usage(ROOT).free / 1e9
    unknown = " without those of which that is not known" if len(known) < len(missing) else ""
    told = f"{len(missing)} to be made: {gb:.1f} GB once installed{unknown}; {free_gb:.1f} GB are free"
    if gb > free_gb:
        raise SetupError(f"{told} in {ROOT}.\nMake room, or name fewer environments.")
    print(told, flush=True)


def _make(environment: Environment, label: str, python: str, started_s: float, shown: bool) -> None:
    """Makes one environment, with a line before and after."""
    place = os.path.relpath(environment.folder, ROOT)
    print(f"{label}: making {place} with {describe(environment)} ...", flush=True)
    note = make_environment(environment, python, shown)
    print(f"{label}: done, {time.monotonic() - started_s:.0f} s since the start", flush=True)
    if note:
        print(f"{label}: {note}", flush=True)
