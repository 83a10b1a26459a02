"""NVIDIA GPUs as machines have them: others' ones, parts of some, and some that do not tell the truth."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from src.contract.flags import OF_ONE_RUN
from src.contract.job import Job
from src.contract.metrics import OF_MACHINE
from src.doctor import host
from src.errors import MeterError
from src.measure.disturbed import REPEATED
from src.measure.meters import nvml as nvml_meter
from src.measure.meters import select
from src.measure.meters.gpus import visible_gpus
from src.measure.meters.remarks import Remarks
from src.measure.meters.select import Meter, make_meter, select_meter
from src.measure.run import Measured, measure
from src.paths import ROOT
from tests.measure.powercap_zones import zone

FAKE = ROOT / "tests" / "standins" / "fake_nvml"
SAME = [{"watts": 50}, {"watts": 100}, {"watts": 200}]
MIXED = [{"watts": 50, "name": "Fake T4"}, {"watts": 100}, {"watts": 200}]
PACKAGE, GPU = "PACKAGE_ENERGY (J)", "GPU{}_ENERGY (J)"


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], ModuleType]:
    """Puts the stand-in in the place of pynvml, here and in the processes that `environment` starts."""

    def install(gpus: list[dict[str, Any]]) -> ModuleType:
        monkeypatch.setenv("FAKE_GPUS", json.dumps(gpus))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
        spec = importlib.util.spec_from_file_location("pynvml", FAKE / "pynvml.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setitem(sys.modules, "pynvml", module)
        return module

    return install


@pytest.mark.parametrize(
    ("gpus", "devices", "order", "indices", "codes"),
    [
        pytest.param(SAME, None, None, [0, 1, 2], [], id="not set"),
        pytest.param(SAME, "", None, [], [], id="empty: none"),
        pytest.param(SAME, "1", None, [1], [], id="a number"),
        pytest.param(SAME, "2,0", None, [2, 0], [], id="in its own order"),
        pytest.param(SAME, "1, 2", None, [1, 2], [], id="with a blank"),
        pytest.param(SAME, "1,-1,2", None, [1], [], id="-1 ends the list"),
        pytest.param(SAME, "-1", None, [], [], id="-1 alone"),
        pytest.param(SAME, "1,9,2", None, [1], [], id="no such GPU ends it too"),
        pytest.param(SAME, "GPU-2a-2b", None, [2], [], id="a UUID"),
        pytest.param(SAME, "GPU-2,GPU-0a", None, [2, 0], [], id="beginnings of UUIDs"),
        pytest.param(SAME, "GPU-,1", None, [], [], id="a beginning of several"),
        pytest.param(SAME, "MIG-of-1", None, [1], ["gpu_part"], id="an instance"),
        pytest.param(SAME, "MIG-GPU-1a-1b/7/0", None, [1], ["gpu_part"], id="an instance as it was written before"),
        pytest.param(SAME, "MIG-none", None, [], [], id="an instance that there is not"),
        pytest.param(MIXED, "1", None, [1], ["gpu_order"], id="different kinds"),
        pytest.param(MIXED, "1", "FASTEST_FIRST", [1], ["gpu_order"], id="different kinds by speed"),
        pytest.param(MIXED, "1", "PCI_BUS_ID", [1], [], id="different kinds by place"),
        pytest.param(MIXED, "2,0,1", None, [2, 0, 1], [], id="all of different kinds"),
        pytest.param(MIXED, "GPU-1", None, [1], [], id="different kinds by UUID"),
        pytest.param([*SAME, {"fault": "lost"}], None, None, [0, 1, 2], ["gpu_error"], id="one in error"),
        pytest.param([*SAME, {"fault": "lost"}], "1", None, [1], [], id="one in error that is not seen"),
        pytest.param([*SAME, {"fault": "lost"}], "3", None, [], ["gpu_error"], id="the one that is seen, in error"),
    ],
)
def test_the_gpus_that_a_run_may_see(
    nvml: Any, gpus: Any, devices: str | None, order: str | None, indices: list[int], codes: list[str]
) -> None:
    named = {"CUDA_VISIBLE_DEVICES": devices, "CUDA_DEVICE_ORDER": order}
    found = visible_gpus(nvml(gpus), {name: value for name, value in named.items() if value is not None})
    assert [gpu.index for gpu in found.gpus] == indices
    assert [flag.code for flag in found.flags] == codes
    assert set(found.hidden) == (set() if devices is None else set(range(len(gpus))) - set(indices))


@pytest.fixture
def run(
    tmp_path: Path, meter_config: Any, environment: dict[str, str], nvml: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Measured]:
    """A sleeping worker under `native`, whose package stands still, so that all energy is the GPUs'."""

    def start(gpus: list[dict[str, Any]], job: Job, devices: str | None = None, interval_ms: int = 50) -> Measured:
        nvml(gpus)
        zone(tmp_path / "powercap", "intel-rapl:0", "package-0", 1)
        config = meter_config("native", powercap=str(tmp_path / "powercap"), interval_ms=interval_ms)
        meter = dataclasses.replace(make_meter("native", config, gpu=True), columns=())
        own = {"FAKE_GPUS": json.dumps(gpus), "PYTHONPATH": f"{FAKE}:{ROOT}"}
        seen = {} if devices is None else {"CUDA_VISIBLE_DEVICES": devices}
        return measure(without_package(meter), job, tmp_path / "run", {**environment, **own, **seen}, 20)

    return start


