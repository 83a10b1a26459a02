"""The command line that made a sweep, as it is told to be typed again."""

import pytest

from src.report.load import Sweep
from src.report.sections.reproduction import reproduction, told_command

TYPED = "python -m src.main -m framework=tf,torch 'workload.name=a b'"
LAUNCHER = "hydra/launcher=submitit_slurm"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (TYPED, TYPED),
        (f"{TYPED} hydra.sweep.dir=/tmp/x resume=latest {LAUNCHER}", f"{TYPED} {LAUNCHER}"),
        (None, None),
        ("python -m src.protocol.share a 1 b", None),
        (TYPED + " " + "x" * 1000, None),
    ],
    ids=["as typed", "folders", "unknown", "another program", "cut"],
)
def test_a_command_line_can_be_typed_again(told, expected):
    assert told_command(told) == expected


def test_the_state_of_the_tool_comes_first():
    sweeps = [
        Sweep("a", "1", {"tool.version": "1.2", "tool.commit": "abc", "tool.changed": "yes"}),
        Sweep("b", "2", {"tool.version": "1.2", "tool.commit": "abc", "tool.changed": "no"}),
        Sweep("old", "3", {}),
    ]
    first = reproduction(["x"], sweeps).blocks[0].text
    assert (
        first
        == "Measured with joulebench 1.2 at commit abc, with changes of its files and joulebench 1.2 at commit abc."
    )
    assert reproduction(["x"], sweeps[2:]).blocks[0].text.startswith("From the root of the repository")
