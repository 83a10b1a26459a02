"""Words of a command line on their way to Hydra.

With a folder `conf/experiment/`, Hydra takes `experiment=NAME` for one of its files. Here it is the name of MLflow's
experiment, as ever: Hydra is given it under another key, and `+experiment=NAME` chooses a file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from src.errors import ConfigError
from src.paths import CONF

EXPERIMENT = "experiment="
HYDRAS = "++experiment_name="
"""With two pluses, as a run's own config.yaml of before lacks the key."""
NAMED = re.compile(r"(?:\+\+)?experiment=")
EXAMPLES = "+experiment="
FOLDER = CONF / "experiment"


@contextmanager
def handed_to_hydra(words: Sequence[str]) -> Iterator[None]:
    """Let Hydra find these words as the command line's during the body; raises ConfigError as `for_hydra`."""
    sys.argv[1:] = for_hydra(words)
    try:
        yield
    finally:
        sys.argv[1:] = words


def for_hydra(words: Sequence[str]) -> list[str]:
    """The words as Hydra takes them; raises ConfigError for an `experiment` that is several, or none."""
    return [_renamed(word) if NAMED.match(word) else word for word in words]


def as_typed(words: Sequence[str]) -> list[str]:
    """The words as a user types them."""
    return [EXPERIMENT + word.removeprefix(HYDRAS) if word.startswith(HYDRAS) else word for word in words]


def example_meant(words: Sequence[str]) -> str:
    """What to say to somebody who may have meant a file of conf/experiment; nothing where nobody did."""
    if any(word.startswith(EXAMPLES) for word in words):
        return ""
    names = [NAMED.sub("", word) for word in words if NAMED.match(word)]
    meant = [name for name in names if re.fullmatch(r"\w+", name) and (FOLDER / f"{name}.yaml").exists()]
    return "".join(
        f"{EXPERIMENT}{name} files what is measured in MLflow's experiment of this name; the example in "
        f"conf/experiment/{name}.yaml is {EXAMPLES}{name}"
        for name in meant[:1]
    )


def _renamed(word: str) -> str:
    name = NAMED.sub("", word)
    try:
        (override,) = OverridesParser.create().parse_overrides([EXPERIMENT + name])
    except OverrideParseException:  # which Hydra will tell
        return HYDRAS + name
    if override.is_sweep_override():
        raise ConfigError(
            f"{word}: all runs of a sweep are filed in one experiment of MLflow; give one name, in quotes where it "
            f"holds commas: \"{EXPERIMENT}'{name}'\". To compare files of conf/experiment: -m {EXAMPLES}{name}"
        )
    if not isinstance(override.value(), str | int | float):
        raise ConfigError(f"{word}: this is no name; write {EXPERIMENT}NAME")
    return HYDRAS + name
