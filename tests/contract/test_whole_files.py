"""A disk that is full, or a folder that is gone, leaves no half file under a final name: caused for real."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from src.contract.json_files import whole, write_json, write_text

ROOT = Path(__file__).resolve().parents[2]
WRITERS = {
    "a text": "from src.contract.json_files import write_text; write_text(path, 'x' * 100_000)",
    "JSON": "from src.contract.json_files import write_json; write_json(path, ['x' * 100_000])",
    "a figure": (
        "from matplotlib.figure import Figure; from src.figures.drawing import save; figure = Figure(); "
        "figure.subplots().plot(range(9)); save(figure, path.parent, path.stem)"
    ),
}
"""What writes 100 kB or so to `path`."""
LIMIT = 4096


def _limited(code: str, path: Path) -> "subprocess.CompletedProcess[str]":
    """Run the code where no file can grow beyond 4 kB: every write behind that fails, as on a full disk."""
    begin = f"import signal, resource; from pathlib import Path; path = Path({str(path)!r}); "
    limits = (
        f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit({resource.RLIMIT_FSIZE}, ({LIMIT},) * 2)"
    )
    # What is imported writes its caches before the limit holds.
    imports = "import matplotlib.figure, src.contract.json_files, src.figures.drawing; "
    command = [sys.executable, "-B", "-c", f"{begin}{imports}{limits}; {code}"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=100)


@pytest.mark.parametrize("code", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_old_file_or_none(code, tmp_path):
    path = tmp_path / "figure.svg"
    done = _limited(code, path)
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_where_its_new_one_does_not_fit(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"old": 1})
    done = _limited(WRITERS["JSON"], path)
    assert "File too large" in done.stderr
    assert path.read_text() == '{\n "old": 1\n}'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_or_is_a_file_is_an_oserror(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in ("gone", "file"):
        with pytest.raises(OSError, match=folder):
            write_text(tmp_path / folder / "a.txt", "x")


def _interrupted(part):
    part.write_text("half")
    raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "a.txt") as part:
        _interrupted(part)
    assert list(tmp_path.iterdir()) == []
