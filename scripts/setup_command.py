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
    installed_mb,
    is_ready,
    make_environment,
    stop,
)
from src.errors import SetupError
from src.workloads.training.frameworks import environments

ROOT = Path(__file__).resolve().parent.parent


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
    """Brings the orchestrator and the named environments (default: those of all frameworks) up to date, side by side.

    Raises SetupError for the first that cannot be made; the others stay.
    """
    # The orchestrator drives every framework, so it is never left out; where it is ready this costs nothing.
    others = [name for name in dict.fromkeys(names or environments()) if name != ORCHESTRATOR]
    wanted = [find_environment(ROOT, ORCHESTRATOR, device)]
    wanted += [find_environment(ROOT, name, device, requirements) for name in others]
    refuse_full_disk(wanted)
    started_s = time.monotonic()
    with ThreadPoolExecutor(len(wanted)) as pool:
        made = [pool.submit(bring_up_to_date, environment, python, started_s) for environment in wanted]
        try:
            for each in made:
                each.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise


def refuse_full_disk(wanted: Sequence[Environment]) -> None:
    """Says how much is to be installed; raises SetupError where that does not fit."""
    size_mb = sum(installed_mb(environment) for environment in wanted if not is_ready(environment))
    if not size_mb:
        return
    print(f"{size_mb / 1000:.1f} GB will be installed in {ROOT}", flush=True)
    free_mb = shutil.disk_usage(ROOT).free / 1e6
    if free_mb < size_mb:
        raise SetupError(f"only {free_mb / 1000:.1f} GB are free there; make room, then run the same command again.")


def bring_up_to_date(environment: Environment, python: str, started_s: float) -> None:
    """Makes one environment unless it is ready, with a line before and after."""
    place = os.path.relpath(environment.folder, ROOT)
    if is_ready(environment):
        print(f"{environment.name}: {place} is up to date", flush=True)
        return
    print(f"{environment.name}: making {place} with {describe(environment)} ...", flush=True)
    note = make_environment(environment, python)
    print(f"{environment.name}: done, {time.monotonic() - started_s:.0f} s since the start", flush=True)
    if note:
        print(f"{environment.name}: {note}", flush=True)
