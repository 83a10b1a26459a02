"""Trained weights as a model that MLflow lists, loads and predicts with."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from scipy.signal import correlate

from src.contract.job import JOB_FILE, Job
from src.contract.outcome import OUTCOME_FILE, Outcome
from src.contract.record import WEIGHTS_FILE
from src.track.logged_model import save_model
from src.workloads.training.network import parameter_shapes
from src.workloads.training.weights import write_weights

SHAPE = (9, 8, 2)
CNN = [
    {"kind": "conv", "filters": 3, "kernel": 4, "padding": "same", "activation": "relu"},
    {"kind": "max_pool", "size": 2, "stride": 2},
    {"kind": "conv", "filters": 4, "kernel": 3, "padding": "valid", "activation": "tanh"},
    {"kind": "avg_pool", "size": 2, "stride": 1},
    {"kind": "flatten"},
    {"kind": "dense", "units": 5, "activation": "none"},
    {"kind": "dense", "units": 3, "activation": "softmax"},
]


def weights() -> list[Any]:
    generator = np.random.default_rng(7)
    return [generator.normal(size=shape).astype(np.float32) for shape in parameter_shapes(CNN, SHAPE)]


def trained(folder: Path) -> Path:
    Job(workload="training", program=["python"], settings={"layers": CNN}).write(folder / JOB_FILE)
    Outcome(facts={"image_shape": list(SHAPE)}).write(folder / OUTCOME_FILE)
    write_weights(folder / WEIGHTS_FILE, weights())
    return folder


def image_by_image(image: Any) -> Any:
    """The network's probabilities for one image, with SciPy's correlation and plain loops."""
    kernels = iter(weights())
    x = _activate(_convolve(np.pad(image, ((1, 2), (1, 2), (0, 0))), next(kernels)) + next(kernels), "relu")
    x = _pool(x, 2, 2, np.max)
    x = _activate(_convolve(x, next(kernels)) + next(kernels), "tanh")
    x = _pool(x, 2, 1, np.mean).ravel()
    x = x @ next(kernels) + next(kernels)
    x = np.exp(x @ next(kernels) + next(kernels))
    return x / x.sum()


def _activate(x: Any, how: str) -> Any:
    return np.maximum(x, 0) if how == "relu" else np.tanh(x)


def _convolve(x: Any, kernel: Any) -> Any:
    filters = range(kernel.shape[-1])
    return np.stack([correlate(x, kernel[..., f], mode="valid", method="direct")[..., 0] for f in filters], axis=-1)


def _pool(x: Any, size: int, stride: int, of: Any) -> Any:
    rows, columns = ((x.shape[axis] - size) // stride + 1 for axis in (0, 1))
    pooled = np.empty((rows, columns, x.shape[2]))
    for row, column in itertools.product(range(rows), range(columns)):
        window = x[row * stride : row * stride + size, column * stride : column * stride + size]
        pooled[row, column] = of(window, axis=(0, 1))
    return pooled


def test_the_model_predicts_what_the_network_does(tmp_path: Path) -> None:
    save_model(trained(tmp_path), tmp_path / "model")
    images = np.random.default_rng(3).random((300, *SHAPE)).astype(np.float32)
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images)
    assert found.shape == (300, 3)
    assert found[[0, 255, 256, 299]] == pytest.approx(
        np.array([image_by_image(images[n]) for n in (0, 255, 256, 299)]), abs=1e-5
    )
    assert mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images[:0]).shape == (0, 3)


def test_a_run_that_asks_for_it_has_a_model_that_loads_from_the_store(store, make_record, monkeypatch) -> None:
    record = make_record(with_model=True)
    trained(record.folder)
    run_id = store.file_run(record)
    number = store.experiment_id("study")
    (model,) = store.client.search_logged_models([number])
    assert (model.source_run_id, str(model.status), model.tags["framework"]) == (run_id, "READY", "torch")
    assert [output.model_id for output in store.client.get_run(run_id).outputs.model_outputs] == [model.model_id]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    previous = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.uri)
    try:
        images = np.zeros((2, *SHAPE), np.float32)
        assert mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(images).shape == (2, 3)
    finally:
        mlflow.set_tracking_uri(previous)


def test_a_half_filed_run_gets_its_model_once(store, make_record) -> None:
    record = make_record(with_model=True)
    trained(record.folder)
    run_id = store.file_run(record)
    store.client.update_run(run_id, status="RUNNING")
    assert store.file_run(record) == run_id
    assert len(store.client.search_logged_models([store.experiment_id("study")])) == 1


def test_half_a_model_is_replaced(store, make_record) -> None:
    record = make_record(with_model=True)
    run_id = store.file_run(record)
    trained(record.folder)
    number = store.experiment_id("study")
    half = store.client.create_logged_model(number, "trained", run_id)
    store.client.update_run(run_id, status="RUNNING")
    store.file_run(record)
    (model,) = store.client.search_logged_models([number])
    assert model.model_id != half.model_id
    assert str(model.status) == "READY"


@pytest.mark.parametrize("with_model", [True, False], ids=["asked for", "not asked for"])
def test_a_run_without_weights_has_no_model(store, make_record, with_model: bool) -> None:
    store.file_run(make_record(with_model=with_model))
    assert len(store.client.search_logged_models([store.experiment_id("study")])) == 0


def test_the_model_needs_no_file_of_this_tool(tmp_path: Path) -> None:
    save_model(trained(tmp_path), tmp_path / "model")
    assert "import src" not in (tmp_path / "model" / "served_model.py").read_text()
    told = json.loads(next((tmp_path / "model").rglob("network.json")).read_text())
    assert told == {"layers": CNN, "image_shape": list(SHAPE)}
