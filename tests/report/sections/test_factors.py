"""What is said of two factors, as the numbers have it."""

import numpy as np
import pytest

from src.report.sections.answer import answer
from src.report.sections.factors import factors
from tests.made_runs import analyse


def crossed(runs_of, corner, **columns):
    """Two frameworks with two batch sizes, ten blocks; the last combination takes `corner` times as much."""
    rng = np.random.default_rng(3)
    means = {"tf training.batch_size=16": 150, "tf training.batch_size=64": 100,
             "jax training.batch_size=16": 240 * corner, "jax training.batch_size=64": 160}  # fmt: skip
    runs = runs_of({name: mean * (1 + 0.004 * rng.standard_normal(10)) for name, mean in means.items()}, **columns)
    return runs.assign(framework=runs["treatment"].str.split().str[0])


def text_of(analysis):
    (section,) = factors(analysis, ())
    return " ".join(block.text for block in section.blocks if block.block == "paragraph").replace(
        "\u202f", " "
    ), section


def test_an_interaction_is_said_before_the_effects_and_in_the_answer(runs_of, analysis_config):
    analysis = analyse(crossed(runs_of, 1.3), analysis_config)
    text, section = text_of(analysis)
    assert "What framework does depends on batch_size: " in text
    assert "so the pairs count" in text
    assert any("depends on batch_size" in sentence for sentence in answer(analysis, {"measured": 40}))
    effects, cells = (block for block in section.blocks if block.block == "table")
    assert [row[:3] for row in effects.rows] == [("framework", "jax", "tf"), ("batch_size", "16", "64")]
    assert len(cells.rows) == 4
    assert ("jax batch_size=16", "higher, matters") in [(row[0], row[-1]) for row in cells.rows]
    assert cells.rows[0][1].startswith(("+6.", "+7."))


def test_factors_that_act_on_their_own_are_said_to(runs_of, analysis_config):
    analysis = analyse(crossed(runs_of, 1.0), analysis_config)
    text, _ = text_of(analysis)
    assert "framework and batch_size act on their own: no combination is 5 % away" in text
    assert not any("depends on" in sentence for sentence in answer(analysis, {"measured": 40}))


def test_what_cannot_be_told_is_said(runs_of, analysis_config):
    text, _ = text_of(analyse(crossed(runs_of, 1.3, **{"params.protocol.order": "fixed"}), analysis_config))
    assert text.startswith("What framework and batch_size do each and together cannot be told: they always ran in")


@pytest.mark.parametrize("names", [("a", "b"), ("a x=1", "a x=2")])
def test_other_designs_have_no_such_section(runs_of, analysis_config, names):
    energies = {name: 100 + np.arange(5.0) for name in names}
    assert factors(analyse(runs_of(energies), analysis_config), ()) == []
