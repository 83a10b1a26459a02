"""`--help` tells every key in the words of the comment above its field."""

import dataclasses
from typing import get_args, get_type_hints

import pytest
from hydra import compose, initialize_config_dir

from src.config.meanings import key_help, meanings
from src.config.schema import Config, MeterConfig, ProtocolConfig, register
from src.paths import CONF

GROUPS = {
    name: next(kind for kind in (hint, *get_args(hint)) if dataclasses.is_dataclass(kind))
    for name, hint in get_type_hints(Config).items()
    if any(dataclasses.is_dataclass(kind) for kind in (hint, *get_args(hint)))
}


@pytest.mark.parametrize("of", [*GROUPS.values()], ids=[*GROUPS])
def test_every_key_says_what_it_means(of):
    told = meanings(of)
    assert [field.name for field in dataclasses.fields(of) if not told.get(field.name)] == []


def test_keys_at_the_top_say_what_they_mean():
    assert {name for name, text in meanings(Config).items() if not text} == set(GROUPS)


def test_it_is_the_first_sentence_of_the_comment():
    assert meanings(ProtocolConfig)["iterations"] == "Blocks; each holds every treatment once."
    assert meanings(MeterConfig)["interval_ms"] == "Milliseconds between two samples."
    assert meanings(MeterConfig)["binary"].startswith("EnergiBridge's program")  # of a base


def test_each_key_is_one_line_with_its_value():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["workload=inference", "training.epochs=7", "tracking_uri='http://me:secret@host'"]
        text = key_help(compose("config", overrides=words))
    lines = {line.partition(": ")[0]: line for line in text.splitlines()}
    assert lines["training.epochs"].split(None, 2)[1:] == ["7", "How often every training image is used."]
    assert "inference.weights_from: torch " in lines["inference.weights_from"]
    assert lines["model.layers"].startswith("model.layers: [{kind: conv, filters...")
    assert "secret" not in text
    assert "$$JOULEBENCH_OUTCOME" in lines["workload.metrics"]  # as Hydra's template takes a dollar


def test_a_workload_tells_only_its_own_keys():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        text = key_help(compose("config", overrides=["workload=command", "workload.command=ls"]))
    assert "workload.command: ls " in text
    assert "training.epochs" not in text
