import itertools

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.config.schema import register
from src.errors import ConfigError
from src.paths import CONF
from src.plan.sweep_plan import make_plan
from src.plan.treatments import expand, labelled, slug


def expand_line(*arguments):
    return expand(OverridesParser.create().parse_overrides(list(arguments)))


@pytest.fixture
def labels_of(composed):
    """The labels that a command line's treatments get."""

    def label(*arguments):
        treatments = expand_line(*arguments)
        configs = [composed(*treatment.overrides) for treatment in treatments]
        return [treatment.label for treatment in labelled(treatments, configs)]

    return label


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
        pytest.param(["framework=jax", "training.epochs=1"], ["jax"], id="nothing varies"),
        pytest.param(["framework=torch,jax", "framework=tf"], ["tf"], id="the last word counts"),
        pytest.param([], ["torch"], id="nothing is said"),
        pytest.param(
            ["workload=command", "workload.command='gzip -9 big','xz -9 big'"], ["gzip", "xz"], id="two programs"
        ),
        pytest.param(
            ["workload=command", "workload.command='gzip -1 x','gzip -9 x'"], ["gzip -1", "gzip -9"], id="one program"
        ),
        pytest.param(["workload=command", "workload.command='gzip -9 big'"], ["gzip"], id="one command"),
        pytest.param(["workload=command", "workload.command=ls", "workload.name=a,b"],
                     ["a", "b"], id="only names"),
        pytest.param(["workload=command", "workload.command=ls", "workload.name='my own'"], ["my own"], id="a name"),
        pytest.param(
            ["workload=command", "workload.command='gzip -9 big','xz -9 big'", "protocol.idle_s=1,2"],
            ["gzip protocol.idle_s=1", "gzip protocol.idle_s=2", "xz protocol.idle_s=1", "xz protocol.idle_s=2"],
            id="commands and another factor",
        ),
    ],
)  # fmt: skip
def test_each_combination_is_one_treatment(labels_of, arguments, labels):
    assert labels_of(*arguments) == labels


@pytest.mark.parametrize(
    ("arguments", "factors"),
    [
        pytest.param(["framework=torch", "training.epochs=1"], [{}], id="nothing varies"),
        pytest.param(
            ["framework=torch,jax", "training.epochs=1"],
            [{"framework": "torch"}, {"framework": "jax"}],
            id="one varies",
        ),
        pytest.param(
            ["+framework.env.A='x y',z", "training.batch_size=32"],
            [{"framework.env.A": "x y"}, {"framework.env.A": "z"}],
            id="an added key",
        ),
        pytest.param(["framework=torch,jax", "framework=tf"], [{}], id="the last word counts"),
        pytest.param(
            ["training.seed=1,2", "model.layers=[{kind:flatten}],[]"],
            [
                {"training.seed": seed, "model.layers": layers}
                for seed, layers in itertools.product(("1", "2"), ("[{kind:flatten}]", "[]"))
            ],
            id="two vary",
        ),
        pytest.param(["experiment=a\\,b,'1'"], [{"experiment": "a,b"}, {"experiment": "1"}], id="commas and quotes"),
    ],
)
def test_factors_are_the_keys_that_the_sweep_goes_over(arguments, factors):
    assert [treatment.factors for treatment in expand_line(*arguments)] == factors


@pytest.mark.parametrize(
    "value",
    ["plain", "'x y'", "'it\\'s'", "'1'", "[a,'b c']", "{a: 1}", "a\\,b", "null", "1e-7", "'\\\\'", '"a"'],
    ids=str,
)
def test_a_value_is_handed_on_as_it_was_meant(value):
    parser = OverridesParser.create()
    meant = parser.parse_override(f"experiment={value}").value()
    first, _ = expand_line(f"experiment={value},other")
    assert parser.parse_override(first.overrides[0]).value() == meant


def test_a_glob_takes_the_options_that_it_fits():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(["framework=glob(*,exclude=*_tuned)"])
        assert [t.factors["framework"] for t in expand(overrides)] == ["jax", "tf", "torch"]


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


def test_equal_names_are_refused(composed):
    treatments = expand_line("workload=command", "workload.command='ls -a','ls  -a'", "workload.name=mine")
    configs = [composed(*treatment.overrides) for treatment in treatments]
    with pytest.raises(ConfigError, match=r"several treatments are called 'mine ls'; give each its own workload\.name"):
        make_plan("s", treatments, configs)


def test_slug_is_safe_in_a_file_name():
    assert slug("torch model.layers=[{a: 1}]/x") == "torch-model.layers=--a--1---x"


@pytest.mark.parametrize("letter", ["x", "ü", "語"])
def test_a_long_slug_is_cut_and_still_tells_labels_apart(letter):
    labels = [f"torch model.layers={letter * 300}{last}" for last in "ab"]
    slugs = {slug(label) for label in labels}
    assert len(slugs) == 2
    assert all(len(each.encode()) <= 80 and each.startswith(f"torch-model.layers={letter}") for each in slugs)
