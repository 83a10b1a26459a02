"""Which meter is taken, and what is said of those that are not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from src.errors import ConfigError, MeterError
from src.measure import meters
from src.measure.meters import energibridge as energibridge_module
from src.measure.meters.select import find_module, make_meter, select_meter
from src.paths import CONF, ROOT

RECORDING = ROOT / "tests" / "data" / "energibridge" / "windows-amd.csv"


def test_a_working_energibridge_is_taken_first(energibridge: Any, meter_config: Any) -> None:
    meter = select_meter(meter_config("auto", binary=energibridge()), gpu=False)
    assert (meter.name, meter.energy_kind, meter.version) == ("energibridge", "measured", "0.0.7")
    assert meter.rejected == ()


def test_a_version_that_is_never_told_is_an_error(
    energibridge: Any, meter_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.measure.meters.energibridge.VERSION_S", 0.5)
    with pytest.raises(MeterError, match="timed out"):
        select_meter(meter_config("energibridge", binary=energibridge(FAULT="version_hang")), gpu=False)


def test_a_broken_energibridge_is_passed_over_and_told(energibridge: Any, meter_config: Any, tmp_path: Path) -> None:
    config = meter_config("auto", binary=energibridge(FAULT="no_permission"), powercap=str(tmp_path / "absent"))
    meter = select_meter(config, gpu=False)
    assert (meter.name, meter.energy_kind) == ("estimate", "estimated")
    assert "ESTIMATED, not measured" in meter.description
    assert "Permission denied" in meter.rejected[0]
    assert "no RAPL package zone" in meter.rejected[1]


def test_without_energibridge_the_releases_page_is_named(meter_config: Any, tmp_path: Path) -> None:
    config = meter_config("energibridge", binary=str(tmp_path / "absent"))
    with pytest.raises(MeterError, match=r"github.com/tdurieux/EnergiBridge/releases"):
        select_meter(config, gpu=False)


@pytest.mark.parametrize(
    ("settings", "gpu", "says"),
    [
        ({"FAULT": "no_permission"}, False, "panicked at.*setcap cap_sys_rawio"),
        ({"FAULT": "no_register"}, False, "failed to read PP1.*no register of that kind"),
        ({"CPU": "none"}, False, "no energy or power column"),
        ({"FAULT": "still"}, False, "did not move"),
        ({"FAULT": "slow_sample"}, False, "exit code 101.* interval of 50 ms; raise meter.interval_ms"),
        ({"FAULT": "long_rows"}, True, "no GPU's energy"),
    ],
    ids=["no permission", "no register", "unknown processor", "counter stands still", "slow sample", "no GPU"],
)
def test_a_named_meter_that_does_not_work(
    energibridge: Any, meter_config: Any, settings: dict[str, str], gpu: bool, says: str
) -> None:
    with pytest.raises(MeterError, match=f"(?s){says}"):
        select_meter(meter_config("energibridge", binary=energibridge(**settings)), gpu)


def test_a_gpu_is_metered_when_asked_for(energibridge: Any, meter_config: Any) -> None:
    meter = select_meter(meter_config("energibridge", binary=energibridge()), gpu=True)
    assert "-g" in meter.command(Path("out.csv"), ["true"])


def test_replay_is_marked(meter_config: Any) -> None:
    meter = select_meter(meter_config("replay", recording=str(RECORDING)), gpu=False)
    assert (meter.name, meter.energy_kind) == ("replay", "replayed")
    assert str(RECORDING) in meter.description


def test_the_command_line(energibridge: Any, meter_config: Any, tmp_path: Path) -> None:
    binary = energibridge()
    meter = make_meter("energibridge", meter_config(binary=binary), gpu=False)
    expected = [binary, "-o", str(tmp_path / "e.csv"), "-i", "50", "--", "python", "-V"]
    assert meter.command(tmp_path / "e.csv", ["python", "-V"]) == expected
    native = make_meter("native", meter_config(), gpu=False)
    assert native.command(tmp_path, ["true"])[:3] == [sys.executable, "-m", "src.measure.meters.native"]
    elsewhere = make_meter("native", meter_config(powercap="/elsewhere"), gpu=False)
    assert elsewhere.program[-2:] == ("--powercap", "/elsewhere")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"name": "wattmeter"}, "meter.name=wattmeter"),
        ({"name": "replay"}, "meter.recording=None"),
        ({"name": "replay", "recording": "absent.csv"}, "meter.recording=absent.csv"),
        ({"name": "estimate", "idle_w": 5, "busy_w": 2}, "meter.idle_w=5"),
    ],
)
def test_settings_that_make_no_sense(meter_config: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        select_meter(meter_config(**settings), gpu=False)


WATTMETER = """
from dataclasses import dataclass
from typing import Annotated
from src.measure.meters.program import Program
from src.rules import ABOVE_ZERO

