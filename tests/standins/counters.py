"""A stand-in for the kernel's powercap: `counters.py FOLDER` makes zones of known watts and refreshes them for ever.

Two packages whose second dies show the counters of their first ones, DRAM, a dead zone, and zones that contain others
or show them again. Every counter wraps every `WRAP_S`. It says `ready` once all of them move.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

REFRESH_S = 0.001
WRAP_S = 2.0
ZONES_W = {
    "intel-rapl:0": ("package-0-die-0", 60.0),
    "intel-rapl:1": ("package-0-die-1", 60.0),
    "intel-rapl:2": ("package-1-die-0", 40.0),
    "intel-rapl:3": ("package-1-die-1", 40.0),
    "intel-rapl:0:0": ("dram", 5.0),
    "intel-rapl:2:0": ("dram", 3.0),
    "intel-rapl:0:1": ("core", 30.0),
    "intel-rapl:4": ("psys", 200.0),
    "intel-rapl-mmio:0": ("package-0", 60.0),
}
DEAD = ("intel-rapl:0:2", "uncore")
PACKAGE_W, DRAM_W, CORES_W = 60.0 + 40.0, 5.0 + 3.0, 30.0
"""What is true: each counter once, and nothing that holds others."""


def main(root: Path) -> None:
    ranges_uj = {folder: int(watts * WRAP_S * 1e6) for folder, (_, watts) in ZONES_W.items()}
    files = {folder: _zone(root, folder, name, ranges_uj[folder]) for folder, (name, _) in ZONES_W.items()}
    _zone(root, *DEAD, 1)
    begin_s = time.time()
    said = False
    while True:
        passed_s = time.time() - begin_s
        for folder, (_, watts) in ZONES_W.items():
            os.pwrite(files[folder], b"%020d\n" % (int(watts * passed_s * 1e6) % ranges_uj[folder]), 0)
        if not said:
            print("ready", flush=True)
            said = True
        time.sleep(REFRESH_S)


def _zone(root: Path, folder: str, name: str, range_uj: int) -> int:
    path = root / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return os.open(path / "energy_uj", os.O_WRONLY | os.O_CREAT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
