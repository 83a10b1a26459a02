"""When phases began and ended, as a program of any language writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.contract.events import Event, EventLog, read_events
from src.contract.json_files import ContractError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def _interrupted(log: EventLog) -> None:
    with log.phase("train"):
        raise RuntimeError("stop")


def test_phase_that_fails_has_no_end(path: Path) -> None:
    log = EventLog(path)
    with log.phase("data"):
        pass
    with pytest.raises(RuntimeError, match="stop"):
        _interrupted(log)
    edges = [(event.phase, event.edge) for event in read_events(path)]
    assert edges == [("data", "begin"), ("data", "end"), ("train", "begin")]


def test_a_given_time_is_kept_and_any_name_is_a_phase(path: Path) -> None:
    EventLog(path).emit("ma phase 語", "begin", t=1.25)
    assert read_events(path) == [Event(1.25, "ma phase 語", "begin")]


def test_a_line_from_another_program_is_read(path: Path) -> None:
    path.write_text('{"t": 1, "phase": "a", "edge": "begin", "note": "more"}\n\n{"edge":"end","phase":"a","t":2.5}')
    assert read_events(path) == [Event(1.0, "a", "begin"), Event(2.5, "a", "end")]


def test_truncated_events_are_refused(path: Path) -> None:
    path.write_text('{"t": 1.0, "phase": "data", "edge": "begin"}\n{"t": 2.0, "ph')
    with pytest.raises(ContractError, match="no complete event file"):
        read_events(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param("[]", "not an object", id="a list"),
        pytest.param('{"phase": "a", "edge": "begin"}', "`t` is None", id="no time"),
        pytest.param('{"t": "1", "phase": "a", "edge": "begin"}', "`t` is '1'", id="time is a text"),
        pytest.param('{"t": true, "phase": "a", "edge": "begin"}', "`t` is True", id="time is a truth"),
        pytest.param('{"t": NaN, "phase": "a", "edge": "begin"}', "no moment", id="time is no number"),
        pytest.param('{"t": Infinity, "phase": "a", "edge": "begin"}', "no moment", id="time never comes"),
        pytest.param('{"t": 1, "phase": 3, "edge": "begin"}', "`phase` is 3", id="phase is a number"),
        pytest.param('{"t": 1, "edge": "begin"}', "`phase` is None", id="no phase"),
        pytest.param('{"t": 1, "phase": "a", "edge": "middle"}', "begin or end", id="another edge"),
        pytest.param('{"t": 1, "phase": "a"}', "begin or end", id="no edge"),
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_file(path: Path, line: str, says: str) -> None:
    path.write_text(line)
    with pytest.raises(ContractError, match=says) as caught:
        read_events(path)
    assert str(path) in str(caught.value)


def test_no_file_is_refused(path: Path) -> None:
    with pytest.raises(ContractError, match="no complete event file"):
        read_events(path)
