"""Commands under the real launcher and the meter `estimate`, or another one."""

import os

import pytest

from src.measure.environment import worker_environment
from src.measure.meters.select import Meter, make_meter
from src.measure.run import measure
from src.paths import ROOT
from src.workloads.command.command_line import CommandConfig, prepare_command

INTERVAL_MS = 20


@pytest.fixture
def estimate(composed) -> Meter:
    config = composed("workload=command", "workload.command=x", "meter=estimate", f"meter.interval_ms={INTERVAL_MS}")
    return make_meter("estimate", config.meter, gpu=False)


@pytest.fixture
def run(tmp_path, estimate):
    """Measures a command in `tmp_path` and returns what came of it; its files lie in `tmp_path / "run"`."""

    def start(command, timeout_s=20, meter=estimate, affinity=(), **settings):
        environment = worker_environment(os.environ, {}, ROOT)
        work = prepare_command(CommandConfig(command=command, **settings), environment, affinity, tmp_path)
        return measure(meter, work.job, tmp_path / "run", environment, timeout_s)

    return start


@pytest.fixture
def shell(run):
    """The same for a shell's script."""
    return lambda script, **settings: run(["sh", "-c", script], **settings)


@pytest.fixture
def python(run):
    """The same for a script in Python, which `emit(phase, edge, t)` and `tell(outcome)` help to speak."""
    helpers = (
        "import json, os, time\n"
        "def emit(phase, edge, t=None):\n"
        "    with open(os.environ['JOULEBENCH_EVENTS'], 'a') as file:\n"
        "        print(json.dumps({'t': t or time.time(), 'phase': phase, 'edge': edge}), file=file)\n"
        "def tell(outcome):\n"
        "    with open(os.environ['JOULEBENCH_OUTCOME'], 'w') as file:\n"
        "        json.dump(outcome, file)\n"
    )
    return lambda script, **settings: run(["python3", "-c", helpers + script + "\ntime.sleep(0.1)\n"], **settings)
