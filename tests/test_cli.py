"""The outermost layer: what a terminal of few characters is told."""

import subprocess
import sys

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
