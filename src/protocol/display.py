"""What the terminal shows while a sweep runs: a live view on a terminal, plain lines anywhere else."""

from __future__ import annotations

import re
import textwrap
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from src.contract.record import Run, headlines
from src.protocol.outcomes import heading_of, significant, told, value_of
from src.public import shown

LAST_RESULTS = 6
OF_A_NUMBER = re.compile(r"(?<=\d) (?=[^\W\d]{1,3}\b|%)|(?<=\d min) (?=\d\d s)|(?<=\d h) (?=\d\d min)")
NO_BREAK = "\xa0"
"""The blank between a number and its unit, and one that no line is broken at."""
PLAIN_WIDTH = 120
ECHO = len("^C")
"""Columns left free for what the terminal itself writes at a Ctrl-C, which else begins a line that is not counted."""
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
    left_s: float | None = None
    left_since: float = field(default_factory=time.monotonic)
    results: deque[tuple[str, Run]] = field(default_factory=lambda: deque(maxlen=LAST_RESULTS))


class Display:
    """Shows a sweep's progress. Use as `with display.live(): ...`; every call also works without it."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _console()
        self.view = View()
        self._said: set[str] = set()

    @contextmanager
    def live(self, title: str, total: int, done: int = 0) -> Iterator[None]:
        """Keep the live view on screen during the body; does nothing where the output is no terminal."""
        self.view = View(title=title, total=total, done=done)
        with self.showing(lambda: render(self.view, time.monotonic())):
            try:
                yield
            finally:
                self.view.now = self.view.next = ""
                self.view.left_s = None

    @contextmanager
    def showing(self, made: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep what `made` gives on screen during the body; does nothing where the output is no terminal."""
        if not self.console.is_terminal:
            yield
            return

        def narrower() -> RenderableType:
            return Constrain(made(), self.console.width - ECHO)

        with Live(get_renderable=narrower, console=self.console, refresh_per_second=REFRESH_PER_S):
            yield

    def say(self, text: str, style: str = "") -> None:
        """Print one line for good, on a terminal as several where it is longer, which break no word."""
        if self.console.is_terminal:
            text = "\n".join(_broken(line, self.console.width) for line in text.split("\n"))
        self.copied(text, style)

    def copied(self, text: str, style: str = "") -> None:
        """Print what is to be copied, an address or a command, with no other breaks than the terminal's own."""
        stamp = "" if self.console.is_terminal else f"{datetime.now():%H:%M:%S} "
        self.console.print(Text(stamp + shown(text), style=style), soft_wrap=True)

    def once(self, text: str) -> None:
        """Print one line for good, unless it was said already."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def plain(self, text: str) -> None:
        """Print one line where no live view shows it."""
        if not self.console.is_terminal:
            self.say(text)

    def stage(self, text: str, seconds: float) -> None:
        """Something that takes `seconds` begins: the baseline, the warm-up, a rest."""
        self.view.now, self.view.now_since = text, time.monotonic()
        self.view.now_until = self.view.now_since + seconds
        if not self.console.is_terminal:
            self.say(f"{text}, {duration(seconds)}")

    def started(self, text: str, following: str, left_s: float | None) -> None:
        """A run begins; `following` says what comes after it, `left_s` is None where nobody can know."""
        self.view.now, self.view.now_since, self.view.now_until = text, time.monotonic(), None
        self.view.next, self.view.left_s, self.view.left_since = following, left_s, time.monotonic()

    def finished(self, where: str, run: Run) -> None:
        """A run ended well."""
        self.view.done += 1
        self.view.results.append((where, run))
        if not self.console.is_terminal:
            energy = f"{significant(run.metrics['energy_j'])} J ({run.tags['energy_kind']})"
            left_s = self.left_s()
            left = f", about {duration(left_s)} left" if left_s is not None else ""
            self.say(f"{where}: {energy}, {told(run)}{left}")

    def left_s(self) -> float | None:
        """Seconds left by the last estimate, less what has passed since."""
        if self.view.left_s is None:
            return None
        return max(0.0, self.view.left_s - (time.monotonic() - self.view.left_since))


def _broken(line: str, width: int) -> str:
    """A line as several between its words; an address that is longer stays whole, so that it can be copied."""
    indent = line[: len(line) - len(line.lstrip())]
    kept = OF_A_NUMBER.sub(NO_BREAK, line)
    broken = textwrap.fill(
        kept, max(width, 20), subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False
    )
    return broken.replace(NO_BREAK, " ")


def _console() -> Console:
    """The terminal, or plain output that is wide enough for every table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def render(view: View, now: float) -> RenderableType:
    """The live view at a moment (monotonic seconds)."""
    left = 0.0 if view.left_s is None else max(0.0, view.left_s - (now - view.left_since))
    progress = Table.grid(expand=True, padding=(0, 1))
    progress.add_column(ratio=1)
    progress.add_column(justify="right", no_wrap=True)
    end = f", about {duration(left)} left, until {datetime.now() + timedelta(seconds=left):%H:%M}" if left else ""
    progress.add_row(
        ProgressBar(total=max(view.total, 1), completed=view.done), f"{view.done}/{counted(view.total, 'run')}{end}"
    )
    elapsed = now - view.now_since
    timing = duration(elapsed) if view.now_until is None else f"{duration(max(0.0, view.now_until - now))} left"
    lines: list[RenderableType] = [progress]
    if view.now:
        lines.append(Text(f"now   {view.now}, {timing}", style="bold"))
    if view.next:
        lines.append(Text(f"next  {view.next}", style="dim"))
    if view.results:
        lines.append(_results(list(view.results)))
    return Panel(Group(*lines), title=escape(view.title), title_align="left")


def counted(n: int, thing: str) -> str:
    """A number of things: `1 run`, `2 runs`."""
    return f"{n} {thing if n == 1 else thing + 's'}"


def duration(seconds: float) -> str:
    """Seconds in words: `42 s`, `3 min 05 s`, `2 h 40 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _results(results: Sequence[tuple[str, Run]]) -> Table:
    kinds = sorted({run.tags["energy_kind"] for _, run in results})
    shown = [metric for metric in headlines(run for _, run in results) if metric.name != "edp_js"]
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("last results", no_wrap=True)
    for metric in shown:
        kind = f" ({', '.join(kinds)})" if metric.name == "energy_j" else ""
        table.add_column(heading_of(metric) + kind, justify="right")
    for where, run in results:
        table.add_row(escape(where), *(value_of(metric, run) for metric in shown))
    return table
