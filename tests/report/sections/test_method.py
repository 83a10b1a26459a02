"""Each row of the method tells the value of its own key: a distinct value in, the same value out."""

import dataclasses

import pytest

from tests.made_runs import HOST, training_runs
from tests.report.made_documents import document_of

ROWS = {
    "model.name": "Model",
    "dataset.name": "Dataset",
    "dataset.train_size": "Training images",
    "dataset.test_size": "Test images",
    "dataset.checksum": "Dataset's checksum (SHA-256)",
    "training.epochs": "Epochs",
    "training.batch_size": "Batch size",
    "training.learning_rate": "Adam's learning rate",
    "training.beta_1": "Adam's β1",
    "training.beta_2": "Adam's β2",
    "training.epsilon": "Adam's ε",
    "training.seed": "Seed of weights and batches",
    "protocol.name": "Protocol",
    "protocol.iterations": "Iterations (blocks)",
    "protocol.stop": "Ends",
    "protocol.order": "Order within a block",
    "protocol.seed": "Seed of the order",
    "protocol.baseline_s": "Idle baseline (s)",
    "protocol.warmup_s": "Warm-up, once (s)",
    "protocol.warmup": "Warm-up's end",
    "protocol.warmup_minimum_s": "Shortest warm-up (s)",
    "protocol.idle_s": "Idle between runs (s)",
    "protocol.rest": "Rest's end",
    "protocol.rest_margin_c": "Warmer than the first run by at most (°C)",
    "protocol.rest_max_s": "Longest rest (s)",
    "protocol.retries": "Retries of a failed run",
    "protocol.timeout_s": "Time limit of a run (s)",
    "hardware.name": "Machine",
    "hardware.device": "Device",
    "hardware.threads": "Threads",
    "hardware.affinity": "Affinity",
    "host.cpu": "Processor",
    "host.physical_cores": "Physical cores",
    "host.logical_cpus": "Logical CPUs",
    "host.system": "System",
    "host.governor": "Frequency governor",
    "host.gpus": "GPUs",
    "host.python": "Orchestrator's Python",
    "preflight": "Its state when the sweep began",
    "meter.columns": "Energy columns",
    "meter.idle_w": "Power model, idle (W per logical CPU)",
    "meter.busy_w": "Power model, busy (W per logical CPU)",
    "meter.power_model_source": "Power model's source",
}
VALUES = {key: f"value-of-{key}" for key in ROWS} | {"host.memory_bytes": str(3 * 2**30)}
OTHERS = {
    "Memory": "3.00\u202fGiB",
    "Power at rest before the warm-up (median)": "9.000\u202fW",
    "Meter": "native",
    "How the energy is known": "estimated",
    "Sampling interval (ms)": "200",
}


def _method(document):
    (method,) = [section for section in document.sections if section.anchor == "method"]
    return method


@pytest.fixture(scope="module")
def told():
    """What and value of each row of the method's tables."""
    runs = training_runs(blocks=3)
    for run in runs:
        run.params.update({key: value for key, value in VALUES.items() if not key.startswith("host.")})
        run.tags["energy_kind"] = "estimated"
    host = {key: value for key, value in VALUES.items() if key.startswith(("host.", "preflight"))}
    method = _method(document_of(runs, host))
    tables = [block for inner in method.sections for block in inner.blocks if block.block == "table"]
    return [row for table in tables if table.head == ("What", "Value") for row in table.rows]


@pytest.mark.parametrize(("title", "value"), [(title, VALUES[key]) for key, title in ROWS.items()] + [*OTHERS.items()])
def test_a_row_tells_its_own_key(told, title, value):
    assert [row for row in told if row[0] == title] == [(title, value)]


def test_there_is_no_row_that_is_not_tested(told):
    assert sorted(title for title, _ in told) == sorted([*ROWS.values(), *OTHERS])