@dataclass(kw_only=True)
class Settings:
    recording: str | None = None
    socket: str
    factor: Annotated[float, ABOVE_ZERO] = 1.0

def program(settings, gpu):
    return Program((settings.socket, str(settings.factor), str(settings.recording)), "measured", "a wattmeter")
"""


@pytest.fixture
def wattmeter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter more, with settings that the group has no keys for."""
    (tmp_path / "wattmeter.py").write_text(WATTMETER)
    monkeypatch.setattr(meters, "__path__", [*meters.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "src.measure.meters.wattmeter", raising=False)


@pytest.mark.usefixtures("wattmeter")
def test_a_meter_brings_settings_of_its_own(meter_config: Any) -> None:
    config = meter_config(recording="x.csv", options={"socket": "/dev/a", "factor": 2})
    assert make_meter("wattmeter", config, gpu=False).program == ("/dev/a", "2.0", "x.csv")


@pytest.mark.usefixtures("wattmeter")
@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("wattmeter", {"socket": "a", "factor": "much"}, r"^meter.options.factor: Value 'much' of type 'str' could"),
        ("wattmeter", {"socket": "a", "factor": 0}, r"^meter.options.factor=0.0: must be above 0$"),
        ("wattmeter", {"socket": "a", "factor": float("inf")}, r"^meter.options.factor=inf: must be a finite number$"),
        ("wattmeter", {"factor": 2}, r"^meter.options.socket: .*missing mandatory value"),
        ("wattmeter", {"sockte": "a"}, r"^meter.options.sockte: no such key; meter=wattmeter has factor, socket$"),
        (
            "wattmeter",
            {"recording": "a"},
            r"^meter.options.recording: no such key; meter=wattmeter has factor, socket$",
        ),
        ("estimate", {"socket": "a"}, r"^meter.options.socket: no such key; meter=estimate has none of its own$"),
        ("auto", {"socket": "a"}, r"^meter.options.socket: no such key; meter=auto has none of its own$"),
    ],
)
def test_own_settings_that_make_no_sense(meter_config: Any, name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        select_meter(meter_config(name, options=options), gpu=False)


def test_every_option_is_a_meter_and_every_meter_an_option() -> None:
    options = {path.stem for path in (CONF / "meter").glob("*.yaml")} - {"auto"}
    with pytest.raises(ConfigError) as caught:
        find_module("nonsense")
    assert (
        set(str(caught.value).removeprefix("meter.name=nonsense is unknown; use one of auto, ").split(", ")) == options
    )


@pytest.mark.parametrize("name", ["select", "../select", "", "native.x"])
def test_what_is_no_meter(name: str) -> None:
    with pytest.raises(ConfigError, match="is unknown; use one of auto"):
        find_module(name)


@pytest.mark.parametrize(
    ("platform", "says"),
    [
        ("linux", "sudo setcap cap_sys_rawio=ep /bin/eb"),
        ("darwin", "com.apple.quarantine /bin/eb"),
        ("win32", "administrator"),
    ],
)
def test_remedies_of_each_system(platform: str, says: str) -> None:
    assert says in energibridge_module.fails("/bin/eb", platform)
