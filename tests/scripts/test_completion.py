"""The tab key, pressed in real shells on a terminal of their own."""

import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from src.completion import completions
from src.contract.plan_file import PLAN_FILE
from src.paths import ROOT

SHOW, CLEAR = "\x18", "\x15"
"""Ctrl-X, at which each shell is told to print its line, and Ctrl-U."""
PREPARED = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        'bind -x \'"\\C-x": echo "LINE<$READLINE_LINE>"\'; source scripts/completion.bash; echo READY\n',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -U compinit; compinit -u -D; show() { print -r -- "LINE<$BUFFER>" }; zle -N show; '
        "bindkey '^X' show; bindkey '^I' complete-word; source scripts/completion.zsh; echo READY\n",
    ),
}
COMPLETED = {
    "-m src.main framework=torch_": "-m src.main framework=torch_tuned",
    "-m src.main -m framework=tf,tor": "-m src.main -m framework=tf,torch",
    "-m src.main training.batch_s": "-m src.main training.batch_size=",
    "-m src.main +experiment=bat": "-m src.main +experiment=batch_sizes",
    "-m src.report sw": "-m src.report sweep=",
    "-m src.ingest one": "-m src.ingest one_treatment=",
    "-m src.doctor pil": "-m src.doctor pilot",
    "-m src.tra": "-m src.track",
}


def read_until(terminal, mark, seconds=60.0):
    """What the terminal showed, up to the mark."""
    shown, end = "", time.monotonic() + seconds
    while not re.search(mark, shown):
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"no {mark} in {shown!r}"
        shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


@pytest.fixture(params=[*PREPARED])
def press_tab(request):
    """What becomes of a line in a shell when the tab key is pressed at its end."""
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    words, prepare = PREPARED[request.param]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm", PS1="", COLUMNS="300")
        os.execvp(words[0], words)
    os.write(terminal, prepare.encode())
    read_until(terminal, r"[\r\n]READY")

    def press(line):
        os.write(terminal, f"{line}\t{SHOW}".encode())
        shown = read_until(terminal, r"LINE<[^>]*>")
        os.write(terminal, CLEAR.encode())
        return re.findall(r"LINE<([^>]*)>", shown)[-1].rstrip()

    yield press
    os.close(terminal)
    os.waitpid(child, 0)


def test_tab_completes_in_a_real_shell(press_tab):
    python = f"{sys.executable} "
    assert {line: press_tab(python + line) for line in COMPLETED} == {
        line: python + expected for line, expected in COMPLETED.items()
    }


@pytest.fixture
def stored(tmp_path):
    """A folder with a store of two experiments, one of them deleted, and a sweep's folder."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(
            """CREATE TABLE experiments (experiment_id, name, lifecycle_stage, last_update_time);
            CREATE TABLE runs (run_uuid, experiment_id);
            CREATE TABLE tags (run_uuid, key, value);
            INSERT INTO experiments VALUES (1, 'mine', 'active', 1), (2, 'my own', 'active', 2), (3, 'o', 'deleted', 3);
            INSERT INTO runs VALUES ('a', 1), ('b', 2);
            INSERT INTO tags VALUES ('a', 'sweep', 'first'), ('b', 'sweep', 'second'), ('a', 'kind', 'sweep');"""
        )
        store.commit()
    (tmp_path / "multirun" / "day" / "time").mkdir(parents=True)
    (tmp_path / "multirun" / "day" / "time" / PLAN_FILE).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("src.main experiment=m", ["experiment='my own'", "experiment=mine"]),
        ("src.report experiment='my", ["experiment='my own'"]),
        ("src.report experiment=mine sweep=", ["sweep=all", "sweep=first", "sweep=last"]),
        ("src.report sweep=first,s", ["sweep=first,second"]),
        ("src.main resume=", ["resume=latest", "resume=multirun/day/time"]),
        ("src.track ", ["--store", "multirun/day/time"]),
        ("src.ingest wall of", ["offset_s="]),
        ("src.ingest framework=", []),
        ("src.main -m framework=tf,torch,tf_", ["framework=tf,torch,tf_tuned"]),
        ("src.report experiment=m tracking_uri=http://host experiment=", []),
        ("src.nothing x", []),
    ],
    ids=str,
)
def test_words_come_from_the_store_the_folders_and_hydra(stored, monkeypatch, line, expected):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert completions(f"python -m {line}", stored) == sorted(expected)


def test_names_of_experiments_are_read_without_mlflow_and_hydra(repository):
    script = (
        "import sys, pathlib; from src.completion import completions; "
        "completions('python -m src.report experiment=', pathlib.Path.cwd()); "
        "print({'mlflow', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], cwd=repository, text=True) == "set()\n"
