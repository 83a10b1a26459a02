"""Which recordings a path stands for."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from src.contract.record import IMPORTED_UID
from src.errors import ConfigError
from src.ingest.run_table import RUN_FOLDER, RUN_TABLE

DIGITS = re.compile(r"(\d+)")


def find_files(path: Path, nested: bool = False) -> list[Path]:
    """The files of a folder, the files (or else the folders) that a pattern matches, or the one file; 2 before 10.

    Folders within a folder are entered only if `nested`, and of Experiment Runner's always; of those, CSVs are taken.
    Raises ConfigError where there is nothing.
    """
    by_pattern = is_pattern(path) and not path.exists()
    try:
        matching = [Path(name) for name in glob.glob(str(path), recursive=True)] if by_pattern else [path]
        matched_files = [match for match in matching if is_visible_file(match)]
        folders = [match for match in matching if match.is_dir() and (nested or not matched_files)]
        files = {*matched_files, *(file for folder in folders for file in _files_of(folder, nested))}
    except OSError as error:
        raise ConfigError(f"path={path}: it cannot be read ({error}); see who may read that folder") from error
    if not files and (by_pattern or not folders):
        raise ConfigError(f"path={path}: no such folder or file; name the folder that holds the CSVs")
    if not files:
        raise ConfigError(f"path={path}: this folder holds no files{_other_folders(path)}")
    return sorted(files, key=natural_key)


def is_pattern(path: Path) -> bool:
    """Whether a path stands for several."""
    return any(character in str(path) for character in "*?[")


def is_visible_file(path: Path) -> bool:
    """Neither a folder nor one of the system's own files."""
    return path.is_file() and not path.name.startswith(".")


def natural_key(path: Path) -> list[list[tuple[int, str]]]:
    """Sorts numbers within names by their value."""
    return [[(int(part) if part.isdecimal() else -1, part) for part in DIGITS.split(name)] for name in path.parts]


def content_uid(framework: str, path: Path) -> str:
    """Identifies a recording by what it holds and what it is filed as, wherever it lies."""
    digest = hashlib.sha256(framework.encode() + b"\0" + path.read_bytes()).hexdigest()
    return f"{IMPORTED_UID}{digest[:24]}"


def _files_of(folder: Path, nested: bool) -> Iterable[Path]:
    if nested or any(entry.name == RUN_TABLE or RUN_FOLDER.fullmatch(entry.name) for entry in folder.iterdir()):
        within = [file for file in folder.rglob("*") if file.suffix.lower() == ".csv" and file.name != RUN_TABLE]
        return [file for file in within if file.is_file() and not _is_hidden(file.relative_to(folder))]
    return [entry for entry in folder.iterdir() if is_visible_file(entry)]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _other_folders(path: Path) -> str:
    folders = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    if not folders:
        return "; name the folder that holds the CSVs"
    return (
        f" of its own; name one of its folders ({', '.join(folders[:10])}), each with its own framework=NAME, or take "
        "all of them with framework={folder}"
    )
