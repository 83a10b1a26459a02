import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts import lock as lock_script
from scripts.environments import locked_modules, locked_packages
from scripts.lock import lock_lines, source_markers
from src.workloads.training.frameworks import environments, frameworks

LOCKS = sorted((Path(__file__).parents[2] / "scripts" / "requirements").glob("*.txt"))
FRAMEWORKS = [lock for lock in LOCKS if lock.stem.rpartition("-")[0] in environments()]


def test_every_environment_has_a_lock() -> None:
    shipped = {f"{name}-{device}" for name in ("torch", "tf", "jax") for device in ("cpu", "cuda")}
    assert shipped | {f"{name}-cpu" for name in environments()} | {"orchestrator"} <= {lock.stem for lock in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_locks_are_exact_and_name_themselves(lock: Path) -> None:
    header, *lines = lock.read_text().splitlines()
    assert header.startswith(f"# {lock.stem}:")
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+(; .+)?", line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_locks_hold_what_their_source_asks_for(lock: Path) -> None:
    wanted = source_markers(lock.with_suffix(".in").read_text())
    assert set(wanted) <= locked_packages(lock)
    lines = lock.read_text().splitlines()
    for name, (requirement, marker) in wanted.items():
        version = requirement.partition("==")[2]
        assert any(line.startswith(f"{name}=={version}") and line.endswith(marker) for line in lines)


@pytest.mark.parametrize("lock", FRAMEWORKS, ids=lambda lock: lock.stem)
def test_an_environment_holds_one_framework_and_nothing_of_the_orchestrator(lock: Path) -> None:
    framework = lock.stem.rpartition("-")[0]
    own = {name for option in frameworks().values() if option.environment == framework for name in option.packages}
    assert set(locked_modules(lock)) == own
    packages = locked_packages(lock)
    assert packages & {"pandas", "mlflow", "hydra-core", "omegaconf", "scikit-learn", "matplotlib"} == set()
    assert "numpy" in packages


def test_all_frameworks_share_one_numpy() -> None:
    found = {re.search(r"^numpy==.*$", lock.read_text(), re.MULTILINE) for lock in LOCKS}
    assert len({match.group() if match else None for match in found}) == 1


LOCK = "# a-cuda: written by `python scripts/lock.py a-cuda`, do not edit.\na==1\nb==2; sys_platform != 'win32'\n"


@pytest.mark.parametrize(
    ("installed", "code", "says"),
    [
        pytest.param({"a": "1", "b": "2"}, 0, "a-cuda.txt: resolves to itself", id="whole"),
        pytest.param({"a": "1", "b": "2", "C_d": "3"}, 1, "resolves to c-d==3 besides", id="something is missing"),
        pytest.param(None, 2, "", id="no such version"),
    ],
)
def test_a_lock_is_checked_to_resolve_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], installed, code, says
) -> None:
    (tmp_path / "a-cuda.txt").write_text(LOCK)
    packages = [{"metadata": {"name": name, "version": version}} for name, version in (installed or {}).items()]
    done = subprocess.CompletedProcess([], 0 if installed else 2, json.dumps({"install": packages}), "no b==2")
    asked = []
    monkeypatch.setattr(lock_script, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(lock_script, "resolve", lambda source: asked.append(source.name) or done)
    assert lock_script.main(["--check", "a-cuda"]) == code
    assert asked == ["a-cuda.txt"]
    said = capsys.readouterr()
    assert says in said.out
    assert ("does not resolve" in said.err) == (installed is None)
    assert (tmp_path / "a-cuda.txt").read_text() == LOCK


def test_markers_follow_their_package_and_unresolved_lines_stay() -> None:
    source = 'uvloop; sys_platform != "win32"  # reason\nx-cpu==2; a == "1"\nx==2; a != "1"\nplain\n'
    versions = {"Plain_Dep": "1.5+cpu", "uvloop": "0.1", "x-cpu": "2", "plain": "3"}
    report = {"install": [{"metadata": {"name": name, "version": version}} for name, version in versions.items()]}
    assert lock_lines(source, report) == [
        "plain-dep==1.5",
        "plain==3",
        'uvloop==0.1; sys_platform != "win32"',
        'x-cpu==2; a == "1"',
        'x==2; a != "1"',
    ]
