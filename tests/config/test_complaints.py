import dataclasses
import json
import shlex

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.config.command_words import for_hydra
from src.config.complaints import explain, explain_bare, explain_yaml, refuse_group_lists
from src.config.schema import register, typed
from src.errors import ConfigError
from src.paths import CONF


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epoch=1", "training.epoch: no such key; did you mean training.epochs?"),
        ("trainin.epochs=1", "did you mean training?"),
        ("meter.recordng=x", "meter.recordng: no such key; did you mean meter.recording?"),
        ("dataset.train_siz=1", "dataset.train_siz: no such key; did you mean dataset.train_size?"),
        ("framework.env.X=1", "framework.env.X: no such entry yet; add it with a plus: +framework.env.X=VALUE"),
        ("meter.options.x=1", "meter.options.x: no such entry yet; add it with a plus: +meter.options.x=VALUE"),
        ("+training.more=1", "training.more: no such key; 'training' has: epochs, batch_size"),
        (
            "training.epochs=abc",
            "training.epochs: Value 'abc' of type 'str' could not be converted to Integer",
        ),
        ("protocol.order=random", "protocol.order: Invalid value 'random', expected one of"),
        ("framework=pytorch", "framework=pytorch: no such option; did you mean framework=torch? choose from jax"),
        ("epochs=1", "epochs: no such key; did you mean training.epochs? there are: experiment"),
        ("framework=tf,", "framework=tf,: a list ends in a value and holds no blank, as in framework=A,B"),
        ("experiment=ä", "experiment=ä: put quotes around a value with such characters: \"experiment='"),
        ("framework=", "framework=: no such option; choose from jax"),
        ("framework=tf,torch", "To sweep over it, add --multirun"),
        (
            "analysis.compare=framework",
            "A list stands in brackets, even one of a single entry: 'analysis.compare=[NAME]'",
        ),
        ("framework.env.A=b", "framework.env.A: no such entry yet; add it with a plus: +framework.env.A=VALUE"),
        ("framework.env={A:b}", "framework.env.A: no such entry yet; add it with a plus"),
        ("hydra/launcher=joblib", "hydra/launcher=joblib: no such option; choose from basic"),
        ("hardware.device=tpu", "hardware.device: Invalid value 'tpu'"),
    ],
)
def test_one_line_names_the_key_and_the_remedy(override, expected):
    register()
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        pytest.raises((HydraException, OmegaConfBaseException)) as caught,
    ):
        typed(compose("config", overrides=[override]))
    line = explain(caught.value)
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "framework=tf",
            "framework=tf: the chosen workload has no framework; leave it out, or choose another workload",
        ),
        ("training=standard", "training=standard: the chosen workload has no training; leave it out"),
        ("workload.comand=ls", "did you mean workload.command?"),
        ("workload.environment.A=b", "no such entry yet; add it with a plus: +workload.environment.A=VALUE"),
        ("workload.metrics={lines:{unit:B}}", "workload.metrics.lines: no such entry yet; add it with a plus"),
        ("workload.exit_code=one", "workload.exit_code: Value 'one' of type 'str' could not be converted to Integer"),
        ('workload.command=sh -c "ls"', "Give a command with quotes or brackets as a list: 'workload.command=[sh,-c,"),
        ("workload.command=find {} x", "Give a command with quotes or brackets as a list"),
        ("workload.command=ls ${HOME}", r"workload.command: Interpolation key 'HOME' not found. Write \${...} where"),
    ],
)
def test_a_command_knows_no_framework(override, expected):
    register()
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        pytest.raises((HydraException, OmegaConfBaseException)) as caught,
    ):
        typed(compose("config", overrides=["workload=command", "workload.command=ls", override]))
    line = explain(caught.value)
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("overrides", "error", "expected"),
    [
        (
            ["workload=command", "training.epochs=2"],
            AssertionError,
            "training.epochs=2: the chosen workload has no training; leave it out, or choose another workload",
        ),
        (["framework=3"], ValueError, "Config group override must be a string or a list. Got int"),
    ],
)
def test_what_hydra_has_no_error_of_its_own_for_is_known_by_its_words(overrides, error, expected):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(error) as caught:
        compose("config", overrides=overrides)
    assert explain_bare(caught.value, ["-m", *overrides]) == expected


