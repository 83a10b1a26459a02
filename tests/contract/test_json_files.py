"""Files are whole or absent, and values are what they claim to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.contract.events import read_events
from src.contract.json_files import ContractError, read_object, take, texts, write_json
from src.contract.outcome import Outcome


def test_a_file_that_cannot_be_written_leaves_the_one_before_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": [1, object()]})
    assert read_object(path) == {"a": 1}
    write_json(path, {"a": 2})
    assert read_object(path) == {"a": 2}
    assert json.loads(path.read_text()) == {"a": 2}


@pytest.mark.parametrize(
    "text",
    [None, "", '{"a": ', "[]", "1", "[" * 100_000],
    ids=["absent", "empty", "truncated", "a list", "a number", "too deep"],
)
def test_what_holds_no_object_is_refused_by_its_path(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ContractError, match=r"a\.json"):
        read_object(path)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        pytest.param(str, "x", "x", id="text"),
        pytest.param(int, 3, 3, id="whole number"),
        pytest.param(float, 0.5, 0.5, id="number"),
        pytest.param(float, 2, 2.0, id="a whole number is a number"),
        pytest.param(bool, False, False, id="truth"),
        pytest.param(dict, {}, {}, id="object"),
        pytest.param(list, [1], [1], id="list"),
    ],
)
def test_a_value_of_its_type_is_taken(kind: type[Any], value: Any, taken: Any) -> None:
    found = take({"key": value}, "key", kind, "here")
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(str, 3, id="a number is no text"),
        pytest.param(str, None, id="nothing is no text"),
        pytest.param(int, 3.0, id="a float is no whole number"),
        pytest.param(int, True, id="truth is no whole number"),
        pytest.param(int, "3", id="a text is no whole number"),
        pytest.param(float, True, id="truth is no number"),
        pytest.param(float, "0.5", id="a text is no number"),
        pytest.param(float, 10**400, id="too large a number"),
        pytest.param(bool, 1, id="a number is no truth"),
        pytest.param(dict, [], id="a list is no object"),
        pytest.param(list, {}, id="an object is no list"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_key(kind: type[Any], value: Any) -> None:
    with pytest.raises(ContractError, match="here: `key` is"):
        take({"key": value}, "key", kind, "here")


def test_an_absent_value_is_refused_by_its_key() -> None:
    with pytest.raises(ContractError, match="here: `key` is None"):
        take({}, "key", str, "here")


@pytest.mark.parametrize("value", [None, "a", ["a", 1], {"a": "b"}, [None]], ids=str)
def test_what_is_no_list_of_texts_is_refused(value: Any) -> None:
    with pytest.raises(ContractError, match="`words` is .* not a list of texts"):
        texts(value, "`words`")


def test_a_list_of_texts_is_one() -> None:
    assert texts(["a", ""], "`words`") == ["a", ""]


@pytest.mark.parametrize("name", ["outcome.json", "events.jsonl"])
def test_what_a_program_tells_at_great_length_is_refused_before_it_takes_memory(name: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(4_000_000_000)  # takes no room on the disk
    with pytest.raises(ContractError, match=f"{name} holds 4000000000 bytes"):
        Outcome.read(tmp_path) if name == "outcome.json" else read_events(tmp_path / name)
