"""Each trainer waits for its device, tried in its own environment: there is work left before, and none after."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from src.workloads.training.frameworks import frameworks
from src.workloads.training.interpreter import INTERPRETER

ROOT = Path(__file__).resolve().parents[3]
BEGIN = """
from types import SimpleNamespace
import src.workloads.training.trainers.{trainer} as trainer
calls = []
"""
JAX = """
import jax
import jax.numpy as jnp
x = jnp.full((1000, 1000), 1e-3)
work = jax.jit(lambda x: jax.lax.fori_loop(0, 40, lambda _, y: y @ x, x)).lower(x).compile()
y = work(x)
before = y.is_ready()
trainer.synchronize(SimpleNamespace(device="cpu"))
print(before, y.is_ready())
"""
COUNTED = """
{module} = lambda: calls.append(device)
for device in ("cpu", "cuda"):
    trainer.synchronize(SimpleNamespace(device=device))
print(*calls)
"""
WAYS = {
    "jax": (JAX, "False True"),
    "torch": (COUNTED.format(module="import torch; torch.cuda.synchronize"), "cuda"),
    "tf": (COUNTED.format(module="import tensorflow as tf; tf.test.experimental.sync_devices"), "cuda"),
}
"""What is tried, and what it says. JAX computes beside Python on a CPU, too; of the others no CPU shows it."""


@pytest.mark.parametrize("name", frameworks())
def test_the_device_is_waited_for(name: str) -> None:
    option = yaml.safe_load((ROOT / "conf/framework" / f"{name}.yaml").read_text())
    python = ROOT / ".venvs" / option["environment"] / INTERPRETER
    if not python.exists():
        pytest.skip(f"the environment {option['environment']} is not set up")
    code, says = WAYS[option["environment"]]
    done = subprocess.run(
        [str(python), "-c", BEGIN.format(trainer=option["trainer"]) + code],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == says, done.stderr