@pytest.mark.parametrize("error", [ValueError("no number"), AssertionError()])
def test_a_bug_is_not_explained_away(error):
    assert explain_bare(error, []) is None


def test_who_forgot_to_sweep_gets_the_whole_command():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as caught:
        compose("config", overrides=["framework=tf,torch"])
    told = explain(caught.value, ["framework=tf,torch", "experiment=my own"])
    assert told == (
        "framework=tf,torch: to compare these, add -m: python -m src.main -m framework=tf,torch 'experiment=my own'"
    )


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["+experiment=compres"],
            "+experiment=compres: no such option; did you mean +experiment=compress? ",
        ),
        (
            for_hydra(["experiment=ä"]),
            "experiment=ä: put quotes around a value with such characters: \"experiment='ä'\"",
        ),
        (
            ["+experiment=batch_sizes", "workload=command"],
            "experiment/batch_sizes.yaml chooses a framework: the chosen workload has no framework; leave it out",
        ),
    ],
    ids=["unknown", "umlaut", "another workload"],
)
def test_mistakes_about_experiments_are_told_in_the_users_words(overrides, said):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as caught:
        compose("config", overrides=overrides)
    assert explain(caught.value).startswith(said)


LAYER = "unit: a layer has no such key; did you mean units? it has: kind, filters, kernel, padding, activation, size, "


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            "training:\n  batchsize: 3\n",
            "experiment/own.yaml: training.batchsize: no such key; did you mean ",
        ),
        (
            "training:\n  epochs: many\n",
            "experiment/own.yaml: training.epochs: Value 'many' of type 'str' could",
        ),
        ("model:\n  layers:\n    - {kind: dense, unit: 3}\n", f"experiment/own.yaml: {LAYER}"),
    ],
    ids=["unknown key", "no number", "unknown key of a layer"],
)
def test_a_mistake_in_an_own_file_names_the_file(tmp_path, file, said):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(f"# @package _global_\n{file}")
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as caught:
        compose("config", overrides=[f"hydra.searchpath=[file://{tmp_path}]", "+experiment=own"])
    assert explain(caught.value).startswith(said)


def test_an_unknown_key_of_a_layer_names_those_of_layers():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(Exception, match="unit") as caught:
        typed(compose("config", overrides=["model.layers=[{kind:dense,unit:10}]"]))
    assert explain(caught.value).startswith(LAYER)


def test_a_value_with_quotes_is_shown_as_it_is_to_be_typed():
    (word,) = for_hydra(["experiment=it's mine"])
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as caught:
        compose("config", overrides=[word])
    typed_again = shlex.split(explain(caught.value).partition("such characters: ")[2])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert typed(compose("config", overrides=for_hydra(typed_again))).experiment == "it's mine"


def test_other_bugs_are_not_taken_for_the_users_mistakes():
    assert explain_bare(ValueError("x"), []) is None
    assert explain_bare(
        ValueError("Only one of --run, --multirun, --cfg, --info and --shell_completion can be specified"), []
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("framework=[tf,torch]", "a list would mix these into one; to compare them: -m framework=tf,torch"),
        ("dataset=[mnist,digits]", "to compare them: -m dataset=mnist,digits"),
        ("hardware.affinity=[0,1]", None),
        ("framework=tf,torch", None),
    ],
)
def test_a_list_of_options_is_refused(word, said):
    overrides = OverridesParser.create().parse_overrides([word])
    if said is None:
        refuse_group_lists(overrides)
        return
    with pytest.raises(ConfigError) as caught:
        refuse_group_lists(overrides)
    assert said in str(caught.value)


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 1\nepochs: [1\nbatch_size: 2\n")
    with path.open() as file, pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load(file)
    assert explain_yaml(caught.value).startswith(f"{path}, line 3: this is no YAML (")
    assert "\n" not in explain_yaml(caught.value)


def test_a_runs_own_configuration_can_be_run_again(composed):
    config = composed("training.epochs=2", "framework=jax")
    plain = OmegaConf.create(json.loads(json.dumps(dataclasses.asdict(config))))
    assert typed(plain) == config
