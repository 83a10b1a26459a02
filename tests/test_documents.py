"""Every command in README.md and docs/ is typed here: measuring ones as a dry run, the others as they stand.

What cannot be, stands in `ELSEWHERE` with the test that does it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from src.config.schema import Config, register
from src.config.schema import typed as typed_config
from src.contract.plan_file import Treatment
from src.paths import CONF
from src.plan.sweep_plan import make_plan
from tests.ingest.conftest import write_csv
from tests.nursery import Nursery

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(^|\s+)# .*$")

ELSEWHERE = {
    "--print-to-pdf": "tests/test_documents.py",
    "source .venv/bin/activate": "tests/scripts/test_environments.py",
    ".venv/bin/mlflow ui": "tests/track/test_server.py",
    "source scripts/completion": "tests/scripts/test_completion.py",
    "python -m src.doctor pilot": "tests/doctor/test_pilot.py",
    "python -m src.ingest undo=NAME": "tests/ingest/test_undo.py",
    "python -m src.ingest wall": "tests/ingest/test_wall.py",
    "scripts/gpu_study.py": "tests/scripts/test_gpu_study.py",
    "-m scripts.shared_store": "tests/track/test_shared_store.py",
    "MLFLOW_TRACKING_PASSWORD": "tests/track/test_shared_store.py",
    "MLFLOW_TRACKING_USERNAME": "tests/track/test_shared_store.py",
    "sudo apt-get install postgresql": "tests/standins/postgres.py",
}
"""Part of a command -> who does it."""
EXPLAINED = {
    "dataset.path=": "is not the published file",
    "meter.also=": "meter.also=native: ",
    "hardware=cuda": "DEVICE=cuda",
    "submitit_slurm": "Slurm does not answer",
    "torch-2.12": "scripts/requirements/torch-2.12-cpu.txt",
}
"""Part of a command -> how it is refused where its machine, or the file that the page asks for, is not there."""


def commands() -> Iterator[str]:
    """Each once, its lines joined and its comment gone."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if text := COMMENT.sub("", line).strip():
                    yield " ".join(text.split())


ALL = tuple(dict.fromkeys(commands()))


def of(module: str) -> tuple[str, ...]:
    """The commands that start a module and are not tested elsewhere."""
    return tuple(text for text in ALL if f"python -m {module}" in text and not _elsewhere(text))


def _elsewhere(text: str) -> str | None:
    return next((test for part, test in ELSEWHERE.items() if part in text), None)


@pytest.fixture(scope="module")
def place(born: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the pages speak of: the demo's data, a sweep, a stopped one, recordings."""
    place = tmp_path_factory.mktemp("place")
    (place / "docs").symlink_to(ROOT / "docs")
    (place / "data" / "digits-1").mkdir(parents=True)
    (place / "data" / "digits-1" / "train_images.npy").write_bytes(bytes(1000))
    (place / "mnist").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (place / "mnist" / f"{name}-ubyte.gz").touch()
    for repetition in (1, 2):
        write_csv(place / "recordings" / "tf" / f"{repetition}.csv")
        write_csv(place / "experiments" / "web" / f"run_{repetition}_repetition_0" / "energibridge.csv")
    done = ["run_1_repetition_0,DONE,firefox,a.html", "run_2_repetition_0,DONE,chromium,b.html"]
    rows = ["__run_id,__done,browser,page", *done]
    (place / "experiments" / "web" / "run_table.csv").write_text("\n".join(rows))
    for experiment, folder in (("joulebench", "multirun/DATE/TIME"), ("course", "multirun/course/1")):
        code, _, errors = born.run(
            place,
            "src.main",
            *("-m", "workload=command", "workload.command=sleep 0.3,sleep 0.4", "protocol=smoke", "meter=estimate"),
            *("protocol.iterations=3", "meter.interval_ms=50", f"experiment={experiment}", f"hydra.sweep.dir={folder}"),
        )
        assert code == 0, errors
    stopped = [Treatment(name, (f"framework={name}",), {"framework": name}) for name in ("tf", "torch", "jax")]
    plan = make_plan("stopped", stopped, [_composed((*treatment.overrides, "meter=estimate")) for treatment in stopped])
    plan.write(place / "multirun" / "2026-01-01" / "00-00-00")
    return place


@pytest.fixture
def typed(born: Nursery, place: Path) -> Callable[..., tuple[int, str]]:
    """Types a command in that folder as bash takes it apart; returns exit code and all that was said."""

    def run(text: str, *more: str) -> tuple[int, str]:
        words = subprocess.run(
            ["bash", "-c", f"python() {{ printf '%s\\0' \"$@\"; }}; {text}"],
            cwd=place,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split("\0")[1:-1]
        code, out, errors = born.run(place, words[0], *words[1:], *more)
        return code, out + errors

    return run


@pytest.mark.parametrize("text", of("src.main"))
def test_a_measuring_command_can_be_planned(typed, place, text):
    if "--help" in text or "--cfg" in text:
        assert typed(text)[0] == 0
        return
    code, said = typed(text.replace("/data/mnist", str(place / "mnist")), "dry_run=true", "meter=estimate")
    refusal = next((words for part, words in EXPLAINED.items() if part in text), None)
    assert code == 0 or (code == 2 and refusal is not None and refusal in said), said
    assert ("of 90 runs are finished" in said or "of 120 runs are finished" in said) == ("resume=" in text)


@pytest.mark.parametrize("text", [*of("src.report"), *of("src.ingest"), *of("src.track")])
def test_a_command_that_reads_or_files_does_it(typed, text):
    code, said = typed(text)
    assert code == 0, said


def test_the_report_becomes_a_pdf(typed, place, chromium):
    (text,) = (text for text in ALL if "--print-to-pdf" in text)
    assert typed("python -m src.report experiment=joulebench")[0] == 0
    printed = text.replace("chromium", f"{chromium} --no-sandbox --disable-gpu")  # which root needs
    subprocess.run(["bash", "-c", printed], cwd=place, capture_output=True, check=True, timeout=120)
    assert (place / "reports" / "joulebench" / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("text", of("src.doctor"))
def test_the_doctor_sees_this_machine(typed, text):
    code, said = typed(text)
    assert code in {0, 1, 2}
    assert "governor" in said


@pytest.mark.parametrize("text", [text for text in ALL if text.startswith("make ")])
def test_targets_of_make_are_there(text):
    assert subprocess.run([*text.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_no_command_is_left_out():
    tested = [*of("src.main"), *of("src.report"), *of("src.ingest"), *of("src.track"), *of("src.doctor")]
    left = [text for text in ALL if text not in tested and not text.startswith("make ")]
    assert [text for text in left if _elsewhere(text) is None] == []
    assert [test for test in ELSEWHERE.values() if not (ROOT / test).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose)
    assert [link for link in links if not (page.parent / link).exists()] == []


def _composed(overrides: tuple[str, ...]) -> Config:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed_config(compose("config", overrides=list(overrides)))
