"""The study on a GPU, as far as it can be tried without one."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import gpu_study
from scripts.environments import find_environment
from scripts.setup_command import parse as parse_setup
from src.paths import ROOT
from src.workloads.training.frameworks import frameworks


def test_a_dry_run_prints_the_commands_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_study.main(["--dry-run", "--dataset", "digits", "--protocol", "smoke"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [shlex.split(line)[1:] for line in lines] == gpu_study.commands("digits", "smoke")
    assert [line.split()[3] for line in lines[2:]] == ["src.doctor"] * 2 + ["src.main", "src.report"] * 2


def test_it_names_every_framework_and_environment_there_is() -> None:
    assert set(gpu_study.FRAMEWORKS) == set(frameworks())
    assert set(gpu_study.ENVIRONMENTS) == {option.environment for option in frameworks().values()}
    for name in gpu_study.ENVIRONMENTS:
        assert find_environment(ROOT, name, "cuda").lock.name == f"{name}-cuda.txt"


def test_the_set_up_takes_its_words() -> None:
    every, cuda = (parse_setup(command[2:]) for command in gpu_study.commands("mnist", "quick")[:2])
    assert (every.names, cuda.names, cuda.device) == (["orchestrator"], list(gpu_study.ENVIRONMENTS), "cuda")


@pytest.mark.parametrize(
    ("module", "code", "goes_on", "ended"),
    [
        pytest.param("src.doctor", 1, True, 0, id="the doctor is careful"),
        pytest.param("src.doctor", 2, False, 2, id="not fit to measure"),
        pytest.param("src.main", 1, True, 1, id="some runs are missing"),
        pytest.param("src.main", 2, False, 2, id="nothing can be measured"),
        pytest.param("src.report", 1, False, 1, id="no report"),
        pytest.param("src.main", -9, False, -9, id="killed"),
    ],
)
def test_it_ends_with_the_first_command_that_fails(
    monkeypatch: pytest.MonkeyPatch, module: str, code: int, goes_on: bool, ended: int
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, code if module in command else 0)

    monkeypatch.setattr(gpu_study.subprocess, "run", run)
    monkeypatch.setattr(gpu_study, "compare", lambda _: ([], True))
    monkeypatch.setattr(gpu_study, "keep", lambda _: None)
    assert gpu_study.main([]) == ended
    assert (len(ran) == len(gpu_study.commands("mnist", "quick"))) is goes_on
    assert goes_on or module in ran[-1]


@pytest.mark.parametrize("framework", gpu_study.FRAMEWORKS)
@pytest.mark.parametrize("workload", gpu_study.WORKLOADS)
def test_every_treatment_composes(composed, workload: str, framework: str) -> None:
    words = [word for word in gpu_study.sweep_words(workload, "mnist", "quick")[1:] if not word.startswith("hydra.")]
    config = composed(*(f"framework={framework}" if word.startswith("framework=") else word for word in words))
    assert (str(config.hardware.device), config.meter.name, config.protocol.name) == ("cuda", "native", "quick")
    assert config.framework.requirements.endswith("-cuda.txt")


def test_hydra_takes_the_words_of_the_command_line() -> None:
    words = [*gpu_study.sweep_words("inference", "mnist", "quick")[1:], "framework=jax"]
    command = [sys.executable, "-m", "src.main", "--cfg", "job", *(w for w in words if "," not in w)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "device: cuda" in done.stdout


def recording(folder: Path, counter_w: float, power_w: float) -> Path:
    """Ten seconds of a GPU whose counter and power may disagree."""
    folder.mkdir(parents=True)
    rows = [f"200,{1_760_000_000_000 + 200 * n},{5 + 0.2 * n * counter_w},{1000 * power_w}" for n in range(51)]
    (folder / "energy.csv").write_text("\n".join(["Delta,Time,GPU0_ENERGY (J),GPU0_POWER (mWatts)", *rows, ""]))
    return folder / "energy.csv"


@pytest.mark.parametrize(("counter_w", "ratio", "agree"), [(300.0, 1.0, True), (330.0, 1.1, False)])
def test_counter_and_power_are_compared(tmp_path: Path, counter_w: float, ratio: float, agree: bool) -> None:
    path = recording(tmp_path / "0001-torch", counter_w, 300.0)
    assert list(gpu_study.ratios(path)) == [("GPU0", pytest.approx(ratio))]
    lines, found = gpu_study.compare([path])
    assert found is agree
    assert f"counter / power = {ratio:.4f}" in lines[0]


def test_a_recording_without_a_gpu_is_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "energy.csv").write_text("Delta,Time,PACKAGE_ENERGY (J)\n0,1,2\n")
    assert gpu_study.compare([tmp_path / "energy.csv"]) == (
        ["no recording holds both a GPU's energy counter and its power: nothing to compare"], False,
    )  # fmt: skip


def test_figures_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_study, "ROOT", tmp_path)
    monkeypatch.setattr(gpu_study, "RESULTS", tmp_path / "kept")
    (tmp_path / "reports/gpu-training/figures").mkdir(parents=True)
    (tmp_path / "reports/gpu-training/figures/energy.png").write_bytes(b"1")
    (tmp_path / "reports/gpu-training/report.md").write_text("# A report")
    (tmp_path / "multirun/gpu/training").mkdir(parents=True)
    (tmp_path / "multirun/gpu/training/preflight.json").write_text("{}")
    gpu_study.keep(["a line"])
    kept = {str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    pages = {"training/report.md", "training/figures/energy.png", "training/preflight.json"}
    assert kept == {"counter_and_power.txt", *pages}
