import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.errors import ConfigError
from src.plan.treatments import expand, slug


def expand_line(*arguments):
    return expand(OverridesParser.create().parse_overrides(list(arguments)))


@pytest.mark.parametrize(
    ("arguments", "labels"),
    [
        pytest.param(["framework=tf,torch,jax"], ["tf", "torch", "jax"], id="frameworks"),
        pytest.param(
            ["framework=torch,jax", "training.batch_size=32,64"],
            [
                "torch training.batch_size=32",
                "torch training.batch_size=64",
                "jax training.batch_size=32",
                "jax training.batch_size=64",
            ],
            id="two factors",
        ),
        pytest.param(["training.epochs=range(1,4)"], [f"training.epochs={n}" for n in (1, 2, 3)], id="range"),
        pytest.param(["framework=torch", "training.epochs=1"], [""], id="nothing varies"),
        pytest.param(["framework=torch,jax", "framework=tf"], [""], id="the last word counts"),
    ],
)
def test_each_combination_is_one_treatment(arguments, labels):
    assert [treatment.label for treatment in expand_line(*arguments)] == labels


def test_overrides_that_do_not_vary_are_part_of_every_treatment():
    overrides = [t.overrides for t in expand_line("framework=torch,jax", "training.epochs=1")]
    assert overrides == [("framework=torch", "training.epochs=1"), ("framework=jax", "training.epochs=1")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["framework=torch,torch"], "listed twice", id="twice"),
        pytest.param(["training.epochs=interval(1,3)"], "list them", id="interval"),
        pytest.param(["training.epochs=range(3,3)"], "holds no value", id="empty range"),
    ],
)
def test_senseless_sweeps_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        expand_line(*arguments)


def test_slug_is_safe_in_a_file_name():
    assert slug("torch model.layers=[{a: 1}]/x") == "torch-model.layers=--a--1---x"


@pytest.mark.parametrize("letter", ["x", "ü", "語"])
def test_a_long_slug_is_cut_and_still_tells_labels_apart(letter):
    labels = [f"torch model.layers={letter * 300}{last}" for last in "ab"]
    slugs = {slug(label) for label in labels}
    assert len(slugs) == 2
    assert all(len(each.encode()) <= 80 and each.startswith(f"torch-model.layers={letter}") for each in slugs)
