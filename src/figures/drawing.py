"""What every drawing function returns: a figure with its caption, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """`name` is the file's; `caption` says what is seen and how to read it, so it also serves as text for the blind.

    Where the data do not allow the figure, `figure` is None and `reason` says why.
    """

    name: str
    caption: str
    figure: Figure | None = None
    reason: str | None = None


def left_out(names: Sequence[str], reason: str) -> str:
    """The end of a caption: whom the figure does not show, and why; empty where it shows all."""
    return f" Not drawn, for {reason}: {', '.join(names)}." if names else ""


def not_drawn(name: str, reason: str) -> Drawing:
    """A figure that these data do not allow."""
    return Drawing(name, "", None, reason)
