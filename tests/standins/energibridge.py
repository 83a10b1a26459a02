"""A stand-in for EnergiBridge 0.0.7 on simulated counters: the same options, files, exit codes and faults.

Written after its `src/main.rs`. Environment variables choose what is simulated:

STANDIN_CPU      intel (default), amd, amd_wide, amd_windows, macos, none (a processor that it does not know)
STANDIN_POWER_W  power of the package (40)
STANDIN_START_J  what the package's counter shows at first (1000)
STANDIN_FAULT    no_permission, no_register, slow_sample, hang, truncated, long_rows, still, reset, held_back,
                 garbage (no CSV), version_garbage, version_hang
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

CPU = os.environ.get("STANDIN_CPU", "intel")
FAULT = os.environ.get("STANDIN_FAULT", "")
POWER_W = float(os.environ.get("STANDIN_POWER_W", "40"))
START_J = float(os.environ.get("STANDIN_START_J", "1000"))
BEGIN_S = time.time()
ROWS_BEFORE_FAULT = 8


def main() -> int:
    if FAULT == "version_hang" and "--version" in sys.argv:
        time.sleep(3600)
    if FAULT == "version_garbage" and "--version" in sys.argv:
        os.write(1, b"\xff\xfe\x00 \x1b[31m\n\n")
        return 0
    options = _options()
    if not options.command:
        print("Usage: EnergiBridge <command>", file=sys.stderr)
        return 1
    if options.interval < 200:
        warning = "[WARNING] Interval must be at least 200ms to accurately measure CPU usage."
        print(warning, file=sys.stderr)
    if FAULT == "hang":
        time.sleep(3600)
    if FAULT == "no_permission":
        return _panic("src/cpu/intel.rs:38:74", 'called `Result::unwrap()` on an `Err` value: Os { code: 13, '
                      'kind: PermissionDenied, message: "Permission denied" }')  # fmt: skip
    if FAULT == "no_register":
        return _panic("src/cpu/intel.rs:46:64", 'failed to read PP1: Os { code: 5, kind: Uncategorized, '
                      'message: "Input/output error" }')  # fmt: skip
    time.sleep(0.02)
    _collect(options.gpu, 0)
    output = Path(options.output).open("w", encoding="utf-8") if options.output else sys.stdout  # noqa: SIM115
    if FAULT == "garbage":
        Path(options.output).write_bytes(random.randbytes(5000))
        output = Path(os.devnull).open("w")  # noqa: SIM115
    try:
        child = subprocess.Popen(options.command)
    except OSError as error:
        print(f"Failed to execute command: {error}", file=sys.stderr)
        return 1
    return _measure(child, options, output)


def _measure(child: subprocess.Popen[bytes], options: argparse.Namespace, output: TextIO) -> int:
    start_s, interval_s, number = time.monotonic(), options.interval / 1000, 0
    results = _collect(options.gpu, number)
    output.write(",".join(["Delta", "Time", *sorted(results)]) + "\n")
    previous_s = time.time()
    while True:
        if options.max_execution and time.monotonic() - start_s >= options.max_execution:
            child.kill()
            code = 0
            break
        before_s = time.monotonic()
        _print_row(previous_s, results, output)
        previous_s, number = time.time(), number + 1
        results = _collect(options.gpu, number)
        if child.poll() is not None:
            if child.returncode < 0:
                return _panic("src/main.rs:146:41", "called `Option::unwrap()` on a `None` value")
            code = child.returncode
            break
        left_s = interval_s - (time.monotonic() - before_s)
        # The real one always panics here; this one leaves tests on a busy machine alone unless told to.
        if left_s < 0 and FAULT == "slow_sample":
            return _panic("library/core/src/time.rs:927:31", "overflow when subtracting durations")
        time.sleep(max(left_s, 0))
    _print_row(previous_s, results, output, last=True)
    if options.summary:
        took_s = time.monotonic() - start_s
        print(f"Energy consumption in joules: {POWER_W * took_s} for {took_s} sec of execution.")
    return code


def _collect(gpu: bool, number: int) -> dict[str, float]:
    """All values of one sample; they are written sorted by name."""
    if FAULT == "slow_sample" and number:
        time.sleep(0.2)
    values: dict[str, float] = {"CPU_USAGE_0": 50.0, "CPU_FREQUENCY_0": 3600, "USED_MEMORY": 1e9 + number}
    values["TOTAL_MEMORY"] = 17125388288
    energy_j = 0.0 if FAULT == "still" else POWER_W * (time.time() - BEGIN_S)
    start_j = 0.0 if FAULT == "reset" and number >= ROWS_BEFORE_FAULT else START_J
    values |= _cpu_values(energy_j, start_j)
    if gpu:
        values["GPU0_TEMPERATURE"] = 50.0
        if FAULT != "long_rows" or number >= ROWS_BEFORE_FAULT:
            values["GPU0_POWER (mWatts)"] = 100_000.0
    elif FAULT == "long_rows" and number >= ROWS_BEFORE_FAULT:
        values["GPU0_USAGE"] = 7
    return values


def _cpu_values(energy_j: float, start_j: float) -> dict[str, float]:
    """The energy or power columns of each kind of processor, raw counters included in their width."""
    if CPU == "intel":
        package = _counter(start_j + energy_j, 2**-14)
        dram, cores = _counter(energy_j / 10, 2**-14), _counter(energy_j / 2, 2**-14)
        return {
            "PACKAGE_ENERGY (J)": package,
            "DRAM_ENERGY (J)": dram,
            "PP0_ENERGY (J)": cores,
            "PP1_ENERGY (J)": 0,
        }
    if CPU == "amd_wide":
        return {"CPU_ENERGY (J)": start_j + energy_j, "CORE0_ENERGY (J)": energy_j / 2, "CORE0_PSTATE": 1}
    if CPU.startswith("amd"):
        core_j = random.choice([900.0, 51_000.0]) if CPU == "amd_windows" else energy_j / 2
        return {
            "CPU_ENERGY (J)": _counter(start_j + energy_j, 2**-16),
            "CORE0_ENERGY (J)": core_j,
            "CORE0_PSTATE": 1,
        }
    if CPU == "macos":
        return {"SYSTEM_POWER (Watts)": POWER_W, "CPU_TEMP_0": 45.0}
    return {}


def _counter(energy_j: float, unit_j: float) -> float:
    """A 32-bit counter in units of `unit_j`."""
    return (int(energy_j / unit_j) % 2**32) * unit_j


def _print_row(at_s: float, results: dict[str, float], output: TextIO, last: bool = False) -> None:
    delta_ms = int((time.time() - at_s) * 1000)
    row = ",".join(map(str, [delta_ms, int(at_s * 1000), *(results[name] for name in sorted(results))]))
    output.write(row[: len(row) // 2] if last and FAULT == "truncated" else row + "\n")
    if FAULT != "held_back":
        output.flush()


def _panic(place: str, text: str) -> int:
    note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"
    print(f"thread 'main' panicked at {place}:\n{text}\n{note}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(101)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="energibridge")
    parser.add_argument("-V", "--version", action="version", version="energibridge 0.0.7")
    parser.add_argument("-o", "--output")
    parser.add_argument("-i", "--interval", type=int, default=200)
    parser.add_argument("-m", "--max-execution", type=int, default=0)
    parser.add_argument("-g", "--gpu", action="store_true")
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
    return options


if __name__ == "__main__":
    sys.exit(main())
