"""Facts about the machine that a reader of the numbers needs."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from src.errors import SetupError
from src.measure.meters.gpus import visible_gpus

LOAD_SAMPLE_S = 1.0
NAMED = "JOULEBENCH_MACHINE"
"""For machines whose host name changes, as that of a container."""
NODE = "SLURMD_NODENAME"
"""Several of Slurm's nodes may bear one host name."""


@dataclass(frozen=True)
class Host:
    """The machine; `gpus` holds one name for each NVIDIA GPU that a run may see, `booted_s` is in epoch seconds."""

    cpu: str
    physical_cores: int
    logical_cpus: int
    memory_bytes: int
    system: str
    python: str
    governor: str
    gpus: tuple[str, ...]
    name: str
    booted_s: int


def machine_name() -> str:
    """What tells this machine from the others of a study: its node's name in a cluster, else its host name."""
    return os.environ.get(NAMED) or os.environ.get(NODE) or platform.node() or "unknown"


def host_facts() -> Host:
    """Read the facts of this machine."""
    return Host(
        cpu=cpu_name(),
        physical_cores=psutil.cpu_count(logical=False) or 0,
        logical_cpus=psutil.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        system=platform.platform(),
        python=platform.python_version(),
        governor=governor(),
        gpus=gpu_names(),
        name=machine_name(),
        booted_s=round(psutil.boot_time()),
    )


def governor() -> str:
    """What Linux lets decide on the first CPU's frequency."""
    return _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))


def background_load(seconds: float = LOAD_SAMPLE_S) -> float:
    """Share of all CPUs that is busy right now, averaged over `seconds`."""
    return float(psutil.cpu_percent(interval=seconds)) / 100.0


def require_gpu() -> None:
    """Raise SetupError where no NVIDIA GPU can be used."""
    if not gpu_names():
        raise SetupError(
            "hardware=cuda: no NVIDIA GPU that a run may see answers on this machine; check that `nvidia-smi` lists "
            "one and that CUDA_VISIBLE_DEVICES names it, or measure the processor with hardware=cpu"
        )


def gpu_names() -> tuple[str, ...]:
    """Names of the GPUs that a run may see and that answer, in its order; none where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
        found = visible_gpus(pynvml, os.environ)
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return ()
    return tuple(gpu.name for gpu in found.gpus)


def cpu_name() -> str:
    """The processor, as it calls itself."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"
