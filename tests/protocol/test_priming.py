import sys
from pathlib import Path

import pytest

from src.config.schema import FrameworkConfig
from src.errors import SetupError
from src.protocol.priming import prime


def framework(trainer):
    return FrameworkConfig(name="mine", environment="mine", trainer=trainer, requirements="", mode="")


def test_an_environment_without_its_framework_is_found_out_before_anything_is_measured():
    with pytest.raises(SetupError, match=r"framework=mine(.|\n)*No module named"):
        prime([(Path(sys.executable), framework("none_such"))])


def test_each_trainer_is_loaded_once(tmp_path):
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    python.chmod(0o755)
    prime([(python, framework("a")), (python, framework("b")), (python, framework("a"))])
    assert log.read_text().splitlines() == [
        "-c import src.workloads.training.trainers.a",
        "-c import src.workloads.training.trainers.b",
    ]
