"""No secret is left anywhere: whole sweeps into three kinds of stores, and then everything they left is searched."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.mlflow_server import free_port, serving
from scripts.shared_store import programs
from tests.nursery import Nursery
from tests.standins.password_proxy import asking_for
from tests.standins.postgres import postgres

pytestmark = pytest.mark.skipif(os.name != "posix", reason="starts servers")

PASSWORD = "hush-Pa55word-hush"
TOKENS = {
    "MLFLOW_TRACKING_TOKEN": "hush-mlflow-token",
    "AWS_ACCESS_KEY_ID": "hush-key-id",
    "AWS_SECRET_ACCESS_KEY": "hush-aws-secret",
    "AWS_SESSION_TOKEN": "hush-aws-session",
}
Run = Callable[..., tuple[int, str, str]]
SECRET = b"hush-"
"""How every secret begins."""
WORK = "import sys, time; time.sleep(0.4); sys.exit(sys.argv[1] == 'bad')"
SWEEP = ("-m", "workload=command", "protocol=smoke", "protocol.iterations=2", "meter=estimate", "meter.interval_ms=50")


@dataclass(frozen=True)
class Place:
    """A store: its address as a user gives it, what has to stand in the environment instead, and how to dump it."""

    address: str
    instead: dict[str, str]
    dump: Callable[[], bytes] = bytes


@contextmanager
def local(folder: Path, store_uri: str) -> Iterator[Place]:
    yield Place(store_uri, {})


@contextmanager
def http(folder: Path, store_uri: str) -> Iterator[Place]:
    with serving(store_uri, free_port(), folder) as behind, asking_for("me", PASSWORD, behind) as address:
        instead = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        yield Place(address.replace("://", f"://me:{PASSWORD}@"), instead)


@contextmanager
def database(folder: Path, store_uri: str) -> Iterator[Place]:
    found = programs()
    if found is None or importlib.util.find_spec("psycopg2") is None:
        pytest.skip("needs PostgreSQL's server (initdb) and psycopg2")
    with postgres(PASSWORD) as address:
        yield Place(
            address.replace("://", "+psycopg2://"),
            {"PGPASSWORD": PASSWORD},
            lambda: subprocess.run([found / "pg_dump", address], capture_output=True, check=True).stdout,
        )


@pytest.fixture(params=[local, http, database], ids=["local", "HTTP", "PostgreSQL"])
def place(request, tmp_path, store_uri) -> Iterator[Place]:
    with ExitStack() as stack:
        yield stack.enter_context(request.param(tmp_path, store_uri))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def run(born: Nursery, here: Path) -> Run:
    """What `python -m WORDS` comes to, with all the secrets there are: exit code, standard output and errors."""

    def run(words: list[str], **variables: str) -> tuple[int, str, str]:
        environment = {**os.environ, **born.environment, **TOKENS, **variables}
        if "MLFLOW_TRACKING_USERNAME" in variables or "@" in " ".join([*words, *variables.values()]):
            del environment["MLFLOW_TRACKING_TOKEN"]  # which MLflow would rather send
        return born.run_with(environment, here, *words)

    return run


def searched(folder: Path) -> list[str]:
    """Every file below a folder, or its name, that holds a secret."""
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    held = [path for path in paths if path.is_file() and SECRET in path.read_bytes()]
    return [str(path) for path in {*held, *(path for path in paths if SECRET.decode() in path.name)}]


@pytest.mark.parametrize("in_variable", [False, True], ids=["in tracking_uri", "in MLFLOW_TRACKING_URI"])
def test_a_sweep_leaves_no_secret_behind_and_its_commands_still_work(run, here, tmp_path, place, in_variable):
    (here / "work.py").write_text(WORK)
    command = f"workload.command={sys.executable} work.py good,{sys.executable} work.py bad"
    own = ["experiment=e", command, "hydra.sweep.dir=sweep", "analysis.bootstrap_samples=200"]
    uri = [] if in_variable else [f"tracking_uri='{place.address}'"]
    variables = {"MLFLOW_TRACKING_URI": place.address} if in_variable else {}
    code, out, errors = run(["src.main", *SWEEP, *own, *uri], **variables)
    assert code == 1, errors
    assert "2 of 4 runs finished" in out, (out, errors)
    told = [out, errors]
    go_on = re.search(r"go on with: python -m (.*)", out)
    assert go_on is not None
    (here / "work.py").write_text(WORK.replace("'bad'", "'worse'"))
    instead = variables or place.instead
    code, out, errors = run(shlex.split(go_on.group(1)), **instead)
    assert code == 0, errors
    told += [out, errors]
    assert "4 of 4 runs finished" in out
    assert "report.html" in out
    if place.instead and not in_variable:
        assert "the password is left out" in told[0]
        code, out, errors = run(["src.track", "sweep", "--store", place.address])
        assert (code, out) == (0, "runs filed: 0; there already: 6\n"), errors
        told += [out, errors]
    code, out, errors = run(["src.report", "experiment=e", *uri, "analysis.bootstrap_samples=200"], **variables)
    assert code == 0, errors
    assert SECRET.decode() not in "".join([*told, out, errors])
    assert searched(tmp_path) == []
    assert SECRET not in place.dump()


@pytest.mark.parametrize(
    "address",
    [f"postgresql://me:{PASSWORD}@127.0.0.1:1/db", f"http://me:{PASSWORD}@127.0.0.1:1", f"x://a:{PASSWORD}@b"],
)
@pytest.mark.parametrize("words", [["src.main", "workload=command", "workload.command=true", "protocol=smoke"],
                                   ["src.report", "experiment=e"]], ids=["main", "report"])  # fmt: skip
def test_an_error_about_a_store_does_not_tell_its_password(run, here, words, address):
    for uri, variables in (([f"tracking_uri='{address}'"], {}), ([], {"MLFLOW_TRACKING_URI": address})):
        code, out, errors = run([*words, *uri, "hydra.run.dir=out"], **variables)
        assert code != 0
        assert errors
        assert SECRET.decode() not in out + errors
        assert searched(here) == []


def test_a_mistake_on_the_command_line_does_not_tell_a_password(run):
    for word in (f"tracking_uri=http://me:{PASSWORD}@[", f"tracking_ury='http://me:{PASSWORD}@host'"):
        code, out, errors = run(["src.main", word])
        assert (code, SECRET.decode() in out + errors) == (2, False), errors
