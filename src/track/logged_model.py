"""A run's trained weights as a model that MLflow lists, and that `mlflow.pyfunc.load_model` loads without a framework.

Not a framework's own flavour: saving or loading one imports the framework, which the process that measures must not.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from mlflow import pyfunc
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

from src.contract.job import JOB_FILE, Job
from src.contract.json_files import ContractError, take
from src.contract.outcome import Outcome
from src.contract.record import WEIGHTS_FILE, RunRecord
from src.track.patience import hurry, no_waiting

NAME = "trained"
CODE = Path(__file__).with_name("served_model.py")


def log_model(client: MlflowClient, experiment_id: str, run_id: str, record: RunRecord) -> None:
    """File the model of a run that kept its weights, once; raises what MLflow raises."""
    if not (record.folder / WEIGHTS_FILE).is_file():
        return
    hurry()
    query = f"source_run_id = '{run_id}'"
    found = client.search_logged_models([experiment_id], query)
    if any(model.status == LoggedModelStatus.READY for model in found):
        return
    for half in found:  # of a filing that was interrupted
        hurry()
        client.delete_logged_model(half.model_id)
    hurry()
    tags = {"framework": record.tags.get("framework", ""), "run_uid": record.uid}
    model = client.create_logged_model(experiment_id, NAME, run_id, tags, model_type="classifier")
    with tempfile.TemporaryDirectory(prefix="joulebench-") as folder:
        place = Path(folder) / NAME
        with no_waiting():
            save_model(record.folder, place)
        hurry()
        client.log_model_artifacts(model.model_id, str(place))
    hurry()
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    hurry()
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])


def save_model(run: Path, place: Path) -> None:
    """Write the model of a run's folder into the new folder `place`; raises OSError where the run's files tell none."""
    try:
        layers = take(Job.read(run / JOB_FILE).settings, "layers", list, JOB_FILE)
        shape = take(Outcome.read(run).facts, "image_shape", list, str(run))
    except ContractError as error:
        raise OSError(f"the model of {run} is not known ({error})") from error
    with tempfile.TemporaryDirectory(prefix="joulebench-") as folder, warnings.catch_warnings():
        network = Path(folder) / "network.json"
        network.write_text(json.dumps({"layers": layers, "image_shape": shape}), encoding="utf-8")
        warnings.simplefilter("ignore")  # MLflow would like an example of an input, in colours
        pyfunc.save_model(
            str(place),
            python_model=str(CODE),
            artifacts={"network": str(network), "weights": str(run / WEIGHTS_FILE)},
            signature=_signature([int(size) for size in shape], int(layers[-1]["units"])),
            # Told, since MLflow would find them out by loading the model in a process of its own.
            pip_requirements=[f"{package}=={version(package)}" for package in ("mlflow", "numpy")],
        )


def _signature(image_shape: list[int], classes: int) -> ModelSignature:
    images = TensorSpec(np.dtype(np.float32), (-1, *image_shape))
    return ModelSignature(Schema([images]), Schema([TensorSpec(np.dtype(np.float32), (-1, classes))]))
