"""Colours that stay the same, and that colour-blind readers can tell apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from src.analysis.values import Sample
from src.figures.looks import colours, family, markers, phase_colours
from tests.made_runs import factors_of

SIX = factors_of(["torch", "torch_tuned", "tf", "tf_tuned", "jax", "jax_tuned"])
BATCHES = factors_of(f"torch training.batch_size={size}" for size in (8, 16, 32, 64, 128, 256))

# Machado, Oliveira and Fernandes (2009), full severity, for linear RGB.
BLINDNESS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(colour: str, blindness: str) -> Sample:
    """CIELAB (3,) of a colour as it looks with this colour vision."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(BLINDNESS[blindness] @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(shades: list[str], blindness: str) -> float:
    """Smallest distance (CIE76) between two of the colours."""
    return min(
        float(np.linalg.norm(seen(a, blindness) - seen(b, blindness))) for a, b in itertools.combinations(shades, 2)
    )


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("treatments", [SIX, BATCHES], ids=["frameworks", "one-family"])
def test_colours_differ_for_every_colour_vision(treatments: dict[str, dict[str, str]], blindness: str) -> None:
    assert nearest(list(colours(treatments).values()), blindness) > 10


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_stand_out_from_white(blindness: str) -> None:
    white = seen("#ffffff", blindness)
    assert all(np.linalg.norm(seen(c, blindness) - white) > 25 for c in colours(SIX).values())


def test_colours_do_not_depend_on_order() -> None:
    assert colours(SIX) == colours(dict(reversed(SIX.items())))
    assert markers(SIX) == markers(dict(reversed(SIX.items())))


def test_a_framework_keeps_its_colour_beside_its_variants() -> None:
    alone, beside = colours(factors_of(["torch"])), colours(factors_of(["torch", "jax"]))
    assert colours(SIX)["torch"] == alone["torch"] == beside["torch"]


def test_twelve_treatments_have_colours_and_markers_of_their_own() -> None:
    names = ("tf", "torch", "jax", "mxnet")
    twelve = factors_of(f"{name} training.batch_size={size}" for name in names for size in (16, 32, 64))
    assert len(set(colours(twelve).values())) == len(set(markers(twelve).values())) == 12


def test_shades_follow_numbers_by_their_size() -> None:
    lightness = [seen(colours(BATCHES)[name], "normal")[0] for name in BATCHES]
    assert lightness == sorted(lightness)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({"framework": "torch"}, "torch"),
        ({"framework": "torch_tuned"}, "torch"),
        ({"framework": "tf", "training.batch_size": "32"}, "tf"),
        ({"training.batch_size": "32"}, "training.batch_size"),
        ({"workload.command": "gzip -9 big"}, "gzip -9 big"),
        ({"workload.command": "gzip", "hardware.threads": "2"}, "gzip"),
        ({}, "alone"),
    ],
    ids=str,
)
def test_family(factors: dict[str, str], expected: str) -> None:
    assert family("alone", factors) == expected


@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_commands_have_colours_of_their_own(n: int) -> None:
    commands = {f"c{k}": {"workload.command": f"run {k}x"} for k in range(n)}
    assert len(set(colours(commands).values())) == n


def test_phases_of_a_training_keep_their_colours_beside_others() -> None:
    known = phase_colours(["import", "data", "build", "train", "evaluate"])
    other = phase_colours(["import", "warmup", "infer"])
    assert other["import"] == known["import"]
    assert len(set(known.values())) == 5
    assert len(set(other.values())) == 3
