"""What the names of files and folders say about a recording: its treatment, its iteration."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from src.errors import ConfigError

MAX_DIGITS = 7
LAST_NUMBER = re.compile(r"(\d+)(\D*)$")
YEAR, MONTH, DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
HOUR, MINUTE = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
MOMENTS = tuple(
    re.compile(rf"(?<!\d){moment}(?!\d)")
    for moment in (
        rf"{YEAR}([-_.]?){MONTH}\1{DAY}(?:[T_ -]{{1,3}}{HOUR}[-_.:h]?{MINUTE}(?:[-_.:m]?{MINUTE})?)?",
        rf"{DAY}([-_.]){MONTH}\1{YEAR}(?:[T_ -]{{1,3}}{HOUR}[-_.:h]?{MINUTE}(?:[-_.:m]?{MINUTE})?)?",
        rf"{HOUR}([-_.:]){MINUTE}\1{MINUTE}",
        rf"(?!00){HOUR}{MINUTE}{MINUTE}",
        rf"\d\d{MONTH}{DAY}",
    )
)
"""Dates and times of day, which are no iterations; six digits are one, as nobody measures so often."""
COUNTED_FOLDER = re.compile(r"(?i).*(?:run|rep|repetition|iter|iteration|trial)s?[-_ ]?(\d{1,7})")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def without_moments(stem: str) -> str:
    """A name without the dates and times of day in it."""
    for moment in MOMENTS:
        stem = moment.sub("~", stem)
    return stem


def iteration_of(path: Path) -> int | None:
    """The last number of the file's name that is no date and no time (`keras_0.csv` is iteration 0).

    A file without any takes its folder's, if that is called a run or a repetition; None where there is none.
    """
    found = LAST_NUMBER.search(without_moments(path.stem))
    if found is None and without_moments(path.stem) == path.stem:
        found = COUNTED_FOLDER.fullmatch(path.parent.name)
    return int(found.group(1)) if found and len(found.group(1)) <= MAX_DIGITS else None


def kind_of(path: Path) -> str:
    """A file's name without what tells one repetition from the next: `keras` of `keras_0.csv`."""
    return LAST_NUMBER.sub(r"\2", without_moments(path.stem)).replace("~", "").strip(" -_.")


def has_placeholder(pattern: str) -> bool:
    """Whether a label is to be made from each recording's path."""
    return PLACEHOLDER.search(pattern) is not None


def label(pattern: str, path: Path, factors: Mapping[str, str]) -> str:
    """A treatment's name: `{folder}`, `{folder.2}` (the one above), `{file}` and the names of factors are filled in.

    Raises ConfigError for any other name in braces.
    """
    parents = [parent.name for parent in path.absolute().parents if parent.name]
    known = {f"folder.{n}": name for n, name in enumerate(parents, start=1)}
    known |= {"folder": known.get("folder.1", ""), "file": kind_of(path) or path.stem, **factors}

    def fill(found: re.Match[str]) -> str:
        if found.group(1) not in known:
            names = ["folder", "folder.2", "file", *factors]
            raise ConfigError(
                f"framework={pattern}: nothing is known as {found.group()} of {path}; use {_braced(names)}"
            )
        return known[found.group(1)]

    return PLACEHOLDER.sub(fill, pattern)


def check_one_kind(label: str, paths: Sequence[Path], given: str) -> None:
    """Refuse recordings of one treatment whose names look like several treatments', and say what to type."""
    kinds = Counter(kind_of(path) for path in paths)
    counted = {kind_of(path) for path in paths if iteration_of(path) is not None} - {""}
    several = {kind for kind, count in kinds.items() if count > 1 and kind}
    if max(len(counted), len(several)) < 2 and not _are_single_names(kinds):
        return
    shown = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items())[:10])
    raise ConfigError(
        f"path={given}: the recordings of '{label}' bear several names: {shown}. Give framework={{file}} if each name "
        f"is a treatment, a path like {_pattern(paths, given)} for one of them, or one_treatment=true if they are all "
        "the same"
    )


def _are_single_names(kinds: Mapping[str, int]) -> bool:
    """`tf.csv`, `torch.csv` and `jax.csv`: no two alike."""
    return len(kinds) > 1 and all(count == 1 and kind for kind, count in kinds.items())


def _pattern(paths: Sequence[Path], given: str) -> str:
    """A path that takes the recordings of one name, to be copied."""
    first = min(paths, key=lambda path: (kind_of(path), path))
    if first.parent != Path(given):
        return "'FOLDER/NAME_*'"
    return shlex.quote(f"{given.rstrip('/')}/{kind_of(first)}*")


def _braced(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
