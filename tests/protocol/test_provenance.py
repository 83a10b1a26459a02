"""Which state of the tool measured."""

import hashlib
import subprocess

import pytest

from src.paths import ROOT
from src.protocol import provenance as module
from src.protocol.provenance import Provenance, file_hash, provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, taken for this one."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8.9"\n')

    def git(*words):
        settings = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(
            ["git", "-C", tmp_path, *settings, *words], capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path, git("rev-parse", "HEAD").strip()


def fresh() -> Provenance:
    return provenance.__wrapped__()


def test_commit_and_version_are_the_repositorys(repository):
    folder, commit = repository
    told = fresh()
    assert (told.version, told.commit, told.changed) == ("7.8.9", commit, "no")
    (folder / "notes.txt").write_text("not git's")
    assert fresh().changed == "no"
    (folder / "pyproject.toml").write_text('[project]\nversion = "8"\n')
    assert fresh().changed == "yes"
    assert told.tags["mlflow.source.git.commit"] == commit
    assert told.params["tool.commit"] == commit


def test_without_git_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1"\n')
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    told = fresh()
    assert (told.commit, told.changed) == ("unknown", "unknown")
    assert "mlflow.source.git.commit" not in told.tags


def test_the_commit_of_a_repository_around_it_is_not_its_own(repository, monkeypatch):
    folder, _ = repository
    (folder / "copy").mkdir()
    monkeypatch.setattr(module, "ROOT", folder / "copy")
    assert (fresh().version, fresh().commit, fresh().changed) == ("unknown", "unknown", "unknown")


def test_the_command_line_tells_no_password(monkeypatch):
    monkeypatch.setattr("sys.argv", ["main.py", "tracking_uri=https://me:secret@host/", "workload.command=a b"])
    assert "secret" not in fresh().command
    assert "'workload.command=a b'" in fresh().command


def test_a_lock_files_hash():
    path = ROOT / "scripts/requirements/jax-cpu.txt"
    assert file_hash(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file_hash(path / "none") == "unknown"
