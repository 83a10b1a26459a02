"""JSON files that are either whole or absent, and values that are what they claim to be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

MOST_TOLD_BYTES = 10_000_000
"""What a measured program tells is shorter; read as JSON it takes up to 25 times as much memory."""

LARGEST = 2**63 - 1
"""No database and no array takes a larger whole number."""


class ContractError(ValueError):
    """A file that rooms hand each other which is missing, unreadable, incomplete or of another version."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary neighbour to write to, which takes the path's place at the end: no reader ever sees half a file.

    Where the writing fails, say on a full disk, neither is left; raises OSError.
    """
    temporary = path.with_name(f".{path.stem[:100]}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all; raises OSError."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Any) -> None:
    """Write JSON, whole or not at all; raises OSError."""
    write_text(path, json.dumps(values, indent=1))


def read_told(path: Path) -> str:
    """The text of a file that any program may have written; raises ContractError where it is too long to be one."""
    if (size := path.stat().st_size) > MOST_TOLD_BYTES:
        raise ContractError(f"{path} holds {size} bytes; more than {MOST_TOLD_BYTES} are not read")
    return path.read_text(encoding="utf-8")


def read_object(path: Path, told: bool = False) -> dict[str, Any]:
    """The JSON object in a file, `told` by any program or our own; raises ContractError where there is none."""
    try:
        values = parse(read_told(path) if told else path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path} cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise ContractError(f"{path} holds no JSON object")
    return values


def parse(text: str) -> Any:
    """What a JSON text holds; raises ValueError or RecursionError, also where a text has half a character."""
    values = json.loads(text)
    if "\\u" in text:
        json.dumps(values, ensure_ascii=False).encode("utf-8")
    return values


def take(values: Mapping[str, Any], key: str, kind: type[T], where: str) -> T:
    """One value of the given type, whole numbers passing for floats; raises ContractError naming `where`."""
    found = values.get(key)
    if kind is float and isinstance(found, int) and not isinstance(found, bool):
        try:
            return kind(found)  # type: ignore[call-arg]
        except OverflowError as error:
            raise ContractError(f"{where}: `{key}` is too large a number") from error
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise ContractError(f"{where}: `{key}` is {found!r:.80}, not of type {kind.__name__}")
    if kind is int and abs(found) > LARGEST:  # type: ignore[arg-type]
        raise ContractError(f"{where}: `{key}` is too large a number")
    return found


def texts(value: Any, what: str) -> list[str]:
    """A list of texts; raises ContractError for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ContractError(f"{what} is {value!r:.80}, not a list of texts")
    return value
