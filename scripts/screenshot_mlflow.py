"""Pictures of MLflow's pages as they look in a browser: the runs table, the charts, a comparison, one run.

    python scripts/screenshot_mlflow.py --experiment NAME --out docs/results/pictures

Starts an MLflow server on loopback over the store of this folder (or of --store), and Chromium without a window,
which must be installed (Debian: `apt-get install chromium`). Ends both again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.browser import Browser  # noqa: E402
from scripts.mlflow_server import free_port, serving  # noqa: E402
from src.contract.record import FiledRun  # noqa: E402
from src.track import open_store  # noqa: E402
from src.track.pages import CHARTS_QUERY, VIEW_QUERY  # noqa: E402

SETTLE_S = 7
TIDY = """
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
"""
"""Close the assistant's panel."""

TRAINING = "workflowType=machine_learning"
SIZE = (1600, 1000)


def main() -> None:
    """Take all pictures."""
    arguments = _arguments()
    store = open_store(arguments.store)
    runs = store.records(arguments.experiment)
    experiment_id = store.experiment_id(arguments.experiment)
    parent_run_id = store.client.get_run(runs[-1].run_id).data.tags["mlflow.parentRunId"]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with serving(store.uri, free_port()) as address, Browser(*SIZE) as browser:
        browser.call("Page.enable")  # without, the script below is never run
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=TIDY)
        for name, path in pages(experiment_id, runs, parent_run_id).items():
            picture = arguments.out / f"mlflow-{name}.png"
            browser.open(f"{address}/#/{path}", SETTLE_S)
            browser.picture(picture)
            print(picture)


def pages(experiment_id: str, runs: Sequence[FiledRun], parent_run_id: str) -> dict[str, str]:
    """The pages worth a picture; the run is the last one that finished."""
    runs = [run for run in runs if run.status == "finished"]
    run_id = runs[-1].run_id
    parent = f"experiments/{experiment_id}"
    some = list({run.tags["treatment"]: run.run_id for run in runs}.values())
    compared = quote("[" + ",".join(f'"{run}"' for run in some) + "]")
    return {
        "experiments": "experiments",
        "runs": f"{parent}/runs?{VIEW_QUERY}",
        "charts": f"{parent}/runs?{CHARTS_QUERY}",
        "compare": f"compare-runs?runs={compared}&experiments=%5B%22{experiment_id}%22%5D",
        "run": f"{parent}/runs/{run_id}",
        "sweep": f"{parent}/runs/{parent_run_id}",
        "metrics": f"{parent}/runs/{run_id}/model-metrics?{TRAINING}",
        "system": f"{parent}/runs/{run_id}/system-metrics?{TRAINING}",
        "artifacts": f"{parent}/runs/{run_id}/artifacts/power.png?{TRAINING}",
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--experiment", default="joulebench", help="MLflow's experiment (default: %(default)s)")
    parser.add_argument("--store", help="MLflow's store (default: MLFLOW_TRACKING_URI, else ./mlflow.db)")
    parser.add_argument("--out", type=Path, default=Path("docs/results/pictures"), help="folder (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
