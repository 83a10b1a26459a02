"""Runs as a store gives them back, made up: always the same ones, with all that a report can tell."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from src.analysis.analyse import Analysis
from src.analysis.analyse import analyse as analyse_runs
from src.analysis.comparable import Comparable, comparable
from src.analysis.settings import AnalysisConfig
from src.analysis.table import PLACES, TEXTS, table_of
from src.contract.flags import Flag
from src.contract.metrics import Metric
from src.contract.record import MACHINE, FiledRun, old_factors, old_flags, run_name

BEGIN_S = 1_750_000_000.0
PHASES = {"import": 0.1, "data": 0.02, "build": 0.06, "train": 0.7, "evaluate": 0.12}
"""Shares of the whole process' energy and time."""

TRAINING = {
    "model.name": "cnn",
    "model.layers": json.dumps(
        [
            {"kind": "conv", "filters": 6, "kernel": 5, "padding": "same", "activation": "relu"},
            {"kind": "max_pool", "size": 2, "stride": 2},
            {"kind": "flatten"},
            {"kind": "dense", "units": 10, "activation": "softmax"},
        ]
    ),
    "dataset.name": "digits",
    "dataset.image_shape": "[8,8,1]",
    "dataset.train_size": "1437",
    "dataset.test_size": "360",
    "dataset.checksum": "5a5a5a",
    "training.epochs": "3",
    "training.batch_size": "64",
    "training.learning_rate": "0.001",
    "training.beta_1": "0.9",
    "training.beta_2": "0.999",
    "training.epsilon": "1e-07",
    "training.seed": "11",
}
SURROUNDINGS = {
    "protocol.name": "quick",
    "protocol.iterations": "8",
    "protocol.order": "shuffled",
    "protocol.seed": "5",
    "protocol.baseline_s": "20.0",
    "protocol.warmup_s": "30.0",
    "protocol.idle_s": "10.0",
    "protocol.retries": "2",
    "protocol.timeout_s": "600.0",
    "hardware.name": "Test laptop",
    "hardware.device": "cpu",
    "hardware.threads": "4",
    "hardware.affinity": "[0,1,2,3]",
    "meter.interval_ms": "200",
    "meter.columns": '["PACKAGE_ENERGY (J)","DRAM_ENERGY (J)"]',
}
HOST = {
    "host.cpu": "Test CPU 9000",
    "host.physical_cores": "6",
    "host.logical_cpus": "12",
    "host.system": "Linux 6.1",
    "host.governor": "performance",
    "host.gpus": "none",
    "host.python": "3.11.9",
    "host.memory_bytes": str(16 * 2**30),
}
MEANS_J = {"torch": 400.0, "torch_tuned": 402.0, "jax": 560.0}


def training_runs(blocks: int = 8) -> list[FiledRun]:
    """A sweep over frameworks with a drift, an outlier, two kinds of flags, and a failed run that was repeated."""
    rng = np.random.default_rng(7)
    runs = []
    for block in range(1, blocks + 1):
        for position, name in enumerate(rng.permutation(list(MEANS_J)), start=1):
            place = len(runs)
            energy_j = MEANS_J[name] * float(1 + 0.01 * rng.standard_normal() + 0.002 * place)
            if (block, name) == (5, "jax"):
                energy_j *= 1.4
            runs.append(_training_run(str(name), block, position, place, energy_j, rng))
    failed = runs[7]
    lost = {"name": f"{failed.name} lost", "run_id": "lost", "status": "failed", "metrics": {}, "flags": ()}
    tags = failed.tags | {"status": "failed", "error": "the process ran out of memory", "run_uid": "s1/lost"}
    return [*runs, _with(failed, **lost, tags=tags, start_ms=failed.start_ms - 30_000)]


