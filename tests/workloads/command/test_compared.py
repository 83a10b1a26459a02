"""Commands under the whole protocol: a real plan, real processes, a real store."""

import io
import json
import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from src.errors import ConfigError, RunError, SetupError
from src.plan.sweep_plan import make_plan
from src.plan.treatments import expand
from src.protocol import sweep
from src.protocol.display import Display
from src.track import open_store

COMMON = ("protocol=smoke", "experiment=e", "meter=estimate", "meter.interval_ms=20")


@pytest.fixture
def plan(composed, store_uri, tmp_path):
    """The plan of a command line, without its `-m`."""

    def of_line(*arguments):
        common = [*COMMON, f"tracking_uri='{store_uri}'"]
        if not any(argument.startswith("workload.working_directory=") for argument in arguments):
            common.append(f"workload.working_directory={tmp_path}")
        treatments = expand(OverridesParser.create().parse_overrides(["workload=command", *common, *arguments]))
        return make_plan("s", treatments, [composed(*treatment.overrides) for treatment in treatments])

    return of_line


@pytest.mark.parametrize(
    ("arguments", "labels"),
    [
        pytest.param(["workload.command=gzip -9 big,xz -9 big"], ["gzip", "xz"], id="texts"),
        pytest.param(["workload.command=[gzip,-9],[xz,-9]"], ["gzip", "xz"], id="lists"),
        pytest.param(["workload.command=gzip -9"], ["gzip"], id="one alone"),
        pytest.param(["workload.command=gzip -9", "workload.name=mine"], ["mine"], id="one with a name"),
        pytest.param(
            ["workload.command=gzip -9,xz -9", "workload.name=mine"], ["mine gzip", "mine xz"], id="a name for all"
        ),
        pytest.param(["workload.command=xz", "workload.name=a,b"], ["a", "b"], id="one command, two names"),
        pytest.param(
            ["workload.command=gzip -9,gzip -1", "hardware.affinity=[0],[]"],
            [f"gzip {level} hardware.affinity=[{cpus}]" for level in ("-9", "-1") for cpus in ("0", "")],
            id="another factor",
        ),
        pytest.param(
            [r"""workload.command='echo "a,b"','echo c\'d\''"""], ["echo a,b", "echo cd"], id="commas and quotes"
        ),
    ],
)
def test_treatments_are_called_by_what_differs(plan, arguments, labels):
    assert [treatment.label for treatment in plan(*arguments).treatments] == labels


def test_equal_commands_are_refused(plan):
    with pytest.raises(ConfigError, match=r"several treatments are called 'gzip'.*workload\.name"):
        plan("workload.command=gzip -9,gzip  -9")


def test_threads_cannot_be_promised(plan):
    with pytest.raises(ConfigError, match=r"hardware\.threads=1: no command can be held"):
        plan("workload.command=gzip", "hardware.threads=1,2")


def test_a_command_has_no_framework(plan):
    with pytest.raises(ConfigError, match=r"framework: workload=command has none"):
        plan("workload.command=gzip", "+framework=torch")


def test_one_that_fails_is_tried_again_and_one_that_always_does_is_missing(plan, store_uri, tmp_path):
    once = '[sh,-c,"test -e ran || { touch ran; echo [why]; exit 4; }; sleep 0.1"]'
    planned = plan(f'workload.command={once},[sh,-c,"exit 5"]', "protocol.retries=1")
    shown = Console(file=io.StringIO(), width=150)
    with pytest.raises(RunError, match="1 of 2 runs could not be measured"):
        sweep.measure_sweep(planned, tmp_path / "sweep", Display(shown))
    text = shown.file.getvalue()
    assert re.search(r"failed: the command ended with exit code 4(?s:.*)\| \[why\]", text)
    assert re.search(r"Missing runs(?s:.*)the command ended with exit code 5, not with exit code 0", text)
    records = open_store(store_uri).records("e")
    assert sorted((record.status, record.tags.get("error", "").partition("\n")[0]) for record in records) == [
        ("failed", "the command ended with exit code 4, not with exit code 0"),
        ("failed", "the command ended with exit code 5, not with exit code 0"),
        ("failed", "the command ended with exit code 5, not with exit code 0"),
        ("finished", ""),
    ]
    finished = next(record for record in records if record.status == "finished")
    assert json.loads(finished.params["workload.command"])[:2] == ["sh", "-c"]
    assert not [key for key in finished.params if key.startswith(("framework", "model", "dataset", "hardware.threads"))]


def test_what_cannot_start_is_refused_before_anything_is_written(plan, tmp_path):
    with pytest.raises(SetupError, match="there is no program `nowhere3`"):
        sweep.measure_sweep(plan("workload.command=nowhere3"), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
