"""What may be shown of an address or a message: everything but its passwords and tokens.

The one place that makes a public form of them. Whatever is written, filed or printed goes through here.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

LOGIN = re.compile(
    r"(?P<scheme>(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?P<user>[^\s/@:'\"?#]*)(?P<password>:(?!\d+[/?#])[^\s'\"]*)?@"
)
"""Who logs in, in an address; what looks like a port is none of a password."""
IN_QUERY = re.compile(r"(?i)(?<=[?&])(?P<key>[a-z_]*(?:password|passwd|pwd|token|secret|api_?key))=[^&\s'\"#]*&?")
SECRET_VARIABLE = re.compile(r"(?:^|_)(?:PASSWORD|PGPASSWORD|TOKEN|SECRET|(?:API|ACCESS)_KEY(?!_ID))(?:_|$)")
OF_FILES = ("_FILE", "_PATH", "_DIR", "_URI")
SHORTEST = 6
"""Characters of a secret that is looked for by its text: `true` is none."""
HIDDEN = "***"
SERVER = ("http://", "https://")


def public(text: str) -> str:
    """The text with every address in it as it may be shown: no password, and at a web server no user either.

    There a name alone may be a token, and would keep MLflow from taking name and password from its variables.
    """
    if "://" not in text:
        return text
    return IN_QUERY.sub("", LOGIN.sub(_without_password, text)).rstrip("?&")


def shown(text: str) -> str:
    """A message as it may be shown: its addresses public, and no secret that a variable or this command line holds."""
    text = public(text)
    for secret in _secrets(os.environ, sys.argv[1:]):
        text = text.replace(secret, HIDDEN)
    return text


def public_values(values: Any) -> Any:
    """The same values as JSON has them, every text of them public."""
    if isinstance(values, str):
        return public(values)
    if isinstance(values, Mapping):
        return {key: public_values(value) for key, value in values.items()}
    return [public_values(value) for value in values] if isinstance(values, list | tuple) else values


def password_from(address: str | None) -> str:
    """Where the password of an address comes from once it is left out of it; nothing where it has none."""
    if address is None or public(address) == address:
        return ""
    if address.startswith(SERVER):
        return "the password is left out; it is taken from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    if address.startswith("postgres"):
        return "the password is left out; it is taken from PGPASSWORD or ~/.pgpass"
    return "the password is left out; put it into the address again"


def hide_in_tracebacks() -> None:
    """Show uncaught errors without secrets, too."""
    sys.excepthook = _print_shown


def _print_shown(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    print(shown("".join(traceback.format_exception(kind, error, place))), file=sys.stderr, end="")


def _without_password(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    return scheme if scheme.lower() in SERVER or not user else f"{scheme}{user}@"


def _secrets(variables: Mapping[str, str], words: list[str]) -> list[str]:
    """What secret variables hold, and the passwords of addresses, longest first."""
    named = [v for name, v in variables.items() if SECRET_VARIABLE.search(name) and not name.endswith(OF_FILES)]
    addresses = [*words, variables.get("MLFLOW_TRACKING_URI", "")]
    passwords = [login["password"] for text in addresses for login in LOGIN.finditer(text) if login["password"]]
    found = {*named, *(password.removeprefix(":") for password in passwords)}
    return sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)