PILOT = {
    "machine": "bench, Intel", "when": "2026-11-25T13:00:00+00:00", "meter": "native", "interval_ms": "200",
    "cpu_percent": "0.1", "time_percent": "-0.21", "time_error_percent": "0.3", "energy_percent": "0.5",
    "energy_error_percent": "0.2", "idle_w": "9.5", "idle_sd_w": "0.2", "smallest_percent": "1.5", "iterations": "30",
    "foreign_percent": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ([], "adds −0.21 ± 0.3 % to the time and 0.5 ± 0.2 % to the energy of a fixed work, that the machine at rest"),
        (["energy_percent"], "adds −0.21 ± 0.3 % to the time of a fixed work, that the machine at rest draws 9.5 W"),
        (list(PILOT), None),
    ],
    ids=["whole", "energy unknown", "no pilot"],
)
def test_the_pilot_of_the_machine_is_cited(left_out, said):
    host = HOST | {f"pilot.{key}": value for key, value in PILOT.items() if key not in left_out}
    text = str(document_of(training_runs(blocks=3), host))
    began = "A pilot on bench, Intel (2026-11-25, meter native, every 200 ms, others using up to 2 %"
    assert (began in text) is (said is not None)
    assert said is None or said in text


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([], "24 runs of 24 finished; none failed."),
        (["failed"], "23 runs of 24 finished; 1 run failed, 0 of them repeated with success."),
        (["disturbed"], "23 runs of 24 finished; none failed; 1 run was disturbed and measured again."),
        (
            ["disturbed", "failed", "disturbed"],
            "21 runs of 24 finished; 1 run failed, 0 of them repeated with success; 2 runs were disturbed and",
        ),
    ],
    ids=["none", "failed", "disturbed", "both"],
)
def test_what_became_of_the_runs_is_counted(statuses, said):
    runs = [run for run in training_runs() if run.status == "finished"]
    for place, status in enumerate(statuses):
        runs[place] = dataclasses.replace(runs[place], status=status)
    assert said in str(_method(document_of(runs)))


@pytest.mark.parametrize(
    ("watts", "rows"),
    [
        (
            {1: 9.0, 2: 10.0, 3: 9.5},
            ["9.000 W at first, 9.500 W at last, 9.000 W to 10.00 W between"],
        ),
        ({1: 9.0, 2: 9.0, 3: 9.0}, []),
        ({}, []),
    ],
    ids=["drifts", "does not", "was not looked at"],
)
def test_the_drift_of_idle_power_has_a_row(watts, rows):
    runs = training_runs(blocks=3)
    for run in runs:
        if watts:
            run.metrics["idle_power_block_w"] = watts[int(run.tags["iteration"])]
    method = _method(document_of(runs))
    tables = [block for inner in method.sections for block in inner.blocks if block.block == "table"]
    found = [row[1] for table in tables for row in table.rows if row[0] == "Power at rest before the blocks"]
    assert [text.replace("\u202f", " ") for text in found] == rows


LOOKED = {"protocol.stop": "precision", "protocol.minimum_iterations": "4", "protocol.precision_percent": "5.0"}


@pytest.mark.parametrize(
    ("iterations", "said"),
    [
        ("8", "looked at after 4, 5, 7 and 8 blocks, each look at 0.013 (alpha spending, Lan and DeMets, 1983); all 8"),
        ("30", "it ended after 8 of 30 blocks, as every pair was settled or known to within 5 %."),
    ],
    ids=["all blocks", "ended early"],
)
def test_looks_on_the_way_are_told(iterations, said):
    runs = training_runs()
    for run in runs:
        run.params.update(LOOKED | {"protocol.iterations": iterations})
    assert said in str(_method(document_of(runs)))


@pytest.mark.parametrize(
    ("margin", "said"),
    [("5.0", "was set to 5 %, as here."), ("2.0", "was set to 2 %, here it is 5 %, so it was chosen afterwards.")],
    ids=["kept", "changed"],
)
def test_the_margin_that_was_set_beforehand_is_told(margin, said):
    host = HOST | {"analysis.relevant_percent": margin}
    assert said in str(_method(document_of(training_runs(), host)))
