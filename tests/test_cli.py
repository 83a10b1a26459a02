"""The outermost layer: what a terminal of few characters is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from src.paths import ROOT

SIGNS = "1\\u202f000 J · 5 × 2 − 1 ≤ ☂"
SAYS = f"import sys; from src.cli import command_line; sys.exit(command_line(lambda: print('{SIGNS}')))"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"1 000 J * 5 x 2 - 1 < ?"),
        ("latin-1", b"1 000 J \xb7 5 \xd7 2 - 1 < ?"),
        ("cp1252", b"1 000 J \xb7 5 \xd7 2 - 1 < ?"),
        ("utf-8", "1\u202f000 J · 5 × 2 − 1 ≤ ☂".encode()),
    ],
)
def test_signs_that_a_terminal_lacks_are_written_plainly(encoding: str, shown: bytes) -> None:
    command = [sys.executable, "-c", SAYS]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env={"PYTHONIOENCODING": encoding}, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, shown, b"")


def test_a_file_that_cannot_be_written_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    says = f"import sys; from src.cli import command_line; sys.exit(command_line(lambda: open('{tmp_path}/reports/x')))"
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, cwd=ROOT, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"joulebench: {tmp_path}/reports/x: Not a directory; see to that, then give the same command again: what was "
        "finished is kept\n"
    )
