"""The examples of docs/commands.md as a user would follow them: processes of their own, a real store."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from src.paths import ROOT
from src.track import open_store

DOCUMENT = ROOT / "docs/commands.md"
NOT_OF_COMMANDS = re.compile(
    r"accurac|epoch|network|trained|framework|dataset|\bmodel\.|hardware\.threads", re.IGNORECASE
)
BOTH = ("compress", "lookups")
IMAGES = "data/digits-0123456789ab/train_images.npy"
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
MANY = "1000000"
QUICKLY = {"protocol=quick": "protocol=smoke meter=estimate", "interval_ms=50": "interval_ms=20", MANY: "300000"}


def example(experiment):
    """The block of the document that holds this experiment."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return next(block for block in blocks if f"experiment={experiment} " in block)


@pytest.fixture(scope="module")
def followed(tmp_path_factory, empty_database):
    """Both examples followed side by side, in seconds instead of minutes: folder, what was shown, and the store."""
    started = {
        experiment: start(tmp_path_factory.mktemp(experiment), experiment, empty_database) for experiment in BOTH
    }
    found = {}
    for experiment, (folder, process) in started.items():
        shown, errors = process.communicate()
        assert process.returncode == 0, shown + errors
        found[experiment] = folder, shown, open_store(f"sqlite:///{folder}/mlflow.db")
    return found


def start(folder, experiment, empty_database):
    """Starts an example in a folder that looks like the repository after `make demo`."""
    (folder / IMAGES).parent.mkdir(parents=True)
    (folder / IMAGES).write_bytes(b"".join(n.to_bytes(4, "little") for n in range(400_000)))
    shutil.copy(empty_database, folder / "mlflow.db")
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "bin/python").chmod(0o755)
    line = example(experiment)
    for given, quick in QUICKLY.items():
        assert given in line or given == MANY
        line = line.replace(given, quick)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return folder, subprocess.Popen(["sh", "-c", line], cwd=folder, env=environment, **PIPES)


def test_two_commands_are_compared(followed):
    folder, shown, store = followed["compress"]
    records = store.records("compress")
    assert {record.tags["treatment"] for record in records} == {"gzip", "xz"}
    assert {record.status for record in records} == {"finished"}
    assert {name.suffix for name in (folder / IMAGES).parent.iterdir()} == {".npy", ".gz", ".xz"}
    assert "2 treatments (gzip, xz)" in shown
    run = store.client.get_run(records[0].run_id)
    note = store.client.get_parent_run(records[0].run_id).data.tags["mlflow.note.content"]
    told = [shown, note, str(run.data.params), str(run.data.metrics), str(run.data.tags)]
    told += [str(vars(record)) for record in records]
    assert not [found for text in told if (found := NOT_OF_COMMANDS.search(text))]


def test_a_program_tells_phases_and_metrics(followed):
    _, shown, store = followed["lookups"]
    records = {record.tags["treatment"]: record for record in store.records("lookups")}
    assert set(records) == {"python3 set", "python3 bisect"}
    for record in records.values():
        metrics = record.metrics
        assert metrics["duration_s"] == metrics["duration_search_s"] < metrics["duration_total_s"]
        assert metrics["energy_per_lookup_j"] == pytest.approx(metrics["energy_j"] / 3_000_000)
        assert record.described["lookups_per_s"].title == "Look-ups"
    assert records["python3 set"].metrics["found"] == records["python3 bisect"].metrics["found"] > 0
    assert "look-ups" in shown
    assert "energy of a look-up" in shown
    assert "numbers found" not in shown


@pytest.mark.parametrize("way", ["set", "bisect"])
def test_the_program_needs_no_joulebench(way):
    subprocess.run([sys.executable, ROOT / "docs/examples/phases.py", way, "100"], check=True)
