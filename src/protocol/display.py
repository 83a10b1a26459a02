"""What the terminal shows while a sweep runs: a live view on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from src.protocol.outcomes import Outcome, significant

LAST_RESULTS = 6
PLAIN_WIDTH = 120
REFRESH_PER_S = 1.0
"""Drawing costs time on the measured machine, so it is done seldom."""


@dataclass
class View:
    """All that the live view shows; times are monotonic seconds."""

    title: str = ""
    total: int = 0
    done: int = 0
    now: str = ""
    now_since: float = field(default_factory=time.monotonic)
    now_until: float | None = None
    next: str = ""
    left_s: float = 0.0
    left_since: float = field(default_factory=time.monotonic)
    results: deque[tuple[str, Outcome]] = field(default_factory=lambda: deque(maxlen=LAST_RESULTS))


class Display:
    """Shows a sweep's progress. Use as `with display.live(): ...`; every call also works without it."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _console()
        self.view = View()

    @contextmanager
    def live(self, title: str, total: int) -> Iterator[None]:
        """Keep the live view on screen during the body; does nothing where the output is no terminal."""
        self.view = View(title=title, total=total)
        if not self.console.is_terminal:
            yield
            return
        with Live(
            get_renderable=lambda: render(self.view, time.monotonic()),
            console=self.console,
            refresh_per_second=REFRESH_PER_S,
        ):
            yield

    def say(self, text: str, style: str = "") -> None:
        """Print one line for good."""
        stamp = "" if self.console.is_terminal else f"{datetime.now():%H:%M:%S} "
        self.console.print(Text(stamp + text, style=style), soft_wrap=True)

    def stage(self, text: str, seconds: float) -> None:
        """Something that takes `seconds` begins: the baseline, the warm-up, a rest."""
        self.view.now, self.view.now_since = text, time.monotonic()
        self.view.now_until = self.view.now_since + seconds
        if not self.console.is_terminal:
            self.say(f"{text}, {duration(seconds)}")

    def started(self, text: str, following: str, left_s: float) -> None:
        """A run begins; `following` says what comes after it."""
        self.view.now, self.view.now_since, self.view.now_until = text, time.monotonic(), None
        self.view.next, self.view.left_s, self.view.left_since = following, left_s, time.monotonic()

    def finished(self, where: str, outcome: Outcome) -> None:
        """A run ended well."""
        self.view.done += 1
        self.view.results.append((where, outcome))
        if not self.console.is_terminal:
            m = outcome.metrics
            self.say(
                f"{where}: {significant(m['energy_j'])} J ({outcome.energy_kind}), "
                f"{significant(m['duration_s'])} s, {significant(m['power_w'])} W, "
                f"accuracy {100 * m['accuracy']:.2f} %, about {duration(self.left_s())} left"
            )

    def left_s(self) -> float:
        """Seconds left by the last estimate, less what has passed since."""
        return max(0.0, self.view.left_s - (time.monotonic() - self.view.left_since))


def _console() -> Console:
    """The terminal, or plain output that is wide enough for every table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def render(view: View, now: float) -> RenderableType:
    """The live view at a moment (monotonic seconds)."""
    left = max(0.0, view.left_s - (now - view.left_since))
    progress = Table.grid(expand=True, padding=(0, 1))
    progress.add_column(ratio=1)
    progress.add_column(justify="right", no_wrap=True)
    end = f", about {duration(left)} left, until {datetime.now() + timedelta(seconds=left):%H:%M}" if left else ""
    progress.add_row(ProgressBar(total=max(view.total, 1), completed=view.done), f"{view.done}/{view.total} runs{end}")
    elapsed = now - view.now_since
    timing = duration(elapsed) if view.now_until is None else f"{duration(max(0.0, view.now_until - now))} left"
    lines: list[RenderableType] = [progress, Text(f"now   {view.now}, {timing}", style="bold")]
    if view.next:
        lines.append(Text(f"next  {view.next}", style="dim"))
    if view.results:
        lines.append(_results(list(view.results)))
    return Panel(Group(*lines), title=view.title, title_align="left")


def duration(seconds: float) -> str:
    """Seconds in words: `42 s`, `3 min 05 s`, `2 h 40 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _results(results: Sequence[tuple[str, Outcome]]) -> Table:
    kinds = sorted({outcome.energy_kind for _, outcome in results})
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("last results", no_wrap=True)
    for heading in (f"energy J ({', '.join(kinds)})", "time s", "power W", "accuracy %"):
        table.add_column(heading, justify="right")
    for where, outcome in results:
        m = outcome.metrics
        table.add_row(
            where,
            significant(m["energy_j"]),
            significant(m["duration_s"]),
            significant(m["power_w"]),
            f"{100 * m['accuracy']:.2f}",
        )
    return table
