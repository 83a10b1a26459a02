"""Nothing in a user's home changes what a framework computes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from src.measure.environment import worker_environment
from src.paths import ROOT

NUMBERS = (
    "import src.workloads.training.trainers.tf.{way}, keras; "
    "print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())"
)
PLUGIN_LOOKUP = "import site, sys; print(site.getuserbase())"


@pytest.mark.parametrize("framework", ["tf", "tf_tuned"])
def test_a_keras_json_does_not_reach_the_worker(tmp_path: Path, composed: Any, tf_python: Path, framework: str) -> None:
    (tmp_path / ".keras").mkdir()
    settings = {"floatx": "float16", "epsilon": 0.5, "backend": "jax", "image_data_format": "channels_first"}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    config = composed(f"framework={framework}").framework
    environment = worker_environment({**os.environ, "HOME": str(tmp_path)}, config.env, ROOT)
    code = NUMBERS.format(way=config.trainer.split(".")[1])
    done = subprocess.run([tf_python, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "float32 1e-07 channels_last\n", done.stderr
    assert json.loads((tmp_path / ".keras" / "keras.json").read_text()) == settings


@pytest.mark.parametrize("name", ["torch", "tf", "jax"])
def test_no_package_of_the_users_is_looked_for(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """TensorFlow loads what lies in the folder `tensorflow-plugins` of any site-packages that it can think of."""
    python = request.getfixturevalue(f"{name}_python")
    environment = worker_environment({**os.environ, "HOME": str(tmp_path)}, {}, ROOT)
    found = subprocess.check_output([python, "-c", PLUGIN_LOOKUP], env=environment, text=True)
    assert found == f"{os.devnull}\n"
