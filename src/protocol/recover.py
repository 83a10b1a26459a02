"""Give runs that lost their record another one: `python -m src.protocol.recover FOLDER...`."""

from __future__ import annotations

import sys
from pathlib import Path

from src.protocol.filing import recovered

if __name__ == "__main__":
    for name in sys.argv[1:]:
        recovered(Path(name))