def _training_run(
    name: str, block: int, position: int, place: int, energy_j: float, rng: np.random.Generator
) -> FiledRun:
    power_w = 40.0 * float(1 + 0.005 * rng.standard_normal())
    duration_s = energy_j / power_w
    metrics = {
        "energy_j": energy_j,
        "duration_s": duration_s,
        "power_w": power_w,
        "edp_js": energy_j * duration_s,
        "energy_total_j": energy_j / 0.9,
        "duration_total_s": duration_s / 0.9,
        "energy_net_j": energy_j - 9.0 * duration_s,
        "energy_package_j": 0.9 * energy_j,
        "energy_dram_j": 0.1 * energy_j,
        "energy_resolution_j": 1.5 + 0.01 * place,
        "idle_power_w": 9.0,
        "accuracy": 0.96 + 0.002 * position + 0.001 * float(rng.standard_normal()),
        "loss": 0.12 + 0.01 * float(rng.standard_normal()),
        "samples_per_s": 3 * 1437 / (0.7 * duration_s / 0.9),
        "parameter_count": 1126.0,
    }
    metrics |= {f"energy_{phase}_j": share * energy_j / 0.9 for phase, share in PHASES.items()}
    metrics |= {f"duration_{phase}_s": share * duration_s / 0.9 for phase, share in PHASES.items()}
    edges = duration_s / 0.9 * np.cumsum([0.0, *PHASES.values()])
    windows = {phase: (float(edges[n]), float(edges[n + 1])) for n, phase in enumerate(PHASES)}
    facts = {"framework.mode": "tuned" if name.endswith("_tuned") else "standard"}
    facts[f"version.{name.partition('_')[0]}"] = "2.13" if name.startswith("torch") else "0.10"
    flags = {
        3: (Flag("wrap", "a counter wrapped once"),),
        9: (Flag("gap", "no sample for 3 s", grave=True), Flag("wrap", "a counter wrapped twice")),
    }
    return made_run(
        name, block, position, place, metrics, TRAINING | SURROUNDINGS | facts, {"framework": name},
        framework=name, flags=flags.get(place, ()), windows=windows,
    )  # fmt: skip


def command_runs(blocks: int = 6) -> list[FiledRun]:
    """A sweep over two command lines that tell a metric of their own, and name their phases."""
    rng = np.random.default_rng(3)
    described = {"size_share": Metric("size_share", "1", "Size of the result", "lower", headline=True)}
    runs = []
    for block, (position, name) in itertools.product(range(1, blocks + 1), enumerate(("gzip -9", "xz -9"), start=1)):
        energy_j = {"gzip -9": 80.0, "xz -9": 300.0}[name] * float(1 + 0.02 * rng.standard_normal())
        metrics = _phased(energy_j, energy_j / 38, {"read": 0.2, "compress": 0.8})
        metrics["size_share"] = 0.31 if name == "xz -9" else 0.35
        command = f"{name} -k big"
        params = SURROUNDINGS | {
            "workload.kind": "command",
            "workload.name": "pack",
            "workload.command": command,
            "workload.working_directory": "data/demo",
            "workload.program": f"/usr/bin/{name.split()[0]}",
            "workload.exit_code": "0",
        }
        windows = {"read": (0.0, 0.2 * energy_j / 38), "compress": (0.2 * energy_j / 38, energy_j / 38)}
        factors = {"workload.command": command}
        run = made_run(name, block, position, len(runs), metrics, params, factors, framework=None,
                       described=described, windows=windows)  # fmt: skip
        runs.append(run)
    return runs


def inference_runs(blocks: int = 6) -> list[FiledRun]:
    """A sweep over two frameworks and two sizes of a batch that use trained weights."""
    rng = np.random.default_rng(4)
    own = (
        Metric("energy_per_image_j", "J", "Energy of an image", "lower", headline=True),
        Metric("images_per_s", "1/s", "Images a second", "higher"),
        Metric("latency_median_s", "s", "Median latency of a batch", "lower", headline=True),
        Metric("latency_p95_s", "s", "95th percentile of a batch's latency", "lower"),
        Metric("accuracy", "1", "Test accuracy", "higher", headline=True),
    )
    shares = {"import": 0.2, "data": 0.05, "build": 0.05, "warmup": 0.1, "infer": 0.6}
    runs = []
    for block, (position, (name, size)) in itertools.product(
        range(1, blocks + 1), enumerate(itertools.product(("torch", "jax"), ("1", "32")), start=1)
    ):
        energy_j = (100.0 if name == "torch" else 120.0) * (5.0 if size == "1" else 1.0)
        energy_j *= float(1 + 0.02 * rng.standard_normal())
        length_s = energy_j / 38 / 0.6
        metrics = _phased(energy_j, energy_j / 38, {phase: share / 0.6 for phase, share in shares.items()})
        metrics |= {"energy_per_image_j": energy_j / 3600, "images_per_s": 3600 * 38 / energy_j, "accuracy": 0.97}
        metrics |= {"latency_median_s": energy_j / 38 / 3600, "latency_p95_s": 1.4 * energy_j / 38 / 3600}
        edges = length_s * np.cumsum([0.0, *shares.values()])
        windows = {phase: (float(edges[n]), float(edges[n + 1])) for n, phase in enumerate(shares)}
        work = {
            "workload.kind": "inference",
            "inference.batch_size": size,
            "inference.passes": "10",
            "inference.weights_from.name": "torch",
        }
        work |= {"weights.checksum": "c0ffee"}
        factors = {"framework": name, "inference.batch_size": size}
        run = made_run(
            f"{name} inference.batch_size={size}", block, position, len(runs), metrics,
            TRAINING | SURROUNDINGS | work | {"framework.mode": "standard", f"version.{name}": "2.0"}, factors,
            framework=name, described={metric.name: metric for metric in own}, windows=windows,
        )  # fmt: skip
        runs.append(run)
    return runs


