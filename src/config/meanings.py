"""What each key means, for `--help`: the comment above its field, which is the one place that says so."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf

from src.public import public

VALUE_WIDTH = 24
"""Characters of a value; a longer one is cut."""
KEY_WIDTH = 38
LONGEST = 100
"""Characters of a meaning that is told whole; a longer one up to its first semicolon."""


def key_help(_root_: DictConfig) -> str:
    """Every key of a composed configuration with its value and its meaning, one a line, as Hydra's template wants it.

    `_root_` is what OmegaConf calls the whole configuration when a resolver asks for it.
    """
    from src.config.schema import Config  # which makes this known to Hydra

    return "\n".join(_lines(Config, _root_, "")).replace("$", "$$")


def _lines(of: type, values: DictConfig, prefix: str) -> Iterator[str]:
    for name, hint in get_type_hints(of).items():
        group = next((kind for kind in (hint, *get_args(hint)) if dataclasses.is_dataclass(kind)), None)
        if group is None or prefix:
            yield f"{f'{prefix}{name}: {_shown(values, name)}':<{KEY_WIDTH}} {meanings(of).get(name, '')}".rstrip()
        elif values.get(name) is not None:
            yield ""
            yield from _lines(group, values[name], f"{name}.")  # type: ignore[arg-type]


def _shown(values: DictConfig, name: str) -> str:
    if OmegaConf.is_missing(values, name):
        return "???"
    value = values.get(name)
    if isinstance(value, DictConfig) and "name" in value:  # a group within a group
        value = value.name
    if isinstance(value, DictConfig | ListConfig):
        value = OmegaConf.to_yaml(value, resolve=True).strip() and _flow(value)
    text = public("null" if value is None else str(value).lower() if isinstance(value, bool) else str(value))
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 3]}..."


def _flow(value: DictConfig | ListConfig) -> str:
    plain: Any = OmegaConf.to_container(value, resolve=True)
    return str(plain).replace("'", "")


@functools.cache
def meanings(of: type) -> dict[str, str]:
    """The first sentence of the comment above each field of a dataclass, its bases' too."""
    found: dict[str, str] = {}
    for kind in reversed(of.__mro__):
        if dataclasses.is_dataclass(kind):
            found |= _commented(textwrap.dedent(inspect.getsource(kind)))
    return found


def _commented(source: str) -> dict[str, str]:
    lines, (body,) = source.splitlines(), ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    fields = [each for each in body.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    return {each.target.id: _first_sentence(_above(lines, each.lineno - 1)) for each in fields}  # type: ignore[union-attr]


def _above(lines: list[str], row: int) -> str:
    begin = row
    while lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    return " ".join(line.strip().lstrip("# ") for line in lines[begin:row])


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=\.) (?=[A-Z])", text)[0]
    return sentence if len(sentence) <= LONGEST else sentence.partition(";")[0].rstrip(".") + "."
