"""Every benchmark, one after the other: `make bench`. Leave the machine alone meanwhile: 50 minutes."""

from __future__ import annotations

import subprocess
import sys

from src.paths import ROOT

BENCHMARKS = (
    "planning",
    "power_trace",
    "tool_cost",
    "training_speed",
    "serving_speed",
    "report_scale",
    "filing_rate",
    "error_rates",
)


def main() -> int:
    """Run them all, and fail if one failed."""
    failed = []
    for name in BENCHMARKS:
        print(f"\n## {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