def without_package(meter: Meter) -> Meter:
    return dataclasses.replace(
        meter, remarks=dataclasses.replace(meter.remarks, left_out=(*meter.remarks.left_out, PACKAGE))
    )


CASES = [
    pytest.param({}, 100, set(), GPU, id="counter and power"),
    pytest.param({"fault": "no_power"}, 100, set(), GPU, id="a counter alone"),
    pytest.param({"fault": "no_counter"}, 100, {"gpu_power"}, "GPU{}_POWER (mWatts)", id="an old GPU"),
    pytest.param({"fault": "zero"}, 100, {"gpu_power"}, "GPU{}_POWER (mWatts)", id="a counter of 0"),
    pytest.param({"fault": "once"}, 100, {"gpu_read_failed"}, GPU, id="one reading fails"),
    pytest.param({"fault": "now_and_then"}, 100, {"gpu_read_failed"}, GPU, id="readings fail now and then"),
    pytest.param({"fault": "stops"}, 100, {"gpu_power"}, "GPU{}_POWER (mWatts)", id="a counter that stops"),
    pytest.param(
        {"fault": "slow"}, 100, {"gpu_power"}, "GPU{}_POWER (mWatts)", id="a counter that moves once a second"
    ),
    pytest.param({"fault": "restarts"}, 100, {"gpu_power", "gpu_read_failed"}, "GPU{}_POWER (mWatts)", id="restarts"),
    pytest.param({"fault": "doubled"}, 200, {"gpu_disagree"}, GPU, id="counter and power disagree"),
]


@pytest.mark.parametrize(("gpu", "power_w", "codes", "column"), CASES)
def test_the_energy_of_a_gpu(
    run: Callable[..., Measured], slow_job: Job, gpu: dict[str, Any], power_w: float, codes: set[str], column: str
) -> None:
    measured = run([{"watts": 70}, {"watts": 100, **gpu}], slow_job, devices="1")
    assert measured.energy.power_w == pytest.approx(power_w, rel=0.02)
    assert measured.energy.columns == (column.format(1),)
    assert {flag.code for flag in measured.energy.flags if flag.code.startswith("gpu")} - {"gpu_only"} == codes


@pytest.fixture
def slow_job(tmp_path: Path) -> Job:
    """Four seconds of sleep as one phase: long beside what a busy machine reads a sample late."""
    code = (
        "import os, sys, time; from pathlib import Path; from src.contract.events import EventLog; "
        "from src.contract.outcome import Outcome\n"
        "with EventLog(Path(os.environ['JOULEBENCH_EVENTS'])).phase('work'): time.sleep(4)\n"
        "Outcome().write(Path(os.environ['JOULEBENCH_OUTCOME']))"
    )
    return Job(workload="standin", program=[sys.executable, "-c", code], task_phases=["work"])


