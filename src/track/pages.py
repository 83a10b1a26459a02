"""What MLflow's pages show of an experiment and of a run: a saved view, descriptions, and what comes first.

MLflow 3.17 opens an experiment on its pages for language models whatever its kind is: which pages come first is kept in
each browser, by the switch at the top left, or stands in the address (`workflowType`). So the description holds the
address, and the view is on the page's own list of views.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from src.contract.metrics import OF_TASK, Metric
from src.contract.record import RunRecord, headlines

NOTE_TAG = "mlflow.note.content"
EXPERIMENT_KIND_TAG = "mlflow.experimentKind"
"""Training rather than language models, for the versions of MLflow whose pages heed it."""
KIND = "custom_model_development"

VIEW = "joulebench"
VIEW_NAME = "Energy and accuracy"
VIEW_QUERY = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
CHARTS_QUERY = f"compareRunsMode=CHART&{VIEW_QUERY}"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
COLUMNS = [
    *(f"metrics.`{name}`" for name in (*(metric.name for metric in OF_TASK), "accuracy")),
    *(f"tags.`{name}`" for name in ("treatment", "iteration", "energy_kind")),
]
MODEL_SECTION, SYSTEM_SECTION = "joulebench-model", "joulebench-system"
BARS = ("energy_j", "duration_s", "accuracy")

TOLD_AS_TAGS = ("version.", "framework.env.", "framework.mode")
"""How the parameters begin that say what a run was made with rather than what was varied: they are filed as tags.

MLflow's comparison of runs begins with the first three parameters that differ, in the order of the alphabet, and
between frameworks every package and variable does.
"""


def view(now_ms: int) -> str:
    """The saved view of the runs side by side, as MLflow's pages keep one.

    MLflow's own table shows only the sweeps, and no metric, until one clicks.
    """
    state = {
        "searchFilter": "tags.kind = 'run'",
        # Sorted by date, MLflow would fold the runs below their sweep.
        "orderByKey": "metrics.`energy_j`",
        "orderByAsc": True,
        "selectedColumns": COLUMNS,
        "compareRunCharts": _charts(),
        "compareRunSections": [_section(MODEL_SECTION, "Model metrics"), _section(SYSTEM_SECTION, "System metrics")],
    }
    return json.dumps({"name": VIEW_NAME, "createdAt": now_ms, "updatedAt": now_ms, "state": json.dumps(state)})


def is_ours(view: str | None) -> bool:
    """Whether the page's list of views knows it; those of earlier versions have no name."""
    try:
        return isinstance(json.loads(view or ""), dict) and "state" in json.loads(view or "")
    except ValueError:
        return False


def _charts() -> list[dict[str, Any]]:
    """The headline metrics first, where MLflow's own charts begin with the alphabet's."""
    bars = [_chart("BAR", name, metricKey=name, displayName=name) for name in BARS]
    x, y = ({"key": name, "type": "METRIC"} for name in ("duration_s", "energy_j"))
    scatter = _chart("SCATTER", "scatter", xaxis=x, yaxis=y)
    parallel = _chart("PARALLEL", "parallel", selectedParams=["framework.name"],
                      selectedMetrics=["duration_s", "accuracy", "energy_j"], showAllRuns=True)  # fmt: skip
    return [*bars, scatter, parallel]


def _chart(kind: str, name: str, **values: Any) -> dict[str, Any]:
    place = {"metricSectionId": MODEL_SECTION, "runsCountToCompare": 10, "deleted": False, "isGenerated": False}
    return {"type": kind, "uuid": f"{VIEW}-{name}", **place, **values}


def _section(uuid: str, name: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": True}


def runs_path(experiment_id: str, query: str = VIEW_QUERY) -> str:
    """Where the runs side by side are, behind a server's address."""
    return f"#/experiments/{experiment_id}/runs?{query}"


def experiment_note(experiment_id: str) -> str:
    """An experiment's description: where its runs are to be seen."""
    table, charts = runs_path(experiment_id), runs_path(experiment_id, CHARTS_QUERY)
    return (
        f"Energy and accuracy of every run: [table]({table}), [charts]({charts}). On the runs page the same view is "
        f"under *Views*, as *{VIEW_NAME}*; *Model training*, at the top left, leads there."
    )


def run_note(record: RunRecord) -> str:
    """A run's description: what it came to, and what to know of it."""
    kind = record.tags["energy_kind"]
    place = f", block {record.tags['iteration']}" if "iteration" in record.tags else ""
    told = [_value(metric, record.metrics[metric.name]) for metric in headlines([record])
            if metric.name in record.metrics]  # fmt: skip
    lines = [f"**{record.tags['treatment']}**{place}; energy {kind}. {', '.join(told) or 'No result'}."]
    if error := record.tags.get("error"):
        lines.append(f"{record.status}: {error.partition(chr(10))[0]}")
    lines += [f"- {flag.text}" + (" (doubtful)" if flag.grave else "") for flag in record.flags]
    return "\n\n".join(lines[:1]) + ("\n\n" + "\n".join(lines[1:]) if lines[1:] else "")


def _value(metric: Metric, value: float) -> str:
    if metric.unit == "1":
        return f"{metric.title} {value:.4g}"
    return f"{metric.title} {value:.4g} {metric.unit}"


def in_order(metrics: Mapping[str, float], first: Sequence[str]) -> dict[str, float]:
    """The metrics, those that matter first: MLflow shows and compares them in the order in which they were filed."""
    names = [name for name in first if name in metrics]
    return {name: metrics[name] for name in (*names, *(name for name in metrics if name not in names))}


def split_params(params: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters that stay ones, and those that are filed as tags."""
    tags = {key: value for key, value in params.items() if key.startswith(TOLD_AS_TAGS)}
    return {key: value for key, value in params.items() if key not in tags}, tags
