"""Words of a command line that a user can copy."""

from __future__ import annotations

import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException


def override(key: str, text: str) -> str:
    """`KEY=TEXT` with the quotes that Hydra and then the shell need to give back this very text."""
    word = f"{key}={text}"
    return shlex.quote(word if _gives_back(word, text) else f"{key}={_quoted(text)}")


def _gives_back(word: str, text: str) -> bool:
    try:
        read = OverridesParser.create().parse_override(word)
        return not read.is_sweep_override() and read.value() == text
    except HydraException:
        return False


def _quoted(text: str) -> str:
    return str(QuotedString(text=text, quote=Quote.single).with_quotes())
