"""Hydra's and OmegaConf's errors in one line that names the key and the remedy."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationKeyError, OmegaConfBaseException
from yaml import YAMLError

from src.config.command_words import EXAMPLES, EXPERIMENT, HYDRAS
from src.config.schema import Config
from src.contract.commands import joined, override
from src.errors import ConfigError
from src.workloads.training.training_settings import LayerConfig

ABSENT_GROUP = "Unexpected type for root"
"""How OmegaConf asserts on a key below a group that is None."""
MANY_OR_SHOWN = "--cfg, --info and --shell_completion can be specified"
UNKNOWN = "Key '"
BARE = ("Config group override must be a string or a list",)
"""How Hydra's ValueErrors about the command line read."""


def explain(error: Exception, arguments: Sequence[str] = ()) -> str:
    """One line for a composition error: Hydra's message, shortened where the key or the option is simply unknown.

    `arguments` are those of the command line, where it may be told with -m added.
    """
    return _explained(error, arguments).replace(HYDRAS, EXPERIMENT)


def _explained(error: Exception, arguments: Sequence[str]) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.full_key:
            if _is_of_a_list(cause):
                return _unknown_entry(str(cause.full_key), cause.object_type)
            return unknown_key(str(cause.full_key))
        if isinstance(cause, OmegaConfBaseException) and cause.full_key:
            return f"{cause.full_key}: {_first_line(cause)}{_list_remedy(cause)}{_interpolation_remedy(cause)}"
        cause = cause.__cause__
    in_file = re.match(r"In '(.+)': \w+ raised while composing config:\n(.*)[\s\S]*full_key: (\S+)", str(error))
    if in_file:
        file, said, key = in_file.groups()
        return f"{file}.yaml: {_unknown_in_file(key, said) if said.startswith(UNKNOWN) else f'{key}: {said}'}"
    if isinstance(error, MissingConfigException):
        return _unknown_option(str(error))
    absent = re.match(
        r"Could not override '(\w+)'\.\s+No match in the defaults list\..* use \+(.*)", _one_line(str(error))
    )
    if absent:
        return _no_group(absent.group(2), absent.group(1))
    in_file = re.match(r"In '(.+)': Could not override '(\w+)'\. No match in the", _one_line(str(error)))
    if in_file:
        return _no_group(f"{in_file.group(1)}.yaml chooses a {in_file.group(2)}", in_file.group(2))
    ambiguous = re.match(r"Ambiguous value for argument '(.+)'$", str(error).partition("\n")[0])
    if ambiguous and arguments:
        return f"{ambiguous.group(1)}: to compare these, add -m: python -m src.main -m {joined(arguments)}"
    return _parse_remedy(error) or _one_line(str(error)) + _command_remedy(error)


def _parse_remedy(error: Exception) -> str:
    """What is meant by a word that Hydra cannot read; nothing where that is not seen."""
    if not isinstance(error, OverrideParseException):
        return ""
    key, _, value = error.override.partition("=")
    if value.endswith(","):
        return f"{error.override}: a list ends in a value and holds no blank, as in {key}=A,B"
    if "LexerNoViableAlt" in str(error) and value and not value.startswith("'"):
        simple = not set(value) & set("'\"$`!\\")
        quoted = f"\"{key}='{value}'\"" if simple else override(key, value)
        return f"{error.override}: put quotes around a value with such characters: {quoted}"
    return ""


def refuse_group_lists(overrides: Iterable[Override]) -> None:
    """Raise ConfigError where a group is given a list: Hydra would mix the options into one."""
    for each in overrides:
        if each.key_or_group in _all_groups() and isinstance(each.value(), list):
            key, line = each.key_or_group, each.get_value_element_as_str()
            asked = f"-m {key}={line.strip('[]')}"
            raise ConfigError(f"{key}={line}: a list would mix these into one; to compare them: {asked}")


def _all_groups() -> set[str]:
    return {name for name, hint in get_type_hints(Config).items() if dataclasses.is_dataclass(_present(hint))}


def _interpolation_remedy(error: OmegaConfBaseException) -> str:
    """A command may hold what OmegaConf takes for a key of its own."""
    if not isinstance(error, InterpolationKeyError):
        return ""
    return r". Write \${...} where it is meant as it stands, ${oc.env:NAME} for an environment variable"


def _command_remedy(error: Exception) -> str:
    """Hydra reads quotes and brackets itself, which stand in many a command."""
    if not isinstance(error, OverrideParseException) or not error.override.startswith("workload.command="):
        return ""
    return ". Give a command with quotes or brackets as a list: 'workload.command=[sh,-c,\"echo {} > out\"]'"


