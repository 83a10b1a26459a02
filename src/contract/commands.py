"""Words of a command line that a user can copy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

PLAIN = re.compile(r"[A-Za-z0-9_./:@+%-]*[A-Za-z_./:@+%-][A-Za-z0-9_./:@+%-]*")
"""Texts that Hydra reads as they stand ..."""
OTHER_THAN_TEXT = re.compile(r"(?i)null|true|false|nan|[+-]?(inf|infinity)|[+-]?[0-9._]+(e[+-]?[0-9_]+)?|.*//.*")
"""... but for those that it takes for numbers and the like; an address with `//` is quoted to be safe."""

COMMAND_LENGTH = 1000
"""Characters after which a command line is cut where it is filed."""


def override(key: str, text: str) -> str:
    """`KEY=TEXT` with the quotes that Hydra and then the shell need to give back this very text."""
    text = re.sub(r"(\\*)\$\{", lambda found: found.group(1) * 2 + "\\${", text)  # which OmegaConf would look up
    plain = PLAIN.fullmatch(text) and not OTHER_THAN_TEXT.fullmatch(text)
    return shlex.quote(f"{key}={text if plain else hydra_quoted(text)}")


def joined(words: Iterable[str]) -> str:
    """Words as a command line for bash and zsh, which looks up a command in a word that begins with `=`."""
    return " ".join(
        f"'{word}'" if word.startswith("=") and word == shlex.quote(word) else shlex.quote(word) for word in words
    )


def hydra_quoted(text: str) -> str:
    """The text in single quotes as Hydra's grammar has them: quotes and the backslashes before them are escaped."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: found.group(1) * 2 + ("\\'" if found.group(2) else ""), text)
    return f"'{escaped}'"
