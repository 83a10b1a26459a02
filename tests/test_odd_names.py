"""Names that a file system, a picture or a store could stumble over pass, or are refused before the measuring."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from src.contract.commands import override
from src.track import open_store
from tests.nursery import Nursery

NAMES = ("$a_b$ for $5^", "x" * 300, "../../up", "日本語 – ± ß", "..", "a <b> & `c` \\alpha", "-rf /")
SWEEP = ("-m", "workload=command", "protocol=smoke", "protocol.iterations=2", "meter=estimate", "meter.interval_ms=50")
OWN = ("experiment=e", "hydra.sweep.dir=sweep", "analysis.bootstrap_samples=200")


def run(born: Nursery, here: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `python -m src.main ...`."""
    (here / "work.py").write_text("import sys, time; time.sleep(0.3 if len(sys.argv) < 2 else 0.35)")
    return born.run(here, "src.main", *words)


def named(names: tuple[str, ...]) -> str:
    """One word of the command line, as no shell reads it here."""
    quoted = [override("k", name).removeprefix("'").removesuffix("'") for name in names]
    return "workload.name=" + ",".join(word.replace("'\"'\"'", "'").removeprefix("k=") for word in quoted)


def test_odd_names_pass_through_a_whole_sweep_and_its_report(born, tmp_path, store_uri):
    uri = f"tracking_uri='{store_uri}'"
    code, out, errors = run(
        born, tmp_path, *SWEEP, *OWN, uri, f"workload.command={sys.executable} work.py", named(NAMES)
    )
    assert (code, errors) == (0, "")
    assert f"{2 * len(NAMES)} of {2 * len(NAMES)} runs finished" in out
    assert "no report" not in out
    assert (tmp_path / "sweep" / "report" / "report.html").exists()
    runs = open_store(store_uri).records("e")
    assert {run.tags["treatment"] for run in runs} == set(NAMES)
    folders = [path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()]
    assert len(folders) == 2 * len(NAMES) + 1
    assert {path.name for path in tmp_path.iterdir()} <= {"work.py", "sweep", "store", "mlflow.db", "mlruns"}


@pytest.mark.parametrize("name", ["it's", " ", "a\nb"])
def test_an_experiment_that_no_store_takes_is_refused_before_anything_is_measured(born, tmp_path, store_uri, name):
    uri = f"tracking_uri='{store_uri}'"
    code, _, errors = run(born, tmp_path, *SWEEP, uri, "workload.command=true", f"experiment={quoted(name)}")
    assert code == 2, errors
    assert "Traceback" not in errors
    assert not (tmp_path / "multirun").exists()


def quoted(text: str) -> str:
    escaped = text.replace("'", "\\'")
    return f"'{escaped}'"
