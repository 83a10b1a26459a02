"""Commands of joulebench in processes of their own that are spared the seconds of imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from src.paths import ROOT


@dataclass
class Nursery:
    """Where they come from."""

    process: subprocess.Popen[str]
    environment: dict[str, str]

    def run(self, folder: Path, module: str, *words: str, **variables: str) -> tuple[int, str, str]:
        """What `python -m MODULE WORDS` does in a folder: exit code, standard output and standard error."""
        environment = {**os.environ, **self.environment, **variables}
        return self.run_with(environment, folder, module, *words)

    def run_with(self, environment: Mapping[str, str], folder: Path, module: str, *words: str) -> tuple[int, str, str]:
        """The same with a whole environment."""
        with tempfile.TemporaryDirectory(prefix="joulebench-said-") as place, ThreadPoolExecutor() as readers:
            pipes = [Path(place) / "out", Path(place) / "errors"]
            for pipe in pipes:
                os.mkfifo(pipe)
            said = [readers.submit(pipe.read_text, errors="replace") for pipe in pipes]
            code = self.ended(self.bear(list(words), folder, module, *pipes, environment))
            return code, said[0].result(), said[1].result()

    def bear(
        self,
        words: list[str],
        folder: Path,
        module: str = "src.main",
        out: Path | None = None,
        errors: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Begin one; returns its process id. Without files for what it says, that goes into `log` in the folder."""
        log = folder / "log"
        asked = {
            "module": module,
            "words": words,
            "folder": str(folder),
            "out": str(out or log),
            "errors": str(errors or log),
            "environment": dict(environment or {**os.environ, **self.environment}),
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.told("born")[1])

    def told(self, what: str) -> list[str]:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[0] == what, words
        return words

    def ended(self, child: int) -> int:
        """The exit code of a child, once it has ended; a negative one is a signal."""
        words = self.told("ended")
        assert int(words[1]) == child
        return int(words[2])


@contextmanager
def nursery(temporary: Path | None = None) -> Iterator[Nursery]:
    """Its children leave their temporary files, and so their mark, in `temporary`."""
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment |= {"TMPDIR": str(temporary)} if temporary else {}
    command = [sys.executable, "-m", "tests.standins.nursery"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        made = Nursery(process, environment)
        made.told("ready")
        yield made
        process.kill()
