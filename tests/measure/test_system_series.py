"""A recording over time, under MLflow's own names, and that nothing about it stops a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from src.measure.system_series import POINTS, system_series

BEGAN_S = 1_700_000_000.0
COLUMNS: Mapping[str, Sequence[object]] = {
    "CPU_USAGE_0": (100, 90, 20),
    "CPU_USAGE_1": (100, 10, 0),
    "USED_MEMORY": (9e9, 4e9, 2e9),
    "TOTAL_MEMORY": (8e9, 8e9, 8e9),
    "CPU_ENERGY (J)": (0, 5, 10),
    "GPU1_USAGE": (0, 50, 70),
    "GPU1_MEMORY_USED": (0, 1000, 2000),
    "GPU1_MEMORY_TOTAL": (4000, 4000, 4000),
    "GPU1_POWER (mWatts)": (0, 30_000, 50_000),
    "GPU0_POWER (mWatts)": (0, 0, 0),
}
RIGHT = {
    "system/cpu_utilization_percentage": [50, 10],
    "system/system_memory_usage_megabytes": [4000, 2000],
    "system/system_memory_usage_percentage": [50, 25],
    "system/gpu_1_utilization_percentage": [50, 70],
    "system/gpu_1_memory_usage_megabytes": [1048.576, 2097.152],
    "system/gpu_1_memory_usage_percentage": [25, 50],
    "system/gpu_1_power_usage_watts": [30, 50],
}


def written(folder: Path, columns: Mapping[str, Sequence[object]], interval_ms: int = 500) -> Path:
    rows = [("Delta", "Time", *columns)]
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        rows.append(("0", str(round(1000 * BEGAN_S) + interval_ms * row), *map(str, values)))
    path = folder / "energy.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def test_load_memory_and_gpus_are_told_over_time(tmp_path: Path) -> None:
    found = system_series(written(tmp_path, COLUMNS), (BEGAN_S - 1, BEGAN_S + 1))
    assert {name: [point.value for point in points] for name, points in found.items()} == {
        name: pytest.approx(values) for name, values in RIGHT.items()
    }
    assert [(point.step, point.time_ms) for point in found["system/cpu_utilization_percentage"]] == [
        (1500, 1_700_000_000_500), (2000, 1_700_000_001_000),
    ]  # fmt: skip


def test_a_gpu_that_a_run_may_not_see_is_not_told(tmp_path: Path) -> None:
    found = system_series(written(tmp_path, COLUMNS), (BEGAN_S - 1, BEGAN_S + 1), hidden=("GPU1_",))
    assert set(found) == {name for name in RIGHT if "gpu" not in name}


def test_the_names_are_those_of_mlflows_own_monitor() -> None:
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "system_metrics"
    source = "".join((folder / "metrics" / f"{name}_monitor.py").read_text() for name in ("cpu", "gpu"))
    known = {name.replace("{i}", "1") for name in re.findall(r'_metrics\[f?"([a-z0-9_{}]+)"\]', source)}
    assert {name.removeprefix("system/") for name in RIGHT} <= known
    assert 'prefix = "system/"' in (folder / "system_metrics_monitor.py").read_text()


def test_a_long_recording_is_thinned_by_means(tmp_path: Path) -> None:
    path = written(tmp_path, {"CPU_USAGE_0": range(1001)})
    (points,) = system_series(path, (BEGAN_S, BEGAN_S + 1000)).values()
    assert len(points) == POINTS
    assert [point.value for point in points[:2]] == [5.5, 15.5]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        pytest.param("no recording", (BEGAN_S, BEGAN_S + 1), id="no table"),
        pytest.param(None, (BEGAN_S, BEGAN_S + 1), id="no file"),
        pytest.param("Delta,Time,CPU_USAGE_0\n0,1700000000000,1\n0,1700000000500,1\n", (BEGAN_S + 9, BEGAN_S + 10),
                     id="no sample within"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_stops_nothing(tmp_path: Path, text: str | None, window: tuple[float, float]) -> None:
    path = tmp_path / "energy.csv"
    if text is not None:
        path.write_text(text)
    assert system_series(path, window) == {}
