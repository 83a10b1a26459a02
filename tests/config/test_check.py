import os

import pytest
from omegaconf import OmegaConf

from src.config.check import check
from src.errors import ConfigError
from src.paths import CONF

TRAINERS = sorted({OmegaConf.load(path).trainer for path in (CONF / "framework").glob("*.yaml")})


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize(
    "override",
    [
        f"{group}={option}"
        for group in (
            "framework",
            "model",
            "dataset",
            "training",
            "protocol",
            "hardware",
            "meter",
            "analysis",
        )
        for option in options(group)
    ],
)
def test_every_option_of_every_group_composes_and_is_sound(composed, override):
    check(composed(override))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux keeps a process to some CPUs")
def test_a_cpu_that_this_process_may_not_use_is_refused(composed, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 3})
    check(composed("hardware.affinity=[1,3]"))
    with pytest.raises(ConfigError, match=r"^hardware.affinity=\[0, 1\]: this process may run on the CPUs 1, 3 only"):
        check(composed("hardware.affinity=[0,1]"))
    with pytest.raises(ConfigError, match=r"^hardware.affinity=\[1, 4\]: this machine has CPUs 0 to 3$"):
        check(composed("hardware.affinity=[1,4]"))
    with pytest.raises(ConfigError, match=r"^hardware.threads=3: only 2 CPUs may be used"):
        check(composed("hardware.threads=3"))


@pytest.mark.parametrize(
    ("override", "key"),
    [
        (
            "framework.trainer=nonsense",
            f"framework.trainer=nonsense: no such trainer; choose from {', '.join(TRAINERS)}$",
        ),
        ("framework.trainer=jax.pool", "framework.trainer=jax.pool: no such trainer"),
        ("training.batch_size=0", "training.batch_size"),
        ("training.learning_rate=0", "training.learning_rate"),
        ("training.beta_2=1", "training.beta_2"),
        ("protocol.iterations=0", "protocol.iterations"),
        ("protocol.idle_s=-1", "protocol.idle_s"),
        ("protocol.timeout_s=0", "protocol.timeout_s"),
        ("training.epochs=0", "^training.epochs=0: must be at least 1$"),
        ("training.eval_batch_size=0", "^training.eval_batch_size=0: must be at least 1$"),
        ("training.beta_1=-0.1", "^training.beta_1=-0.1: must be at least 0 and below 1$"),
        ("training.epsilon=0", "^training.epsilon=0.0: must be above 0$"),
        ("training.seed=-1", "^training.seed=-1: must be at least 0$"),
        ("protocol.warmup_s=-1", "^protocol.warmup_s=-1.0: must be at least 0$"),
        ("protocol.baseline_s=-1", "^protocol.baseline_s=-1.0: must be at least 0$"),
        ("protocol.rest=cold", "^protocol.rest=cold: must be one of fixed, temperature$"),
        ("protocol.warmup=slow", "^protocol.warmup=slow: must be one of fixed, steady$"),
        ("protocol.warmup_minimum_s=-1", "^protocol.warmup_minimum_s=-1.0: must be at least 0$"),
        ("protocol.rest_margin_c=0", "^protocol.rest_margin_c=0.0: must be above 0$"),
        ("protocol.rest_max_s=0", "^protocol.rest_max_s=0.0: must be above 0$"),
        ("protocol.retries=-1", "^protocol.retries=-1: must be at least 0$"),
        ("hardware.max_background_load=1", "^hardware.max_background_load=1.0: must be at least 0 and below 1$"),
        ("meter.busy_w=0", "^meter.busy_w=0.0: must be above 0$"),
        ("meter.idle_w=-1", "^meter.idle_w=-1.0: must be at least 0$"),
        ("dataset.name=../x", r"^dataset.name=\.\./x: must be a name of letters, digits,"),
        ("dataset.source=web", "^dataset.source=web: no such loader; choose from digits, idx, .*synthetic$"),
        ("protocol.timeout_s=inf", "protocol.timeout_s=inf: must be a finite number"),
        ("protocol.idle_s=inf", "protocol.idle_s=inf: must be a finite number"),
        ("protocol.warmup_s=nan", "protocol.warmup_s=nan: must be a finite number"),
        ("training.learning_rate=inf", "training.learning_rate=inf: must be a finite number"),
        ("meter.busy_w=inf", "meter.busy_w=inf: must be a finite number"),
        ("dataset.connect_timeout_s=inf", "dataset.connect_timeout_s=inf: must be a finite number"),
        ("analysis.relevant_percent=inf", "analysis.relevant_percent=inf: must be a finite number"),
        ("hardware.threads=0", "hardware.threads"),
        ("hardware.threads=4096", "hardware.threads"),
        ("hardware.affinity=[99999]", "hardware.affinity"),
        ("hardware.affinity=[0,0]", "hardware.affinity=.*names nothing twice"),
        ("meter.interval_ms=1", "meter.interval_ms"),
        ("meter.interval_ms=10001", "meter.interval_ms=10001: must be 10 to 10000"),
        ("meter.columns=['A (J)','B (J)','A (J)']", r"meter.columns=.*names nothing twice"),
        ("experiment=''", "^experiment=: must be a name without '/'$"),
        ("experiment=a/b", "^experiment=a/b: must be a name without '/'$"),
        ("framework.name=''", "^framework.name=: must be a name$"),
        ("dataset.train_size=0", "dataset.train_size"),
        ("dataset.train_size=60001", "dataset.train_size"),
        ("dataset.train_size=32", "training.batch_size"),
        ("analysis.outliers=2sigma", "analysis.outliers"),
        ("model.layers=[{kind:dense,units:10,activation:softmax}]", "layer 0"),
        ("model.layers=[{kind:flatten},{kind:dense,units:7,activation:softmax}]", "units is 7"),
        ("model.layers=[]", "model.layers"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(composed, override, key):
    with pytest.raises(ConfigError, match=key):
        check(composed(override))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ["protocol.rest=temperature", "protocol.rest_max_s=59"],
            "^protocol.rest_max_s=59: must be at least protocol.idle_s=60, the shortest rest$",
        ),
        (["protocol.rest=temperature", "protocol.idle_s=0"], "^protocol.idle_s=0: must be above 0 with"),
        (
            ["protocol.warmup=steady", "protocol.warmup_minimum_s=301"],
            "^protocol.warmup_minimum_s=301: must be at most protocol.warmup_s=300, the longest warm-up$",
        ),
    ],
    ids=["longest rest", "no rest", "least warm-up"],
)
def test_no_least_is_above_its_most(composed, overrides, says):
    with pytest.raises(ConfigError, match=says):
        check(composed("protocol=study", *overrides))


