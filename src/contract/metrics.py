"""What a run's numbers are: their names with units, their titles, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from src.contract.json_files import ContractError, take

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Metric:
    """One number of a run: `unit` is `1` for a pure number; `better` is None where neither way is.

    A `headline` metric stands in the terminal's and MLflow's summaries and in the report's tables of results.
    """

    name: str
    unit: str
    title: str
    better: Better | None = None
    headline: bool = False

    @classmethod
    def of(cls, name: str, values: Any) -> Self:
        """From what JSON made of its description; raises ContractError."""
        if not isinstance(values, Mapping):
            raise ContractError(f"metric `{name}` is {values!r:.80}, not an object")
        where = f"metric `{name}`"
        better = values.get("better")
        if better not in (None, "lower", "higher"):
            raise ContractError(f"{where}: `better` is {better!r:.80}; use lower, higher, or leave it out")
        headline = values.get("headline", False)
        if not isinstance(headline, bool):
            raise ContractError(f"{where}: `headline` is {headline!r:.80}, not true or false")
        unit = take({"unit": "1", **values}, "unit", str, where)
        return cls(name, unit, take({"title": name, **values}, "title", str, where), better, headline)

    def described(self) -> dict[str, Any]:
        """Its description as JSON takes it; `of` reads it."""
        return {"unit": self.unit, "title": self.title, "better": self.better, "headline": self.headline}


TASK = "task"
TOTAL = "total"

OF_TASK = (
    Metric("energy_j", "J", "Energy of the task", "lower", headline=True),
    Metric("duration_s", "s", "Duration of the task", "lower", headline=True),
    Metric("power_w", "W", "Mean power", "lower", headline=True),
    Metric("edp_js", "J·s", "Energy-delay product", "lower", headline=True),
)
"""What is told of every run: the energy that is compared, and what belongs to it."""

OF_METER = (
    Metric("energy_total_j", "J", "Energy of the whole process", "lower"),
    Metric("duration_total_s", "s", "Duration of the whole process", "lower"),
    Metric("energy_net_j", "J", "Energy above idle", "lower"),
    Metric("energy_package_j", "J", "Energy of the package domain", "lower"),
    Metric("energy_dram_j", "J", "Energy of the dram domain", "lower"),
    Metric("energy_cores_j", "J", "Energy of the cores domain", "lower"),
    Metric("energy_gpu_j", "J", "Energy of the gpu domain", "lower"),
)
"""What a meter tells beside it, where it can."""

WALL = Metric("energy_wall_j", "J", "Energy of the task by the wall meter")
"""What a meter at the socket told of the same time, once its recording was laid over the runs."""


def by_meter(name: str, kind: str = "measured") -> Metric:
    """The task's energy as a further meter of the same run tells it; one that was not measured says so."""
    said = "" if kind == "measured" else f" ({kind}, not measured)"
    return Metric(f"energy_by_{name}_j", "J", f"Energy of the task by {name}{said}")


