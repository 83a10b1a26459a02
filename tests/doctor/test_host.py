"""What a machine is called."""

import platform

import pytest

from src.doctor.host import host_facts, machine_name


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, platform.node()),
        ({"SLURMD_NODENAME": "node7"}, "node7"),
        ({"SLURMD_NODENAME": "node7", "JOULEBENCH_MACHINE": "lab3"}, "lab3"),
    ],
    ids=["host", "node", "named"],
)
def test_a_name_that_is_given_comes_first(monkeypatch, variables, name):
    for variable in ("SLURMD_NODENAME", "JOULEBENCH_MACHINE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert machine_name() == name
    assert host_facts().name == name
