"""The network's architecture, drawn from the model's list of layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from src.figures.drawing import Drawing, not_drawn
from src.figures.numbers import count, quantity
from src.figures.style import GREY, INK, house_style, new_figure
from src.figures.units import number

Layer = Mapping[str, Any]
Shape = tuple[int, ...]

NAME = "architecture"
ROW_IN = 0.42
WIDTH = 3.2
BLOCK_X, TEXT_X, SHAPE_X, COUNT_X = 0.38, 0.76, 2.5, 3.2
FACES = {
    "input": "#dddddd",
    "conv": "#6699cc",
    "max_pool": "#ee99aa",
    "avg_pool": "#ee99aa",
    "flatten": "#ffffff",
    "dense": "#eecc66",
}
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh", "softmax": "softmax"}


@dataclass(frozen=True)
class Step:
    """What a layer gives for one image: its output's shape, its parameters, its multiply-adds."""

    shape: Shape
    parameters: int = 0
    products: int = 0


def follow(layers: Sequence[Layer], input_shape: Shape) -> list[Step]:
    """An image's way through the layers; raises ValueError where a layer does not fit the one before."""
    steps: list[Step] = []
    shape = input_shape
    for layer in layers:
        steps.append(_step(layer, shape))
        shape = steps[-1].shape
    return steps


def flop(steps: Sequence[Step]) -> tuple[int, int]:
    """Floating-point operations of one image, forward, and forward and backward; a multiply-add counts as two.

    The backward pass costs one product for the kernel's gradient and one for the input's, which the first layer spares.
    """
    products = [step.products for step in steps if step.products] or [0]
    return 2 * sum(products), 2 * (3 * sum(products) - products[0])


def _step(layer: Layer, before: Shape) -> Step:
    kind = layer["kind"]
    if kind == "flatten":
        return Step((math.prod(before),))
    if kind == "dense":
        if len(before) != 1:
            raise ValueError(f"a dense layer after shape {before}, without a flatten layer between them")
        return Step((layer["units"],), (before[0] + 1) * layer["units"], before[0] * layer["units"])
    height, width, channels = before
    window, stride = layer.get("kernel", layer.get("size")), layer.get("stride", 1)
    if layer.get("padding") != "same":
        height, width = ((size - window) // stride + 1 for size in (height, width))
    if kind != "conv":
        return Step((height, width, channels))
    filters, inputs = layer["filters"], window**2 * channels
    return Step((height, width, filters), (inputs + 1) * filters, height * width * filters * inputs)


@house_style()
def draw_architecture(layers: Sequence[Layer], input_shape: Shape, name: str = "") -> Drawing:
    """From top to bottom, a row for each layer: a block in the shape of its output, its settings, its numbers."""
    try:
        steps = follow(layers, tuple(input_shape))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return not_drawn(NAME, f"the model's layers are no network ({error})")
    shapes = [tuple(input_shape), *(step.shape for step in steps)]
    figure = new_figure(ROW_IN * len(shapes) + 0.65)
    axes = figure.add_subplot()
    axes.set(xlim=(0, WIDTH), ylim=(len(shapes) - 0.4, -0.95), aspect="auto")
    axes.set_axis_off()
    _draw_header(axes)
    counts = [0, *(step.parameters for step in steps)]
    texts = [("input", "images"), *(_describe(layer) for layer in layers)]
    kinds = ["input", *(str(layer["kind"]) for layer in layers)]
    for row, (shape, n, text, kind) in enumerate(zip(shapes, counts, texts, kinds, strict=True)):
        _draw_row(axes, row, shape, n, text)
        _draw_block(axes, row, shape, shapes[0], FACES[kind])
        if row:
            axes.annotate(
                "", (BLOCK_X, row - 0.36), (BLOCK_X, row - 0.64),
                arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 0.7, "mutation_scale": 5},
            )  # fmt: skip
    return Drawing(NAME, _caption(name, steps), figure)


def _draw_header(axes: Axes) -> None:
    bold: dict[str, Any] = {"fontweight": "bold", "va": "center"}
    axes.text(TEXT_X, -0.7, "Layer", **bold)
    axes.text(SHAPE_X, -0.7, "Output", ha="right", **bold)
    axes.text(COUNT_X, -0.7, "Parameters", ha="right", **bold)
    axes.plot([0, WIDTH], [-0.48, -0.48], color=INK, linewidth=0.6)


def _draw_row(axes: Axes, row: int, shape: Shape, n_parameters: int, text: tuple[str, str]) -> None:
    axes.text(TEXT_X, row - 0.02, text[0], va="bottom", fontweight="bold")
    axes.text(TEXT_X, row + 0.02, text[1], va="top", color=GREY)
    axes.text(SHAPE_X, row, " × ".join(number(size) for size in shape), va="center", ha="right")
    axes.text(COUNT_X, row, number(n_parameters), va="center", ha="right")


def _draw_block(axes: Axes, row: int, shape: Shape, images: Shape, colour: str) -> None:
    """Height and width of the images to scale with the input's, channels and units by their logarithm."""
    if len(shape) == 3:
        tall = 0.52 * max(shape[0] / images[0], 0.12)
        wide = 0.2 * max(shape[1] / images[1], 0.12)
        deep = 0.04 + 0.045 * math.log2(max(shape[2], 1))
    else:
        tall, wide, deep = 0.07, 0.015, 0.06 + 0.045 * math.log2(max(shape[0], 1))
    left, top = BLOCK_X - (wide + deep) / 2, row - tall / 2
    slant = min(0.1, 0.35 * tall)
    lid = [(left, top + slant), (left + wide, top), (left + wide + deep, top), (left + deep, top + slant)]
    body = [(left, top + slant), (left + deep, top + slant), (left + deep, top + tall), (left, top + tall)]
    right = [
        (left + deep, top + slant),
        (left + deep + wide, top),
        (left + deep + wide, top + tall - slant),
        (left + deep, top + tall),
    ]
    for corners, alpha in ((body, 1.0), (lid, 0.75), (right, 0.55)):
        axes.add_patch(Polygon(corners, facecolor="white", edgecolor="none"))
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=alpha, edgecolor=INK, linewidth=0.5))


def _describe(layer: Layer) -> tuple[str, str]:
    kind = layer["kind"]
    activation = ACTIVATIONS.get(str(layer.get("activation")), "")
    if kind == "conv":
        return "convolution", ", ".join(
            filter(None, [f"{layer['kernel']} × {layer['kernel']}", layer["padding"], activation])
        )
    if kind in ("max_pool", "avg_pool"):
        title = "max pooling" if kind == "max_pool" else "average pooling"
        return title, f"{layer['size']} × {layer['size']}, stride {layer['stride']}"
    if kind == "dense":
        return "dense", activation or "linear"
    return str(kind), "rows, columns, channels"


def _caption(name: str, steps: Sequence[Step]) -> str:
    parameters = count(sum(step.parameters for step in steps), "parameter")
    forward, both = (quantity(work / 1e9, "GFLOP", 3) for work in flop(steps))
    return (
        f"Architecture of the network{' ' + name if name else ''}: {parameters}; {forward} per image forward, {both}"
        " forward and backward. Blocks show the output's shape: the image to scale, channels and units by their"
        " logarithm."
    )
