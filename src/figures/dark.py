"""The colours of a drawing on dark paper: rules inside the SVG, so that one file serves light and dark pages."""

from __future__ import annotations

import colorsys
import re

from src.figures.style import ON_PAINT

PAPER = "#14171c"
"""As the page has it."""
LEAST_CONTRAST = 4.5
"""Of what must be seen beside the paper: that of texts (WCAG 2.2, success criterion 1.4.3)."""
BRIGHT, DIM = 0.93, 0.18
"""Lightness of what is black, or white, on white paper."""
PALE, GREYISH = 0.8, 0.12
"""From this lightness on a colour is a background; up to this saturation it is a grey."""
STEPS = 50

COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")


def with_dark_colours(svg: str) -> str:
    """The SVG with a rule for each of its colours that holds where the reader prefers dark pages.

    Attributes win over rules unless these are important; texts on painted bars keep their ink.
    """
    found = sorted(set(COLOUR.findall(svg)))
    rules = [
        f'[style*="{kind}: {colour}"] {{{kind}: {dark(colour)} !important}}'
        for kind, colour in found
        if colour != ON_PAINT
    ]
    style = f"@media (prefers-color-scheme: dark) {{{' '.join(rules)}}}"
    return svg.replace("</style>", f"\n{style}</style>", 1)


def dark(colour: str) -> str:
    """What a colour (`#rrggbb`) becomes: greys and backgrounds are turned over, others as light as is needed."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    if saturation <= GREYISH or lightness >= PALE:
        turned = DIM + (1 - lightness) * (BRIGHT - DIM)
        return PAPER if lightness == 1 else _hex(colorsys.hls_to_rgb(hue, turned, min(saturation, 0.5)))
    lighter = (lightness + (1 - lightness) * step / STEPS for step in range(STEPS))
    tried = (_hex(colorsys.hls_to_rgb(hue, each, saturation)) for each in lighter)
    return next(each for each in tried if contrast(each, PAPER) >= LEAST_CONTRAST)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, brighter = sorted((_luminance(one), _luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hex(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