@pytest.mark.parametrize(
    ("gpu", "reasons", "flagged"),
    [
        pytest.param({}, 0x1, "", id="idle"),
        pytest.param({}, 0x2 | 0x10 | 0x100 | 0x400, "", id="clocks that somebody set"),
        pytest.param({}, 0x4, "its power limit in 100% of the samples", id="power limit"),
        pytest.param({}, 0x8 | 0x40, "a slowdown by hardware in 100% of the samples, heat (hardware) in", id="too hot"),
        pytest.param({"fault": "old_driver"}, 0x20, "heat (driver) in 100%", id="a driver that knows the old name"),
    ],
)
def test_the_state_of_a_gpu_is_told(
    run: Callable[..., Measured], slow_job: Job, gpu: dict[str, Any], reasons: int, flagged: str
) -> None:
    known = {"temperature_c": 71, "sm_mhz": 1500, "memory_mhz": 2500, "limit_w": 350, "reasons": reasons}
    measured = run([{"watts": 100, **known, **gpu}, {"watts": 90, "temperature_c": 99, "limit_w": 9}], slow_job, "0")
    told = {name: value for name, value in measured.machine.items() if name.startswith("gpu_")}
    assert told == {
        **{f"gpu_temperature_{when}_c": 71.0 for when in ("begin", "end", "first", "last", "max")},
        **{f"gpu_frequency{when}_mhz": 1500.0 for when in ("", "_begin", "_end", "_first", "_last")},
        **{f"gpu_memory_frequency{when}_mhz": 2500.0 for when in ("", "_begin", "_end", "_first", "_last")},
        "gpu_power_limit_w": 350.0,
        "gpu_slowed_share": float(bool(flagged)),
    }
    assert set(told) <= {metric.name for metric in OF_MACHINE}
    flags = [flag for flag in measured.energy.flags if flag.code == "gpu_throttled"]
    says = f"GPU 0 slowed itself down during the run: {flagged}"
    assert [(flag.text.startswith(says), flag.grave) for flag in flags] == ([(True, False)] if flagged else [])


def test_a_gpu_that_tells_no_state_is_measured_all_the_same(run: Callable[..., Measured], slow_job: Job) -> None:
    measured = run([{"watts": 100, "fault": "no_state"}], slow_job)
    assert measured.energy.power_w == pytest.approx(100, rel=0.02)
    assert not [name for name in measured.machine if name.startswith("gpu_")]


def test_a_state_is_asked_for_once_a_second_and_kept_where_it_fails(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = nvml([{"watts": 100, "temperature_c": 50}])
    now_s = 0.0
    monkeypatch.setattr(nvml_meter.time, "monotonic", lambda: now_s)
    reader = nvml_meter.Nvml()
    place = list(reader.columns).index("GPU0_TEMPERATURE")
    seen = []
    for now_s, changes in ((0.5, {"temperature_c": 60}), (1.2, {}), (2.3, {"fault": "no_state"})):  # noqa: B007
        module.GPUS[0].update(changes)
        seen.append(reader.read()[place])
    assert seen == [50.0, 60.0, 60.0]


def test_what_a_gpu_tells_only_later_makes_no_row_longer_than_its_header(nvml: Any) -> None:
    module = nvml([{"watts": 100, "fault": "no_state"}])
    reader = nvml_meter.Nvml()
    module.GPUS[0]["fault"] = ""
    reader._meters[0]._state._since_s -= 2 * nvml_meter.STATE_EVERY_S
    assert len(reader.read()) == len(reader.columns) == 2


def test_a_slow_counter_read_fast_neither_ends_the_run_nor_blames_it(
    run: Callable[..., Measured], slow_job: Job
) -> None:
    measured = run([{"watts": 300, "fault": "slow"}], slow_job, interval_ms=20)
    assert measured.energy.power_w == pytest.approx(300, rel=0.02)


@pytest.mark.parametrize(
    ("gpus", "devices", "says"),
    [
        ([{"watts": 50, "fault": "no_counter no_power"}], None, "GPU 0 tells neither energy"),
        ([{"watts": 50}, {"fault": "lost"}], "1", "GPU 1 does not answer"),
        ([{"watts": 50}], "", "no GPU that CUDA_VISIBLE_DEVICES lets a program see"),
        ([{"watts": 50, "fault": "no_driver"}], None, "driver does not answer"),
    ],
    ids=["tells nothing", "the only one in error", "none is seen", "no driver"],
)
def test_what_cannot_be_measured_is_refused_before_the_command_starts(
    run: Callable[..., Measured], slow_job: Job, gpus: Any, devices: str | None, says: str
) -> None:
    with pytest.raises(MeterError, match=f"before it started the run(.|\n)*{says}") as caught:
        run(gpus, slow_job, devices)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("zones", "domains", "lacks"),
    [(True, ("package", "gpu"), False), (False, ("gpu",), True)],
    ids=["processor and GPU", "a GPU alone"],
)
def test_what_a_tried_meter_adds_up_is_known_beforehand(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, meter_config: Any, tmp_path: Path, environment: dict[str, str],
    zones: bool, domains: tuple[str, ...], lacks: bool,
) -> None:  # fmt: skip
    nvml([{"watts": 100}])
    own = {"FAKE_GPUS": json.dumps([{"watts": 100}]), "PYTHONPATH": f"{FAKE}:{ROOT}"}
    monkeypatch.setattr(select, "worker_environment", lambda *_: environment | own)
    if zones:
        growing_zone(monkeypatch, tmp_path / "powercap")
    meter = select_meter(meter_config("native", powercap=str(tmp_path / "powercap")), gpu=True)
    assert (meter.domains, meter.lacks_processor) == (domains, lacks)


