"""`experiment=NAME` is MLflow's experiment, `+experiment=NAME` a file of conf/experiment."""

import sys

import pytest
from hydra import compose, initialize_config_dir

from src.config.command_words import EXAMPLES, FOLDER, as_typed, example_meant, for_hydra, handed_to_hydra
from src.config.schema import register, typed
from src.errors import ConfigError
from src.paths import CONF

EXAMPLE = "batch_sizes"


@pytest.mark.parametrize(
    "word",
    [
        "experiment=mine",
        "++experiment=mine",
        f"experiment={EXAMPLE}",
        "experiment='a,b'",
        "experiment=3",
        "experiment=ä b",
    ],
)
def test_hydra_is_given_the_name_under_a_key_that_is_no_group(word):
    (given,) = for_hydra([word])
    assert given == f"++experiment_name={word.partition('=')[2]}"
    assert as_typed([given]) == [f"experiment={word.partition('=')[2]}"]


@pytest.mark.parametrize("word", [f"{EXAMPLES}{EXAMPLE}", "framework=tf", "experiment_name=x", "~experiment"])
def test_all_other_words_stay(word):
    assert for_hydra([word]) == [word]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("experiment=a,b", "To compare files of conf/experiment: -m +experiment=a,b"),
        ("experiment=range(3)", "give one name"),
        ("experiment=null", "this is no name; write experiment=NAME"),
        ("experiment=[a]", "this is no name"),
    ],
)
def test_several_experiments_and_none_are_refused(word, said):
    with pytest.raises(ConfigError, match="experiment=") as caught:
        for_hydra([word])
    assert said in str(caught.value)


def test_the_name_comes_before_that_of_any_file():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        chosen = typed(compose("config", overrides=[f"{EXAMPLES}{EXAMPLE}"]))
        named = typed(compose("config", overrides=for_hydra([f"{EXAMPLES}{EXAMPLE}", "experiment=mine"])))
    assert (chosen.experiment, named.experiment) == (EXAMPLE, "mine")
    assert named.experiment_name is None
    assert named.training == chosen.training


def test_whoever_may_have_meant_an_example_is_told():
    assert f"is {EXAMPLES}{EXAMPLE}" in example_meant(["framework=tf", f"experiment={EXAMPLE}"])
    assert example_meant([f"experiment={EXAMPLE}", f"{EXAMPLES}{EXAMPLE}"]) == ""
    assert example_meant(["experiment=../config", "experiment=mine"]) == ""
    assert (FOLDER / f"{EXAMPLE}.yaml").is_file()


def test_afterwards_the_command_line_is_what_was_typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["main.py"])
    with handed_to_hydra(["experiment=mine"]):
        assert sys.argv == ["main.py", "++experiment_name=mine"]
    assert sys.argv == ["main.py", "experiment=mine"]
