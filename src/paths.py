"""Where things lie: everything is found from the repository's root, whatever the working directory."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