def test_what_is_not_asked_for_is_not_held_to_that(composed):
    check(composed("protocol=study", "protocol.rest_max_s=59", "protocol.warmup_minimum_s=301"))
    check(composed("protocol=study", "protocol.rest=temperature", "protocol.warmup=steady"))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["track.tags.treatment=x"], "track.tags.treatment: joulebench fills this tag itself; choose another name"),
        (["track.tags={mlflow.user: me}"], "track.tags.mlflow.user: joulebench fills this tag itself"),
        (["track.tags={version.torch: '1'}"], "track.tags.version.torch: joulebench fills this tag itself"),
        (["track.tags={a@b: c}"], "track.tags.a@b: a tag's name has at most 250 letters"),
        ([f"track.tags.a={'x' * 4901}"], "track.tags.a: its value has 4901 characters; a store takes 4900"),
        (["track.model=true", "track.weights_max_mb=1"], "track.model=true: the weights of cnn take 1.07 MB; give "
         "track.weights_max_mb=2 or more"),
        (["track.model=true", "workload=inference"], "track.model=true: workload=inference trains no model"),
        (["track.weights_max_mb=-1"], "track.weights_max_mb=-1.0: must be at least 0"),
    ],
    ids=["the tool's", "MLflow's", "a version", "a name for no store", "long", "large", "no training", "negative"],
)  # fmt: skip
def test_what_cannot_be_filed_is_refused(composed, overrides, told):
    with pytest.raises(ConfigError) as refused:
        check(composed(*overrides))
    assert str(refused.value).startswith(told)


def test_own_tags_need_no_plus(composed):
    config = composed("track.tags.note=hello", "track.tags.n=3", "track.model=true")
    check(config)
    assert config.track.tags == {"note": "hello", "n": "3"}


def test_the_experiment_is_mlflows_where_none_is_given(composed, monkeypatch):
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    assert composed("training.seed=4").experiment == "joulebench"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the environment")
    assert composed("training.seed=5").experiment == "of the environment"
    assert composed("experiment=mine").experiment == "mine"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "/Users/somebody")
    with pytest.raises(ConfigError, match=r"^MLFLOW_EXPERIMENT_NAME=/Users/somebody: must be a name without"):
        check(composed("training.seed=6"))
