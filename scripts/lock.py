"""Refreshes lock files: `python scripts/lock.py [NAMES...]` resolves requirements/NAME.in into
requirements/NAME.txt. With `--check` it writes nothing, and tells whether each NAME.txt resolves to itself.

Run it with the oldest Python that is supported (3.11), so that every newer one can install the result. It
downloads no wheels where the package index serves metadata. To lock what a public index serves, without
builds that this machine keeps: `PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= python scripts/lock.py torch-cuda`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


CHECK = "--check"


def main(arguments: Sequence[str]) -> int:
    """Writes or checks the named lock files (default: all); returns pip's exit code at the first failure."""
    names = [argument for argument in arguments if argument != CHECK]
    sources = [REQUIREMENTS / f"{name}.in" for name in names] or sorted(REQUIREMENTS.glob("*.in"))
    if CHECK in arguments:
        return max(check(source.with_suffix(".txt")) for source in sources)
    for source in sources:
        print(f"resolving {source.name} ...", flush=True)
        done = resolve(source)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            return done.returncode
        lines = lock_lines(source.read_text(encoding="utf-8"), json.loads(done.stdout))
        header = f"# {source.stem}: written by `python scripts/lock.py {source.stem}`, do not edit.\n"
        source.with_suffix(".txt").write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"wrote {len(lines)} lines to {source.with_suffix('.txt').name}")
    return 0


def check(lock: Path) -> int:
    """Tells whether a lock is what pip makes of it: all that its packages need, and nothing else; 0 where it is."""
    done = resolve(lock)
    if done.returncode != 0:
        print(f"{lock.name} does not resolve:\n{done.stderr}", file=sys.stderr)
        return done.returncode
    text = lock.read_text(encoding="utf-8")
    differ = set(lock_lines(text, json.loads(done.stdout))) ^ set(text.splitlines()[1:])
    print(f"{lock.name}: {'resolves to ' + ', '.join(sorted(differ)) + ' besides' if differ else 'resolves to itself'}")
    return 1 if differ else 0


def resolve(source: Path) -> subprocess.CompletedProcess[str]:
    """Asks pip what it would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--dry-run"]
    command += ["--ignore-installed", "--report", "-", "-r", str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lock_lines(source: str, report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """Returns one line per package: the resolved version, with the marker that the source gives it.

    A source line whose marker does not hold on this machine was not resolved; it is kept as it stands, and
    has to name an exact version. Local versions ("2.13.0+cpu") lose their suffix, which only one index knows.
    """
    markers = source_markers(source)
    lines = []
    for item in report["install"]:
        name = normalized(item["metadata"]["name"])
        marker = markers.pop(name, ("", ""))[1]
        lines.append(f"{name}=={item['metadata']['version'].partition('+')[0]}" + (f"; {marker}" if marker else ""))
    lines += [requirement + f"; {marker}" for requirement, marker in markers.values() if marker]
    return sorted(lines)


def source_markers(source: str) -> dict[str, tuple[str, str]]:
    """Returns the requirement and the marker ("" without one) of each package that the source names."""
    found = {}
    for line in source.splitlines():
        requirement, _, marker = line.partition("#")[0].partition(";")
        if requirement.strip():
            name = normalized(re.split(r"[\s=<>!~\[]", requirement.strip(), maxsplit=1)[0])
            found[name] = (requirement.strip(), marker.strip())
    return found


def normalized(package: str) -> str:
    """Returns a package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", package).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