def _phased(energy_j: float, duration_s: float, shares: Mapping[str, float]) -> dict[str, float]:
    """The task's metrics, and those of phases that take these shares of it."""
    whole = sum(shares.values())
    metrics = {
        "energy_j": energy_j,
        "duration_s": duration_s,
        "power_w": energy_j / duration_s,
        "edp_js": energy_j * duration_s,
        "energy_total_j": energy_j * whole,
        "duration_total_s": duration_s * whole,
        "energy_package_j": energy_j,
    }
    metrics |= {f"energy_{phase}_j": share * energy_j for phase, share in shares.items()}
    return metrics | {f"duration_{phase}_s": share * duration_s for phase, share in shares.items()}


def made_run(
    treatment: str,
    block: int,
    position: int,
    place: int,
    metrics: Mapping[str, float],
    params: Mapping[str, str],
    factors: Mapping[str, str],
    framework: str | None,
    flags: tuple[Flag, ...] = (),
    **changes: Any,
) -> FiledRun:
    """The `place`-th run of a sweep, begun a minute after the one before."""
    begin_ms = round(1000 * (BEGIN_S + 60 * place))
    tags = {
        "treatment": treatment,
        **({"framework": framework} if framework else {}),
        "sweep": "s1",
        "iteration": str(block),
        "position": str(position),
        "sequence": str(place + 1),
        "meter": "native",
        "energy_kind": "measured",
        "status": "finished",
        "run_uid": f"s1/{place:04d}",
    }
    values: dict[str, Any] = {
        "run_id": f"id-{place:04d}",
        "name": run_name(treatment, block),
        "start_ms": begin_ms,
        "end_ms": begin_ms + 20_000,
        "status": "finished",
        "tags": tags | changes.pop("tags", {}),
        "factors": dict(factors),
        "flags": flags,
        "metrics": dict(metrics),
        "params": dict(params),
    }
    return FiledRun(**(values | changes))


def _with(run: FiledRun, **changes: Any) -> FiledRun:
    return FiledRun(**{**vars(run), **changes})


def records(frame: pd.DataFrame) -> list[FiledRun]:
    """The runs of a table with some of the columns of `src.analysis.table`, the rest as if all had been measured here.

    Without a column `factors`, they are read from the treatments' labels, as those of old runs are.
    """
    return [_record(place, row) for place, row in enumerate(frame.to_dict("records"))]


def _record(place: int, row: dict[Any, Any]) -> FiledRun:
    known = {str(key): value for key, value in row.items() if isinstance(value, dict | tuple) or not pd.isna(value)}
    fields = {"run_id", "run_name", "started_s", "status", "factors", "flags", "windows", "described"}
    tags = {name: str(known[name]) for name in (*TEXTS, *PLACES, MACHINE) if name in known}
    tags |= {key.removeprefix("tags."): value for key, value in known.items() if key.startswith("tags.")}
    params = {key.removeprefix("params."): str(value) for key, value in known.items() if key.startswith("params.")}
    others = fields | {*TEXTS, *PLACES, MACHINE}
    numbers = {key for key in known if key not in others and not key.startswith(("params.", "tags."))}
    begin_ms = round(1000 * known.get("started_s", 0))
    return FiledRun(
        run_id=str(known.get("run_id", f"r{place:05d}")),
        name=str(known.get("run_name", place)),
        start_ms=begin_ms,
        end_ms=begin_ms,
        status=known["status"] if known.get("status") in ("finished", "disturbed") else "failed",
        tags=tags,
        factors=known.get("factors", old_factors(tags["treatment"], tags.get("framework", tags["treatment"]))),
        flags=known.get("flags", old_flags(tags.get("flags", ""))),
        metrics={key: float(known[key]) for key in numbers if isinstance(known[key], int | float)},
        described=known.get("described", {}),
        windows=known.get("windows", {}),
        params=params,
    )


def compared(frame: pd.DataFrame, compare: Sequence[str] = ()) -> Comparable:
    """The runs of a table as `comparable` hands them on."""
    return comparable(table_of(records(frame)), compare)


def analyse(frame: pd.DataFrame, config: AnalysisConfig) -> Analysis:
    """The analysis of the runs of a table."""
    return analyse_runs(compared(frame, config.compare), config)


def factors_of(labels: Iterable[str]) -> dict[str, dict[str, str]]:
    """Treatments whose labels say what sets them apart, as the figures take them."""
    return {label: old_factors(label, label.split()[0]) for label in labels}
