"""What a recording's columns beside the energy say of the machine, and that they never stop a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from src.contract.metrics import OF_MACHINE
from src.measure.meter_columns import column_metrics, slowdown_flags

WINDOW = (1_700_000_001.0, 1_700_000_002.3)
COLUMNS: Mapping[str, Sequence[object]] = {
    "CPU_USAGE_0": (100, 90, 20, 40, 60, 90),
    "CPU_USAGE_1": (100, 90, 0, 0, 0, 90),
    "CPU_FREQUENCY_0": (9000, 9000, 2000, 3000, 4000, 9000),
    "CPU_FREQUENCY_1": (9000, 9000, 3000, 3000, 3000, 9000),
    "CPU_TEMP_0": (99, 99, 50, 70, 60, 99),
    "CPU_TEMP_1": (99, 99, 40, 40, 65, 99),
    "CPU_ENERGY (J)": (0, 5, 10, 20, 30, 40),
    "USED_MEMORY": (9e9, 9e9, 1e9, 3e9, 2e9, 9e9),
    "USED_SWAP": (9, 9, 0, 0, 0, 9),
    "GPU0_USAGE": (99, 99, 80, 100, 90, 99),
    "GPU0_TEMPERATURE": (99, 99, 60, 70, 65, 99),
    "GPU1_TEMPERATURE": (99, 99, 61, 62, 63, 99),
    "GPU0_FREQUENCY": (9, 9, 1000, 2000, 1500, 9),
    "GPU0_MEMORY_FREQUENCY": (9, 9, 2000, 2000, 2000, 9),
    "GPU0_CLOCK_REASONS": (4, 4, 0, 4, 1, 4),
    "GPU1_CLOCK_REASONS": (4, 4, 2, 36, 32, 4),
}
"""Samples before, at and after a window of three of them; the first one is never counted."""
RIGHT = {
    "cpu_usage_share": 0.2,
    "cpu_frequency_mhz": 3000.0,
    "cpu_frequency_first_mhz": 2500.0,
    "cpu_frequency_last_mhz": 3500.0,
    "cpu_temperature_max_c": 70.0,
    "cpu_temperature_first_c": 50.0,
    "cpu_temperature_last_c": 65.0,
    "memory_used_max_bytes": 3e9,
    "swap_used_max_bytes": 0.0,
    "gpu_usage_share": 0.9,
    "gpu_temperature_max_c": 70.0,
    "gpu_temperature_first_c": 61.0,
    "gpu_temperature_last_c": 65.0,
    "gpu_frequency_mhz": 1500.0,
    "gpu_frequency_first_mhz": 1000.0,
    "gpu_frequency_last_mhz": 1500.0,
    "gpu_memory_frequency_mhz": 2000.0,
    "gpu_memory_frequency_first_mhz": 2000.0,
    "gpu_memory_frequency_last_mhz": 2000.0,
    "gpu_slowed_share": 2 / 3,
}


def written(folder: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    rows = [("Delta", "Time", *columns)]
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        rows.append(("200", str(1_700_000_000_000 + 500 * row + 200 * (row > 1) - 200 * (row == 1)), *map(str, values)))
    path = folder / "energy.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def test_the_windows_samples_are_summarised(tmp_path: Path) -> None:
    assert column_metrics(written(tmp_path, COLUMNS), WINDOW) == pytest.approx(RIGHT)


def test_gpus_that_slowed_themselves_down_are_flagged_with_their_reasons(tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS)
    first = "GPU 0 slowed itself down during the run: its power limit in 33% of the samples"
    second = (
        "GPU 1 slowed itself down during the run: its power limit in 33% of the samples, heat (driver) in 67% of the "
        "samples"
    )
    assert [flag.text for flag in slowdown_flags(path, WINDOW)] == [first, second]
    assert [flag.text for flag in slowdown_flags(path, WINDOW, ("GPU1_",))] == [first]
    assert column_metrics(path, WINDOW, ("GPU1_",))["gpu_slowed_share"] == pytest.approx(1 / 3)
    assert slowdown_flags(tmp_path / "absent.csv", WINDOW) == []


def test_every_summary_is_named_with_its_unit_in_the_contract() -> None:
    named = {metric.name: metric for metric in OF_MACHINE}
    assert set(RIGHT) <= set(named)
    assert not any(metric.headline or metric.better for metric in OF_MACHINE)


@pytest.mark.parametrize(
    ("name", "values", "lost"),
    [
        pytest.param("CPU_FREQUENCY_0", (0,) * 6, (), id="one clock is not known"),
        pytest.param("CPU_TEMP_1", ("nan",) * 6, (), id="one temperature is not known"),
        pytest.param("USED_SWAP", ("nan",) * 6, ("swap",), id="swap is not known"),
        pytest.param("USED_MEMORY", ("a lot",) * 6, ("cpu", "memory", "swap", "gpu"), id="a word instead of a number"),
    ],
)
def test_what_is_not_known_is_left_out(
    tmp_path: Path, name: str, values: Sequence[object], lost: tuple[str, ...]
) -> None:
    found = column_metrics(written(tmp_path, {**COLUMNS, name: values}), WINDOW)
    assert set(found) == {metric for metric in RIGHT if not metric.startswith(lost)} if lost else set(RIGHT)


@pytest.mark.parametrize("columns", [("CPU_USAGE_0", "CPU_USAGE_1"), ("CPU_FREQUENCY_0", "CPU_FREQUENCY_1")])
def test_what_shows_0_for_ever_is_not_known(tmp_path: Path, columns: tuple[str, str]) -> None:
    found = column_metrics(written(tmp_path, COLUMNS | dict.fromkeys(columns, (0,) * 6)), WINDOW)
    stem = columns[0].lower().rpartition("_")[0]
    assert found
    assert not [name for name in found if name.startswith(stem)]


@pytest.mark.parametrize("window", [(1.0, 2.0), WINDOW], ids=["no sample within", "no file"])
def test_nothing_stops_a_run(tmp_path: Path, window: tuple[float, float]) -> None:
    path = written(tmp_path, COLUMNS) if window[0] == 1.0 else tmp_path / "absent.csv"
    assert column_metrics(path, window) == {}
