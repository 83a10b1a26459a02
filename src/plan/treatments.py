"""What a sweep compares: each combination of the values it goes over is one treatment."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.types import Override, QuotedString, Transformer

from src.config.schema import Config
from src.contract.plan_file import Treatment
from src.errors import ConfigError
from src.workloads.command.command_line import words_of
from src.workloads.command.names import short_names

SLUG_BYTES = 80
"""File systems allow names of 255 bytes; those of people are shorter."""
COMMAND, NAME = "workload.command", "workload.name"
SAY_IT_ALONE = ("framework", "workload", NAME)
"""What needs no `key=` before it in a label."""


@dataclass(frozen=True)
class Choice:
    """One value that an override gives a key: as text, and as the command line has it."""

    key: str
    text: str
    line: str


def expand(overrides: Sequence[Override]) -> list[Treatment]:
    """Every combination of the swept values, the last one varying fastest; labels are given by `labelled`.

    Raises ConfigError where a sweep holds nothing, goes over a continuous interval, or names one combination twice.
    """
    choices = [_choices(override) for override in _last_of_each_key(overrides)]
    varying = {options[0].key for options in choices if len(options) > 1}
    treatments = [
        Treatment(
            label="",
            overrides=tuple(choice.line for choice in combination),
            factors={choice.key.lstrip("+"): choice.text for choice in combination if choice.key in varying},
        )
        for combination in itertools.product(*choices)
    ]
    _refuse_repeats(treatments)
    return treatments


def labelled(treatments: Sequence[Treatment], configs: Sequence[Config]) -> list[Treatment]:
    """With a label each, its own or what sets it apart; a treatment that is alone is called by what it does."""
    commands = _short_commands(configs)
    labels = [t.label or _label(t, c, s) or _alone(c, s) for t, c, s in zip(treatments, configs, commands, strict=True)]
    return [replace(treatment, label=label) for treatment, label in zip(treatments, labels, strict=True)]


def slug(label: str) -> str:
    """The label as part of a file name, at most SLUG_BYTES long; a long one is cut and ends in a hash of all of it."""
    safe = "".join(c if c.isalnum() or c in "-_.=" else "-" for c in label)
    if len(safe.encode()) <= SLUG_BYTES:
        return safe
    ending = "-" + hashlib.sha256(label.encode()).hexdigest()[:8]
    return safe.encode()[: SLUG_BYTES - len(ending)].decode(errors="ignore") + ending


def _last_of_each_key(overrides: Sequence[Override]) -> list[Override]:
    return list({override.get_key_element(): override for override in overrides}.values())


def _choices(override: Override) -> list[Choice]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        line = override.get_value_element_as_str()
        return [Choice(key, line, f"{key}={line}")]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{key}: an interval has no end of values; list them, as in {key}=1,2,3")
    choices = [_choice(key, value) for value in override.sweep_iterator()]
    if not choices:
        raise ConfigError(f"{key}: this sweep holds no value; name at least one, as in {key}=A,B")
    return choices


def _choice(key: str, value: Any) -> Choice:
    line = Transformer.str(value)
    text = value.text if isinstance(value, QuotedString) else value if isinstance(value, str) else line
    return Choice(key, text, f"{key}={line}")


def _short_commands(configs: Sequence[Config]) -> list[str]:
    """What each configuration's command is called beside the others; empty for other workloads."""
    commands = [config.workload.command for config in configs]
    given = [words_of(command) for command in commands if command is not None]
    names = iter(short_names(given) if given else ())
    return ["" if command is None else next(names) for command in commands]


def _label(treatment: Treatment, config: Config, command: str) -> str:
    words = []
    for key, text in treatment.factors.items():
        if key == COMMAND:
            # One name given for all of them says what they have in common.
            words += [config.workload.name] if config.workload.name and NAME not in treatment.factors else []
            words.append(command)
        elif key == "workload":
            words.append(config.workload.name or text)
        else:
            words.append(text if key in SAY_IT_ALONE else f"{key}={text}")
    return " ".join(words)


def _alone(config: Config, command: str) -> str:
    if config.framework is not None:
        return config.framework.name
    return config.workload.name or command


def _refuse_repeats(treatments: Sequence[Treatment]) -> None:
    repeated = [each for each, count in Counter(t.overrides for t in treatments).items() if count > 1]
    if repeated and len(treatments) > 1:
        varied = next(t for t in treatments if t.overrides == repeated[0]).factors
        named = " ".join(value if key == "framework" else f"{key}={value}" for key, value in varied.items())
        raise ConfigError(f"'{named}' is listed twice; name each value once and repeat with protocol.iterations=N")
