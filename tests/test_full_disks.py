"""Sweeps whose folder fills up, becomes unwritable or vanishes in their middle: nothing finished is lost."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from src.track import open_store
from tests.nursery import Nursery

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits what a process may write")

WORK = """
import os, pathlib, psutil, resource, sys, time
time.sleep(0.4)
here = pathlib.Path(__file__).parent
with (here / "started").open("a") as started:
    started.write("x")
if len((here / "started").read_text()) == 3 and (here / "fault").exists():
    exec((here / "fault").read_text())
"""
GONE = "import shutil; shutil.rmtree(here / 'sweep')"
A_FILE = "(here / 'sweep').rename(here / 'moved'); (here / 'sweep').touch()"
FULL = """
*ancestors, _ = psutil.Process().parents()
for process in ancestors:
    if all('standins.nursery' in ' '.join(each.cmdline()) for each in (process, process.parent())):  # joulebench
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MOST_BYTES, hard))
"""
SWEEP = ("-m", "workload=command", "protocol=smoke", "protocol.iterations=4", "meter=estimate", "meter.interval_ms=50")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "work.py").write_text(WORK)
    return tmp_path / "here"


def sweep(born: Nursery, here: Path, store_uri: str) -> tuple[int, str, str]:
    own = ("experiment=e", "hydra.sweep.dir=sweep", f"tracking_uri='{store_uri}'", "analysis.bootstrap_samples=200")
    return born.run(here, "src.main", *SWEEP, *own, f"workload.command={sys.executable} work.py")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(GONE, id="vanished"),
        pytest.param(A_FILE, id="replaced by a file"),
        pytest.param(FULL.replace("MOST_BYTES", "100"), id="full at once"),
        pytest.param(FULL.replace("MOST_BYTES", "9000"), id="full in the picture"),
    ],
)
def test_a_sweep_that_cannot_write_any_more_says_where_and_how_to_go_on(born, here, store_uri, fault):
    (here / "fault").write_text(fault)
    code, out, errors = sweep(born, here, store_uri)
    assert code == 1, errors
    assert "2 of 4 runs finished" in out
    said = errors.splitlines()[-1]
    assert said.startswith("joulebench: ")
    assert "cannot be written" in said
    assert str(here / "sweep") in said
    go_on = re.search(r"then go on with: python -m (.*)", said)
    assert go_on is not None
    runs = open_store(store_uri).records("e")
    assert [run.tags["iteration"] for run in runs if run.status == "finished"][:2] == ["1", "2"]
    if (here / "moved").exists():
        (here / "sweep").unlink()
        (here / "moved").rename(here / "sweep")
    if not (here / "sweep").exists():
        return
    assert half_files(here / "sweep") == []
    (here / "fault").unlink()
    code, out, errors = born.run(here, *shlex.split(go_on.group(1)))
    assert code == 0, errors
    assert "4 of 4 runs finished" in out
    runs = open_store(store_uri).records("e")
    assert sorted(run.tags["iteration"] for run in runs if run.status == "finished") == ["1", "2", "3", "4"]
    names = {path.name for path in (here / "sweep" / "0003-python").iterdir()}
    assert names >= {"record.json", "power.png", "energy.csv"}


def half_files(folder: Path) -> list[Path]:
    """Pictures and records that are not whole."""
    pictures = [path for path in folder.rglob("*.png") if not path.read_bytes().endswith(b"IEND\xaeB`\x82")]
    return [*pictures, *(path for path in folder.rglob("*.json") if not path.read_text().endswith("}"))]
