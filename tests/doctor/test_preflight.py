"""The doctor at a sweep's start and end: what it says, when it refuses, what it leaves."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from src.doctor import preflight as module
from src.doctor.examine import Examination
from src.doctor.preflight import changes, preflight, summary
from src.doctor.state import MachineState, Surroundings
from src.errors import SetupError
from tests.doctor.test_checks import BENCH, LAPTOP, WINDOWS
from tests.protocol.conftest import METER


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[MachineState]:
    """What the machine shows at each look, the last one for ever."""
    states = [BENCH]

    def read(*_: object) -> MachineState:
        return states.pop(0) if len(states) > 1 else states[0]

    monkeypatch.setattr(module, "read_state", read)
    monkeypatch.setattr(module, "with_meters", lambda state, *_: state)
    return states


@pytest.fixture
def said() -> list[str]:
    return []


def run(composed, said, how="warn"):
    config = composed("protocol=quick", f"protocol.preflight={how}")
    return preflight(config, [METER], lambda text, _style: said.append(text))


@pytest.mark.parametrize(
    ("state", "how", "words"),
    [
        pytest.param(BENCH, "warn", [], id="fine"),
        pytest.param(LAPTOP, "off", [], id="off"),
        pytest.param(replace(LAPTOP, meters=None), "strict", ["careful: governor, frequency, turbo"], id="careful"),
        pytest.param(WINDOWS, "warn", ["not fit to measure now: load, others use 30.0%", "careful: meter"], id="stop"),
    ],
)
def test_it_says_a_line_and_lets_begin(machine, said, composed, state, how, words) -> None:
    machine[:] = [state]
    run(composed, said, how)
    assert len(said) == len(words)
    assert all(text.startswith(word) for text, word in zip(said, words, strict=True))


def test_strict_refuses_what_stops(machine, said, composed) -> None:
    machine[:] = [WINDOWS]
    with pytest.raises(SetupError, match=r"load, others use 30.0% .*protocol.preflight=strict.*src\.doctor"):
        run(composed, said, "strict")


def test_off_looks_at_nothing_and_leaves_nothing(machine, said, composed, tmp_path) -> None:
    found = run(composed, said, "off")
    found.write(tmp_path)
    found.repeat(lambda *_: None)
    assert (found.params, found.files, list(tmp_path.iterdir())) == ({}, (), [])


def test_both_looks_and_what_changed_are_kept(machine, said, composed, tmp_path) -> None:
    online = replace(BENCH, surroundings=replace(BENCH.surroundings, networks=("eth0",)))
    machine[:] = [BENCH, replace(online, processor=replace(BENCH.processor, temperature_c=44))]
    found = run(composed, said)
    found.write(tmp_path)
    assert found.params["preflight"] == "fine"
    found.repeat(lambda text, _style: said.append(text))
    assert said == ["since the start: network was down, now up: eth0"]
    (path,) = found.files
    kept = json.loads(path.read_text())
    assert (kept["begin"]["verdict"], kept["end"]["verdict"]) == ("fine", "careful")
    assert kept["changed"] == ["network was down, now up: eth0"]


def test_a_sweep_that_goes_on_keeps_the_looks_of_before(machine, said, composed, tmp_path) -> None:
    for _ in range(2):
        run(composed, said).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["preflight-2.json", "preflight.json"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(BENCH, [], id="nothing"),
        pytest.param(replace(BENCH, processor=replace(BENCH.processor, now_mhz=800)), [], id="what wavers"),
        pytest.param(
            replace(BENCH, processor=replace(BENCH.processor, governors=("powersave",))),
            ["governor was performance (intel_pstate), now powersave (intel_pstate): the clock follows the load"],
            id="another verdict",
        ),
    ],
)
def test_changes_are_what_does_not_waver_by_itself(now, told) -> None:
    assert changes(Examination.of(BENCH), Examination.of(now)) == told


def test_the_same_verdict_with_other_networks_is_a_change() -> None:
    one, other = (
        Examination.of(replace(BENCH, surroundings=Surroundings(networks=(name,)))) for name in ("eth0", "wlan0")
    )
    assert changes(one, other) == ["network was up: eth0, now up: wlan0"]


def test_a_summary_names_what_stops_first() -> None:
    assert summary(Examination.of(WINDOWS)) == "stop: load; careful: meter, energibridge, network"
    assert summary(Examination.of(BENCH)) == "fine"


@pytest.mark.parametrize("fails_at", ["begin", "end"])
def test_a_look_that_fails_costs_no_run(machine, said, composed, monkeypatch, tmp_path, fails_at) -> None:
    def fail(*_: object) -> MachineState:
        raise KeyError("a system like no other")

    if fails_at == "begin":
        monkeypatch.setattr(module, "read_state", fail)
    found = run(composed, said)
    found.write(tmp_path)
    monkeypatch.setattr(module, "read_state", fail)
    found.repeat(lambda text, _style: said.append(text))
    assert [text for text in said if text.startswith("the machine could not be looked at (KeyError: 'a system like no")]
    assert [path.name for path in tmp_path.iterdir()] == ([] if fails_at == "begin" else ["preflight.json"])
    assert bool(found.params) == (fails_at == "end")
