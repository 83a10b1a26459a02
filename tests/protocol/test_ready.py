"""What treatments share is looked at once, and only what is the same for both is shared."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.config.schema import Config
from src.contract.job import Job, Prime, Work
from src.errors import ConfigError, MeterError, SetupError, TrackError
from src.measure.disturbance import snapshot
from src.protocol import machine
from src.protocol import ready as module
from src.protocol.ready import make_ready, prepare_work, ready_store
from tests.protocol.conftest import METER

ROOT = Path("root")
HEAT, CLOCK = {"temperature_c": 50.0}, {"frequency_mhz": 3000.0}


@pytest.fixture
def asked(monkeypatch):
    """Notes each configuration whose work is prepared, and each whose meter is tried; both come back as made anew."""
    works, meters = [], []

    def prepare(config, *_):
        works.append(config)
        return Work(Job(workload=str(len(works)), program=[]), {}, None)

    def select(config, gpu):
        meters.append((config, gpu))
        return dataclasses.replace(METER, description=str(len(meters)))

    monkeypatch.setattr(module, "prepare_work", prepare)
    monkeypatch.setattr(module, "select_meter", select)
    monkeypatch.setattr(module, "require_gpu", lambda: None)
    monkeypatch.setattr(module, "gpu_names", lambda: ("A GPU",))
    return works, meters


def ready_of(*configs):
    return make_ready(configs, ROOT, Path("here"), lambda said: None)


def test_equal_configurations_are_looked_at_once(composed, asked):
    first, second = ready_of(composed(), composed())
    assert (len(asked[0]), len(asked[1])) == (1, 1)
    assert (first.work, first.meter) == (second.work, second.meter)


@pytest.mark.parametrize(
    ("overrides", "now", "kind", "says"),
    [
        pytest.param(["rest=temperature"], {}, "measured", "^protocol.rest=temperature: .*rest=fixed", id="rest"),
        pytest.param(["warmup=steady"], {}, "estimated", "^protocol.warmup=steady: the meter native", id="nothing"),
        pytest.param(["warmup=steady"], HEAT, "estimated", "protocol.warmup=fixed", id="only temperature"),
        pytest.param(["warmup=steady"], HEAT, "replayed", "protocol.warmup=fixed", id="power of another day"),
        pytest.param(["warmup=steady"], HEAT | CLOCK, "estimated", None, id="temperature and frequency"),
        pytest.param(["warmup=steady"], {}, "measured", None, id="power"),
        pytest.param(["rest=temperature"], HEAT, "estimated", None, id="temperature"),
        pytest.param([], {}, "estimated", None, id="neither is asked for"),
    ],
)
def test_what_ends_a_rest_or_a_warm_up_must_be_readable(composed, asked, monkeypatch, overrides, now, kind, says):
    monkeypatch.setattr(module, "select_meter", lambda *_, **__: dataclasses.replace(METER, energy_kind=kind))
    seen = snapshot()._replace(**{"temperature_c": None, "frequency_mhz": None} | now)
    monkeypatch.setattr(machine, "snapshot", lambda: seen)
    config = composed("protocol=study", *(f"protocol.{override}" for override in overrides))
    if says is None:
        assert len(ready_of(config)) == 1
        return
    with pytest.raises(SetupError, match=says) as caught:
        ready_of(config)
    assert "\n" not in str(caught.value)
    assert asked[0] == []


WORK = [
    *("+framework.env.A='1'", "framework.trainer=torch.tuned", "framework.environment=other", "framework.name=mine"),
    *("framework=jax", "model=mlp", "dataset=digits", "dataset.train_size=64", "dataset.cache=elsewhere"),
    *("training.epochs=7", "training.batch_size=32", "training.seed=9", "training.learning_rate=0.5"),
    *("hardware.threads=1", "hardware.affinity=[0]", "hardware.name=Laptop"),
]
METERS = ["meter.interval_ms=50", "meter.columns=['A (J)']", "meter=estimate", "meter.busy_w=9", "meter.binary=other"]
COMMAND = [
    *("workload.command='ls -a'", "workload.command=[ls]", "workload.working_directory=/tmp", "workload.exit_code=3"),
    *("+workload.environment.A=b", "workload.phases=[run]", "+workload.metrics={lines:{unit:B}}", "workload.name=mine"),
    *("hardware.affinity=[0]", "hardware.threads=1"),
]


@pytest.mark.parametrize("override", WORK)
def test_another_work_is_prepared_for_itself(composed, asked, override):
    plain, other = composed("hardware.threads=2"), composed("hardware.threads=2", override)
    first, second = ready_of(plain, other)
    assert asked[0] == [plain, other]
    assert first.work != second.work
    assert len(asked[1]) == 1


@pytest.mark.parametrize("override", COMMAND)
def test_another_command_is_prepared_for_itself(composed, asked, override):
    common = ("workload=command", "workload.command=ls", "hardware.threads=2")
    plain, other = composed(*common), composed(*common, override)
    first, second = ready_of(plain, other)
    assert asked[0] == [plain, other]
    assert first.work != second.work


@pytest.mark.parametrize("override", METERS)
def test_another_meter_is_tried_for_itself(composed, asked, override):
    plain, other = composed(), composed(override)
    first, second = ready_of(plain, other)
    assert [config for config, _ in asked[1]] == [plain.meter, other.meter]
    assert first.meter != second.meter
    assert len(asked[0]) == 1


def test_another_device_is_another_work_another_meter_and_another_machine(composed, asked):
    first, second = ready_of(composed(), composed("hardware.device=cuda"))
    assert first.work != second.work
    assert [gpu for _, gpu in asked[1]] == [False, True]
    assert second.facts["hardware.name"] == "A GPU"
    assert first.facts["hardware.name"] != "A GPU"


BURNER = Prime(("python", "-m", "burn", "jax", "cuda"), (), "")


@pytest.mark.parametrize(
    ("burners", "warmup_s", "told", "says"),
    [
        pytest.param([None, BURNER], 20, "jax", 0, id="one can"),
        pytest.param([None, None], 20, "none", 1, id="none can"),
        pytest.param([BURNER, BURNER], 0, "none", 0, id="no warm-up"),
    ],
)
def test_what_warms_the_gpu_up_is_said_beforehand_and_filed(
    composed, asked, monkeypatch, burners, warmup_s, told, says
):
    works = iter([Work(Job(workload=str(n), program=[]), {}, None, burner=each) for n, each in enumerate(burners)])
    monkeypatch.setattr(module, "prepare_work", lambda *_: next(works))
    said: list[str] = []
    common = ("hardware=cuda", "protocol=quick", f"protocol.warmup_s={warmup_s}")
    configs = [composed(*common), composed(*common, "model=mlp")]
    ready = make_ready(configs, ROOT, Path("here"), said.append)
    assert [each.facts["gpu.warmup"] for each in ready] == [told, told]
    assert [sentence.split(",")[0] for sentence in said] == ["the GPU is not warmed up"] * says


def test_a_run_on_the_processor_says_nothing_of_a_gpu(composed, asked):
    assert "gpu.warmup" not in ready_of(composed())[0].facts


@pytest.mark.parametrize(
    "override",
    ["protocol.idle_s=9", "protocol.timeout_s=9", "experiment=other", "analysis.outliers=iqr", "tracking_uri=other"],
)
def test_what_neither_reads_is_no_reason_to_look_twice(composed, asked, override):
    ready_of(composed(), composed(override))
    assert (len(asked[0]), len(asked[1])) == (1, 1)


def leaves(values: object, key: str = "") -> Iterator[str]:
    """Every key of a configuration that holds a value."""
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        for field in dataclasses.fields(values):
            yield from leaves(getattr(values, field.name), f"{key}.{field.name}" if key else field.name)
    else:
        yield key


def changed(config: Config, key: str) -> Config:
    """A copy in which this one value is another."""
    name, _, rest = key.partition(".")
    value = getattr(config, name)
    return dataclasses.replace(config, **{name: changed(value, rest) if rest else f"not {value}"})  # type: ignore[arg-type]


SHARED_BY_ALL = ("dry_run", "experiment", "tracking_uri", "resume", "analysis", "protocol", "track")


@pytest.mark.parametrize("kind", [(), ("workload=command", "workload.command=ls")], ids=["training", "command"])
def test_no_key_at_all_makes_treatments_share_what_is_not_the_same(composed, asked, kind):
    """Whatever a workload or a meter can see is part of the key under which it is kept."""
    plain = composed(*kind)
    keys = [key for key in leaves(plain) if not key.startswith(SHARED_BY_ALL)]
    assert len(keys) > 20
    for key in keys:
        asked[0].clear()
        asked[1].clear()
        ready_of(plain, changed(plain, key))
        assert (len(asked[0]) if not key.startswith("meter") else len(asked[1])) == 2, key


def test_the_name_of_the_machine_is_what_was_given(composed, asked):
    named, found = ready_of(composed("hardware.name=Laptop"), composed())
    assert named.facts["hardware.name"] == "Laptop"
    assert found.facts["hardware.name"] not in ("Laptop", "")


def test_facts_of_the_work_are_filed(composed, asked, monkeypatch):
    work = Work(Job(workload="w", program=[]), {"dataset.train_size": "640"}, None)
    monkeypatch.setattr(module, "prepare_work", lambda *_: work)
    assert ready_of(composed())[0].facts["dataset.train_size"] == "640"


def test_a_measured_process_sees_what_its_job_wants(composed, asked, monkeypatch):
    job = Job(workload="w", program=[], environment={"A_VARIABLE": "of the job"})
    monkeypatch.setattr(module, "prepare_work", lambda *_: Work(job, {}, None))
    assert ready_of(composed())[0].environment()["A_VARIABLE"] == "of the job"


@pytest.mark.parametrize("kind", ["training", "inference", "command"])
def test_each_workload_prepares_itself(composed, monkeypatch, kind):
    monkeypatch.setattr(module, f"prepare_{kind}", lambda *_: kind)
    monkeypatch.setattr(module, f"{kind}_parts", lambda config: config, raising=False)
    config = composed(f"workload={kind}", *(["workload.command=ls"] if kind == "command" else []))
    assert prepare_work(config, ROOT, Path("here"), print) == kind


def test_a_workload_without_its_groups_says_which_are_missing(composed):
    config = composed("workload=command", "workload.command=ls", "workload.kind=training")
    with pytest.raises(ConfigError, match="workload=training needs framework, model, dataset, training"):
        prepare_work(config, ROOT, Path("here"), print)


def test_a_meter_that_does_not_work_is_a_matter_of_setting_up_before_any_work_is_prepared(composed, asked, monkeypatch):
    def refuse(config, gpu):
        raise MeterError("no counter")

    monkeypatch.setattr(module, "select_meter", refuse)
    with pytest.raises(SetupError, match="meter=auto: no counter"):
        ready_of(composed())
    assert asked[0] == []


def test_a_machine_without_a_gpu_is_refused_first(composed, asked, monkeypatch):
    def refuse():
        raise SetupError("no GPU")

    monkeypatch.setattr(module, "require_gpu", refuse)
    with pytest.raises(SetupError, match="no GPU"):
        ready_of(composed(), composed("hardware.device=cuda"))
    assert asked[0] == []


def test_a_store_that_cannot_take_runs_is_told_before_them(composed, monkeypatch):
    def refuse(uri):
        raise TrackError(f"{uri} is no store")

    monkeypatch.setattr(module, "open_store", refuse)
    with pytest.raises(SetupError, match="nowhere is no store"):
        ready_store(composed("tracking_uri=nowhere"))
