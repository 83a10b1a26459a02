"""The environment of a worker."""

from __future__ import annotations

from pathlib import Path

from src.measure.environment import worker_environment


def test_only_the_allowed_is_inherited() -> None:
    inherited = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "0",
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "x",
        "PYTHONPATH": "/x",
    }
    found = worker_environment(inherited, {}, Path("/project"))
    assert found["PATH"] == "/bin"
    assert found["CUDA_VISIBLE_DEVICES"] == "0"
    assert found["PYTHONPATH"] == str(Path("/project"))
    assert not {"OMP_NUM_THREADS", "XLA_FLAGS"} & set(found)


def test_the_frameworks_own_settings_win() -> None:
    found = worker_environment({"LANG": "C"}, {"LANG": "de", "PYTHONUNBUFFERED": "0"}, Path("/project"))
    assert (found["LANG"], found["PYTHONUNBUFFERED"]) == ("de", "0")
