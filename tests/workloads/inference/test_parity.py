"""Six ways of serving one trained network: each runs in its own environment and classifies the same images alike.

That the logits agree is shown in the parity of training; here the whole way is gone, from weights that PyTorch learned.
"""

import functools
import os
import subprocess

import pytest
from hydra import compose, initialize_config_dir

from src.config.schema import register, typed
from src.contract.job import JOB_FILE
from src.contract.outcome import Outcome
from src.paths import CONF, ROOT
from src.workloads.inference.inference_settings import InferenceConfig
from src.workloads.inference.prepare_inference import prepare
from tests.conftest import environment_python
from tests.workloads.prepared import parts_of

FRAMEWORKS = ("torch", "tf", "jax", "torch_tuned", "tf_tuned", "jax_tuned")
WORK = ("dataset=digits", "training.epochs=1", "hardware.threads=2")
PASSES, BATCH, TEST_SIZE = 2, 32, 360


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What a framework comes to; each runs once."""
    cache = tmp_path_factory.mktemp("data")

    @functools.cache
    def run(framework):
        parts, teacher = (_parts(name, cache) for name in (framework, "torch"))
        for name in (parts.framework.environment, "torch"):
            if not environment_python(name).exists():
                pytest.skip(f"needs the environment {name}: `make setup ENVS={name}`")
        inference = InferenceConfig(passes=PASSES, batch_size=BATCH, weights_from=teacher.framework)
        work = prepare(parts, inference, ROOT)
        folder = tmp_path_factory.mktemp(framework)
        work.job.write(folder / JOB_FILE)
        environment = os.environ | work.job.environment
        command = work.job.command(folder / JOB_FILE)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return Outcome.read(folder)

    return run


def _parts(framework, cache):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = typed(compose("config", overrides=[*WORK, f"framework={framework}", f"dataset.cache={cache}"]))
    return parts_of(config)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_classifies_the_same_images_right(outcome, framework):
    values = outcome(framework).values
    assert values["accuracy"] >= 0.7
    assert values["accuracy"] == outcome("torch").values["accuracy"]
    assert values["accuracy"] == round(values["accuracy"] * TEST_SIZE) / TEST_SIZE


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_tells_the_same_things(outcome, framework):
    found, expected = outcome(framework), outcome("torch")
    assert found.metrics == expected.metrics
    assert found.values["parameter_count"] == 268_298
    assert found.facts["shapes"] == expected.facts["shapes"]
    assert found.per_unit is not None
    assert found.per_unit[1] == PASSES * TEST_SIZE
    assert found.values["images_per_s"] > 0
    assert 0 < found.values["latency_median_s"] <= found.values["latency_p95_s"]
