"""Addresses and messages without their secrets."""

from __future__ import annotations

import sys

import pytest

from src.public import hide_in_tracebacks, password_from, public, public_values, shown

ADDRESSES = [
    ("postgresql://me:hush@host:5432/db", "postgresql://me@host:5432/db"),
    ("postgresql+psycopg2://me:hu/sh@host/db", "postgresql+psycopg2://me@host/db"),
    ("postgresql://me@host/db", "postgresql://me@host/db"),
    ("mysql://me:hu@sh@host/db", "mysql://me@host/db"),
    ("postgresql://host/db?user=me&password=hush", "postgresql://host/db?user=me"),
    ("postgresql://host/db?password=hush&sslmode=require", "postgresql://host/db?sslmode=require"),
    ("http://me:hush@host:5000", "http://host:5000"),
    ("https://hush@host/path", "https://host/path"),
    ("https://:hush@host", "https://host"),
    ("http://host:5000/runs/a@b", "http://host:5000/runs/a@b"),
    ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
    ("sqlite:///C:\\a@b\\mlflow.db", "sqlite:///C:\\a@b\\mlflow.db"),
    ("databricks://profile", "databricks://profile"),
    ("me@host", "me@host"),
    ("tracking_uri='postgresql://me:hush@host/db' at http://a:hush@b", "tracking_uri='postgresql://me@host/db' at http://b"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "as_shown"), ADDRESSES, ids=[address for address, _ in ADDRESSES])
def test_an_address_is_shown_without_its_password(address, as_shown):
    assert public(address) == as_shown
    assert public(as_shown) == as_shown
    assert public_values({"a": [address, 3, None]}) == {"a": [as_shown, 3, None]}


@pytest.mark.parametrize(
    "name",
    [
        *("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("PGPASSWORD", "SOME_API_KEY"),
    ],
)
def test_a_message_does_not_tell_what_a_secret_variable_holds(monkeypatch, name):
    monkeypatch.setenv(name, "hush-hush")
    assert shown("the server said: hush-hush is wrong") == "the server said: *** is wrong"


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "AWS_WEB_IDENTITY_TOKEN_FILE", "HOME", "PATH"])
def test_what_is_no_secret_is_told(monkeypatch, name):
    monkeypatch.setenv(name, "nothing")
    assert shown("nothing to hide") == "nothing to hide"


def test_a_message_does_not_tell_the_password_of_an_address_on_the_command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["joulebench", "tracking_uri='mysql://me:hush-hush@host/db'"])
    assert shown("no driver takes hush-hush") == "no driver takes ***"


def test_not_even_a_traceback_tells_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    hide_in_tracebacks()
    try:
        raise ValueError("http://me:hush@host")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    told = capsys.readouterr().err
    assert "hush" not in told.splitlines()[-1]
    assert told.endswith("ValueError: http://host\n")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, ""),
        ("sqlite:///mlflow.db", ""),
        ("postgresql://me@host/db", ""),
        ("postgresql://me:hush@host/db", "PGPASSWORD or ~/.pgpass"),
        ("http://me:hush@host", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("mysql://me:hush@host/db", "put it into the address again"),
    ],
)
def test_it_is_said_where_a_password_comes_from(address, said):
    assert said in password_from(address)
    assert bool(said) == bool(password_from(address))