def test_a_second_meter_of_the_gpu_alone_is_refused_beside_one_of_both(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, meter_config: Any, energibridge: Any, tmp_path: Path,
    environment: dict[str, str],
) -> None:  # fmt: skip
    nvml([{"watts": 100}])
    own = {"FAKE_GPUS": json.dumps([{"watts": 100}]), "PYTHONPATH": f"{FAKE}:{ROOT}"}
    monkeypatch.setattr(select, "worker_environment", lambda *_: environment | own)
    config = meter_config("energibridge", binary=energibridge(), also=["native"], powercap=str(tmp_path / "absent"))
    with pytest.raises(MeterError, match="meter.also=native: it measures the GPU, but not the processor, as energib"):
        select_meter(config, gpu=True)


def growing_zone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A package whose counter grows while a meter is tried."""
    counter = zone(folder, "intel-rapl:0", "package-0", 1)
    counter.write_text("0" * 12)
    # In place and of one width, so that a reader sees whole numbers.
    grow = f"""
import time
for n in range(100, 10**9, 10**6):
    with open({str(counter)!r}, "r+") as file: file.write(f"{{n:012d}}")
    time.sleep(0.02)
"""
    launched = select.launch

    def launch_beside_a_grower(*arguments: Any) -> Any:
        with subprocess.Popen([sys.executable, "-c", grow]) as grower:
            try:
                return launched(*arguments)
            finally:
                grower.kill()

    monkeypatch.setattr(select, "launch", launch_beside_a_grower)


def test_a_run_whose_gpu_was_not_recorded_is_no_run_of_both(
    meter_config: Any, energibridge: Any, slow_job: Job, environment: dict[str, str], tmp_path: Path
) -> None:
    meter = make_meter("energibridge", meter_config("energibridge", binary=energibridge()), gpu=True)
    whole = measure(meter, slow_job, tmp_path / "whole", environment, 20).energy
    assert {"package", "gpu"} <= set(whole.domains_j)
    assert whole.energy_j == pytest.approx(sum(whole.domains_j[domain] for domain in ("package", "dram", "gpu")))
    assert "gpu_missing" not in {flag.code for flag in whole.flags}
    blind = dataclasses.replace(meter, remarks=Remarks((), ("GPU0_POWER (mWatts)",)))
    flags = measure(blind, slow_job, tmp_path / "blind", environment, 20).energy.flags
    assert [flag.grave for flag in flags if flag.code == "gpu_missing"] == [True]
    assert {"gpu_missing"} <= REPEATED & set(OF_ONE_RUN)


def test_gpus_that_a_run_may_not_see_are_left_out_of_energibridge_too(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, energibridge: Any, meter_config: Any
) -> None:
    nvml([{"watts": 100}, {"watts": 100}])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    meter = make_meter("energibridge", meter_config("energibridge", binary=energibridge()), gpu=True)
    assert meter.remarks.left_out == ("GPU0_POWER (mWatts)",)
    with pytest.raises(MeterError, match="reports no GPU's energy"):
        select_meter(meter_config("energibridge", binary=energibridge()), gpu=True)


@pytest.mark.parametrize(
    ("gpus", "devices", "names"),
    [
        ([{"fault": "lost"}], None, ()),
        ([{"name": "A"}, {"fault": "lost"}], None, ("A",)),
        ([{"name": "A"}, {"name": "B"}], "1", ("B",)),
        ([{"name": "A", "fault": "no_driver"}], None, ()),
        ([], None, ()),
    ],
    ids=["in error", "one of two in error", "one of two seen", "no driver", "none"],
)
def test_a_gpu_in_error_is_no_matter_to_the_host(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, gpus: Any, devices: str | None, names: tuple[str, ...]
) -> None:
    nvml(gpus)
    if devices is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    assert host.gpu_names() == names
    assert host.host_facts().gpus == names
