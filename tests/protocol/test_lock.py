"""One sweep at a time on a machine, for as long as its owner lives and not a moment longer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from src.errors import SetupError
from src.measure.alone import LOCK, holder, measuring_alone
from src.paths import ROOT

HOLD = """
import sys
from pathlib import Path
from src.measure.alone import measuring_alone
with measuring_alone("mine", Path("/sweeps/one"), False, Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "joulebench.lock"


def hold(lock: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock until its standard input ends."""
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    return owner


def take(lock: Path, allow_concurrent: bool = False) -> bool:
    with measuring_alone("other", Path("/sweeps/two"), allow_concurrent, lock):
        return True


def test_a_second_sweep_is_refused_naming_the_owner(lock: Path) -> None:
    with hold(lock) as owner:
        with pytest.raises(SetupError) as caught:
            take(lock)
        said = str(caught.value)
        assert f"experiment 'mine', process {owner.pid} of " in said
        assert "in /sweeps/one" in said
        assert "protocol.allow_concurrent=true" in said
        assert take(lock, allow_concurrent=True)
        owner.communicate()
    assert take(lock)


def test_who_holds_the_machine_is_told_without_taking_it(lock: Path) -> None:
    assert holder(lock) == ""
    with hold(lock) as owner:
        assert f"experiment 'mine', process {owner.pid} of " in holder(lock)
        owner.communicate()
    assert holder(lock) == ""
    assert take(lock)


def test_a_killed_owner_leaves_no_lock(lock: Path) -> None:
    with hold(lock) as owner:
        owner.kill()
        owner.wait()
        assert take(lock)


def test_nothing_is_said_of_an_owner_that_nobody_knows(lock: Path) -> None:
    with hold(lock) as owner:
        lock.with_suffix(".json").write_text("{")
        with pytest.raises(SetupError, match="by an unknown process"):
            take(lock)
        owner.communicate()


def test_a_sweep_that_fails_lets_go(lock: Path) -> None:
    with pytest.raises(ZeroDivisionError), measuring_alone("e", Path("f"), False, lock):
        raise ZeroDivisionError
    assert take(lock)
    assert not lock.with_suffix(".json").exists()


def test_a_refused_sweep_leaves_the_owners_name(lock: Path) -> None:
    with hold(lock) as owner:
        for _ in range(2):
            with pytest.raises(SetupError, match="experiment 'mine'"):
                take(lock)
        owner.communicate()


def test_a_lock_that_cannot_be_taken_says_why(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot be taken .*remove that file"):
        take(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="looks at permissions")
def test_every_user_can_take_it(lock: Path) -> None:
    before = os.umask(0o077)
    try:
        assert take(lock)
    finally:
        os.umask(before)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666


def test_it_lies_in_the_folder_for_temporary_files() -> None:
    """So that tests, and whoever shares a machine without sharing its power, can have one of their own."""
    code = "from src.measure.alone import LOCK; print(LOCK)"
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True, env={**os.environ, "TMPDIR": "/"})
    assert (LOCK.name, told) == ("joulebench.lock", "/joulebench.lock\n")
