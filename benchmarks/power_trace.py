"""How long a day's power trace takes to integrate, and how much memory: `python -m benchmarks.power_trace`.

Wanted: at most 2 s and 300 MB for each kind of machine. 432 000 rows, one every 200 ms, have the columns that
EnergiBridge writes there; each is read and integrated in a process of its own, whose start (Python, NumPy) is told
apart. Energies and powers are printed as a hash, so that two versions can be compared to the last bit.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from src.measure.energy import Energy, integrate
from src.measure.recording import read_recording
from src.paths import ROOT

ROWS = 432_000
INTERVAL_MS = 200
BEGIN_MS = 1_750_000_000_000
CPUS = 24
COUNTER_UNIT_J = 2.0**-16
OF_EACH_CPU = tuple(f"CPU_{what}_{cpu}" for what in ("FREQUENCY", "USAGE") for cpu in range(CPUS))
OF_MEMORY = ("TOTAL_MEMORY", "TOTAL_SWAP", "USED_MEMORY", "USED_SWAP")
CORES = tuple(
    f"CORE{core}_{what}" for core in range(CPUS // 2) for what in ("ENERGY (J)", "FREQ (MHZ)", "PSTATE", "VOLT (V)")
)
MACHINES = {
    "Intel": (*OF_EACH_CPU, "DRAM_ENERGY (J)", "PACKAGE_ENERGY (J)", "PP0_ENERGY (J)", *OF_MEMORY),
    "AMD": (*CORES, "CPU_ENERGY (J)", *OF_EACH_CPU, *OF_MEMORY),
    "Apple": (*OF_EACH_CPU, "SYSTEM_POWER (Watts)", *OF_MEMORY),
}
OTHERS = {"FREQ": "4700", "PSTATE": "1", "VOLT": "0.30000000000000004", "USAGE": "12.34567890123456"}


def main() -> None:
    """Print one Markdown row a kind of machine; with a file's name, what one process says of it."""
    if len(sys.argv) > 1:
        print(measured(Path(sys.argv[1])))
        return
    print(
        "| columns of | rows | MB | s to read | s to integrate | s in all, start included | memory MB | joules' hash |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "energy.csv"
        for machine, columns in MACHINES.items():
            write_day(path, columns)
            begin = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.power_trace", str(path)]
            told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
            took_s = time.perf_counter() - begin
            print(f"| {machine} | {ROWS} | {path.stat().st_size / 1e6:.0f} | {told[0]} | {told[1]} | {took_s:.1f} | "
                  f"{told[2]} | {told[3]} |")  # fmt: skip


def measured(path: Path) -> str:
    """Processor seconds of reading and of integrating, memory in MB, and a hash of the results."""
    begin_s = time.process_time()
    recording = read_recording(path)
    read_s = time.process_time()
    window = float(recording.time_s[0]) + 0.05, float(recording.time_s[-1]) - 0.05
    energy = integrate(recording, {"total": window}, INTERVAL_MS)
    done_s = time.process_time()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return f"{read_s - begin_s:.2f} {done_s - read_s:.2f} {memory_mb:.0f} {hash_of(energy)}"


def hash_of(energy: Energy) -> str:
    """Of every joule and watt."""
    told = repr((energy.energy_j, energy.resolution_j, energy.windows, energy.domains_j)).encode()
    return hashlib.sha256(told + energy.trace.edges_s.tobytes() + energy.trace.power_w.tobytes()).hexdigest()[:12]


def write_day(path: Path, columns: tuple[str, ...]) -> None:
    """Counters that rise by about 7 W and wrap at 2^16 J, and powers of about 7 W."""
    random = np.random.default_rng(0)
    of_energy = {
        name: (np.cumsum(random.integers(80_000, 100_000, ROWS)) * COUNTER_UNIT_J) % 2.0**16
        if name.endswith("(J)")
        else random.uniform(6.0, 8.0, ROWS)
        for name in columns
        if name.endswith(("(J)", "(Watts)"))
    }
    values = [of_energy.get(name, next((v for k, v in OTHERS.items() if k in name), "66481061888")) for name in columns]
    with path.open("w") as file:
        file.write(f"Delta,Time,{','.join(columns)}\n")
        for row in range(ROWS):
            fields = [value if isinstance(value, str) else repr(float(value[row])) for value in values]
            file.write(f"{INTERVAL_MS},{BEGIN_MS + INTERVAL_MS * row},{','.join(fields)}\n")


if __name__ == "__main__":
    main()