def _list_remedy(error: OmegaConfBaseException) -> str:
    """OmegaConf says that a text is no list, but not how one is written."""
    is_about_a_list = "is not a ListConfig" in str(error)
    return (
        f" A list stands in brackets, even one of a single entry: '{error.full_key}=[NAME]'" if is_about_a_list else ""
    )


def unknown_key(full_key: str) -> str:
    """Names the keys that exist beside an unknown one, and the one that was probably meant."""
    *parents, wrong = full_key.split(".")
    here = _kind_at(parents)
    if get_origin(here) is dict:
        return f"{full_key}: no such entry yet; add it with a plus: +{full_key}=VALUE"
    names = [field.name for field in dataclasses.fields(here)] if dataclasses.is_dataclass(here) else []
    below = [] if parents else [f"{group}.{wrong}" for group in sorted(_all_groups()) if wrong in _fields_of(group)]
    close = below or difflib.get_close_matches(wrong, names, n=1)
    meant = f"did you mean {'.'.join([*parents, close[0]])}? " if close else ""
    where = f"'{'.'.join(parents)}' has" if parents else "there are"
    return f"{full_key}: no such key; {meant}{where}: {', '.join(names)}"


def _is_of_a_list(error: OmegaConfBaseException) -> bool:
    """Whether a key is unknown to an entry of a list, such as a layer: OmegaConf then names it alone."""
    return (
        dataclasses.is_dataclass(error.object_type)
        and error.object_type is not Config
        and "." not in str(error.full_key)
    )


def _unknown_entry(wrong: str, kind: Any) -> str:
    """Names the keys that an entry of a list may have, and the one that was probably meant."""
    names = [field.name for field in dataclasses.fields(kind)]
    close = difflib.get_close_matches(wrong, names, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    what = kind.__name__.removesuffix("Config").lower()
    return f"{wrong}: a {what} has no such key; {meant}it has: {', '.join(names)}"


def _unknown_in_file(key: str, said: str) -> str:
    return _unknown_entry(key, LayerConfig) if LayerConfig.__name__ in said else unknown_key(key)


def _fields_of(group: str) -> list[str]:
    kind = _kind_at([group])
    return [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


def _kind_at(path: list[str]) -> Any:
    """The type at a path of the schema; None where the path leads nowhere."""
    here: Any = Config
    for name in path:
        here = _present(get_type_hints(here).get(name)) if dataclasses.is_dataclass(here) else None
    return here


def _present(hint: Any) -> Any:
    """The dataclass of a group that a workload may lack."""
    return next((kind for kind in get_args(hint) if dataclasses.is_dataclass(kind)), hint)


def _unknown_option(message: str) -> str:
    found = re.match(r"(?:In '[^']*': )?Could not find '([^']+)/([^/']*)'", message)
    options = re.findall(r"^\t(\S+)$", message, re.MULTILINE)
    if not found or not options:
        return _one_line(message)
    group, option = found.groups()
    close = difflib.get_close_matches(option, options, n=1)
    group = EXAMPLES.rstrip("=") if group == "experiment" else group
    meant = f"did you mean {group}={close[0]}? " if close else ""
    return f"{group}={option}: no such option; {meant}choose from {', '.join(options)}"


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def explain_bare(error: Exception, arguments: Sequence[str]) -> str | None:
    """One line for a mistake that Hydra or OmegaConf has no error class of its own for; None for any other error."""
    if ABSENT_GROUP in str(error):
        return _absent_group(arguments)
    if MANY_OR_SHOWN in str(error):
        return "-m makes several configurations, and one is shown: leave -m out, and name one treatment"
    return _one_line(str(error)) if any(words in str(error) for words in BARE) else None


def explain_yaml(error: YAMLError) -> str:
    """One line for a file that is no YAML."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None:
        return f"a file of the configuration is no YAML: {_one_line(str(error))}"
    where = f"{mark.name}, line {mark.line + 1}"
    return f"{where}: this is no YAML ({_one_line(str(problem))}); mend that line or the one before"


def _absent_group(arguments: Sequence[str]) -> str:
    """A key below a group that the chosen workload does not have."""
    named = next((word for word in arguments if word.lstrip("+").split(".")[0] in _groups() and "." in word), "a key")
    return _no_group(named, named.lstrip("+").split(".")[0])


def _groups() -> set[str]:
    """The groups that a workload may lack."""
    return {name for name, hint in get_type_hints(Config).items() if type(None) in get_args(hint)}


def _no_group(named: str, group: str) -> str:
    return f"{named}: the chosen workload has no {group}; leave it out, or choose another workload"