OF_MACHINE = (
    Metric("foreign_cpu_share", "1", "CPU time of other programs"),
    Metric("background_load", "1", "Load by other programs before the block"),
    Metric("idle_power_block_w", "W", "Power at rest before the block"),
    Metric("energy_net_uncertainty_j", "J", "Uncertainty of the energy above idle by its baseline"),
    Metric("steal_share", "1", "CPU time given to other virtual machines"),
    Metric("swapped_in_bytes", "B", "Read back from swap"),
    Metric("throttled", "1", "Times that the processor slowed itself down"),
    Metric("frequency_begin_mhz", "MHz", "CPU frequency before the run"),
    Metric("frequency_end_mhz", "MHz", "CPU frequency after the run"),
    Metric("temperature_begin_c", "°C", "Package temperature before the run"),
    Metric("temperature_end_c", "°C", "Package temperature after the run"),
    Metric("gpu_frequency_begin_mhz", "MHz", "GPU frequency before the run"),
    Metric("gpu_frequency_end_mhz", "MHz", "GPU frequency after the run"),
    Metric("gpu_memory_frequency_begin_mhz", "MHz", "GPU memory's frequency before the run"),
    Metric("gpu_memory_frequency_end_mhz", "MHz", "GPU memory's frequency after the run"),
    Metric("gpu_temperature_begin_c", "°C", "GPU temperature before the run"),
    Metric("gpu_temperature_end_c", "°C", "GPU temperature after the run"),
    Metric("gpu_power_limit_w", "W", "Power limit of the GPUs"),
    Metric("cpu_usage_share", "1", "CPU load in the meter's recording"),
    Metric("cpu_frequency_mhz", "MHz", "Mean CPU frequency in the meter's recording"),
    Metric("cpu_frequency_first_mhz", "MHz", "First CPU frequency in the meter's recording"),
    Metric("cpu_frequency_last_mhz", "MHz", "Last CPU frequency in the meter's recording"),
    Metric("cpu_temperature_max_c", "°C", "Highest CPU temperature in the meter's recording"),
    Metric("cpu_temperature_first_c", "°C", "First CPU temperature in the meter's recording"),
    Metric("cpu_temperature_last_c", "°C", "Last CPU temperature in the meter's recording"),
    Metric("gpu_usage_share", "1", "GPU load in the meter's recording"),
    Metric("gpu_frequency_mhz", "MHz", "Mean GPU frequency in the meter's recording"),
    Metric("gpu_frequency_first_mhz", "MHz", "First GPU frequency in the meter's recording"),
    Metric("gpu_frequency_last_mhz", "MHz", "Last GPU frequency in the meter's recording"),
    Metric("gpu_memory_frequency_mhz", "MHz", "Mean frequency of the GPU's memory in the meter's recording"),
    Metric("gpu_memory_frequency_first_mhz", "MHz", "First frequency of the GPU's memory in the meter's recording"),
    Metric("gpu_memory_frequency_last_mhz", "MHz", "Last frequency of the GPU's memory in the meter's recording"),
    Metric("gpu_temperature_max_c", "°C", "Highest GPU temperature in the meter's recording"),
    Metric("gpu_temperature_first_c", "°C", "First GPU temperature in the meter's recording"),
    Metric("gpu_temperature_last_c", "°C", "Last GPU temperature in the meter's recording"),
    Metric("gpu_slowed_share", "1", "Time that a GPU slowed itself down"),
    Metric("memory_used_max_bytes", "B", "Most memory in use in the meter's recording"),
    Metric("swap_used_max_bytes", "B", "Most swap in use in the meter's recording"),
)
"""What the system and the meter tell of the machine while the task was done, where they can; no result of a run."""

OF_TRAINING = (
    Metric("accuracy", "1", "Test accuracy", "higher", headline=True),
    Metric("loss", "1", "Test loss", "lower"),
    Metric("samples_per_s", "1/s", "Training throughput", "higher"),
)
"""What runs of before metrics described themselves have; today's say it in their outcome."""

OLD_PHASES = ("import", "data", "build", "train", "evaluate")
"""The phases of runs of before phases were named by the workload."""


def of_phase(phase: str) -> tuple[Metric, Metric]:
    """Energy and duration of one phase."""
    return (
        Metric(f"energy_{phase}_j", "J", f"Energy of {phase}", "lower"),
        Metric(f"duration_{phase}_s", "s", f"Duration of {phase}", "lower"),
    )


def catalogue(phases: Iterable[str], own: Iterable[Metric] = ()) -> dict[str, Metric]:
    """All metrics that runs with these phases may have, `own` (of their outcomes) after the task's."""
    of_phases = [of_phase(phase) for phase in phases]
    every = (
        *OF_TASK,
        *own,
        *OF_METER[:3],
        *(energy for energy, _ in of_phases),
        *(duration for _, duration in of_phases),
        *OF_METER[3:],
    )
    return {metric.name: metric for metric in every}


OLD_CATALOGUE = catalogue(OLD_PHASES, OF_TRAINING)
"""Of stores that were written before metrics described themselves."""
