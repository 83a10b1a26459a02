"""Which files a folder of recordings holds, and what their names say."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from src.contract.record import IMPORTED_UID
from src.errors import ConfigError

LAST_NUMBER = re.compile(r"(\d+)\D*$")
DIGITS = re.compile(r"(\d+)")
MAX_DIGITS = 7


def find_files(path: Path) -> list[Path]:
    """Every visible file of the folder in the natural order of their names (2 before 10), or the one file.

    The last part of `path` may be a pattern, as in `DIR/chrome_*.csv`.

    Folders within it are not entered: they usually hold another treatment's recordings, and one call files
    one treatment. Raises ConfigError where there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        matching = (
            [entry for entry in path.parent.glob(path.name) if is_visible_file(entry)] if is_pattern(path) else []
        )
        if matching:
            return sorted(matching, key=natural_key)
        raise ConfigError(f"path={path}: no such folder or file; name the folder that holds the CSVs")
    files = [entry for entry in path.iterdir() if is_visible_file(entry)]
    if not files:
        raise ConfigError(f"path={path}: this folder holds no files{_other_folders(path)}")
    return sorted(files, key=natural_key)


def is_pattern(path: Path) -> bool:
    """Whether the last part of a path stands for several names."""
    return any(character in path.name for character in "*?[")


def is_visible_file(path: Path) -> bool:
    """Neither a folder nor one of the system's own files."""
    return path.is_file() and not path.name.startswith(".")


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sorts numbers within names by their value."""
    return [(int(part) if part.isdecimal() else -1, part) for part in DIGITS.split(path.name)]


def iteration_of(path: Path) -> int | None:
    """The last number of the file's name, as it stands there (`keras_0.csv` is iteration 0); None without.

    A longer number than MAX_DIGITS is a date (which has eight) or a time.
    """
    found = LAST_NUMBER.search(path.stem)
    return int(found.group(1)) if found and len(found.group(1)) <= MAX_DIGITS else None


def content_uid(framework: str, path: Path) -> str:
    """Identifies a recording by what it holds and what it is filed as, wherever it lies."""
    digest = hashlib.sha256(framework.encode() + b"\0" + path.read_bytes()).hexdigest()
    return f"{IMPORTED_UID}{digest[:24]}"


def _other_folders(path: Path) -> str:
    folders = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    if not folders:
        return "; name the folder that holds the CSVs"
    return f" of its own; name one of its folders ({', '.join(folders[:10])}), each with its own framework=NAME"
