"""How energy is known, in words."""

import pytest

from src.figures.kinds import kind_text, not_measured


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ([], ""),
        (["measured"], ""),
        (["estimated", "estimated"], "ESTIMATED, not measured"),
        (["estimated", "measured"], "1 of 2 runs ESTIMATED, not measured"),
        (["nan"], "NAN: how this energy is known, nobody noted"),
    ],
)
def test_kind_text(kinds: list[str], text: str) -> None:
    assert kind_text(kinds) == text


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["measured"], "", id="measured"),
        pytest.param(["imported"], "IMPORTED", id="other"),
        pytest.param(["measured", "imported"], "partly IMPORTED", id="mixed"),
        pytest.param(["replayed", "measured", "estimated"], "partly ESTIMATED and REPLAYED", id="three"),
    ],
)
def test_energy_that_is_partly_measured_is_not_said_to_be_all_of_another_kind(kinds, expected):
    assert not_measured(kinds) == expected
