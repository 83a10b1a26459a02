"""How an examination is told: a table by topic, then what mends what."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from src.doctor.examine import Examination
from src.doctor.finding import Finding, Verdict
from src.public import shown

MARKS = {
    Verdict.fine: ("fine", "green"),
    Verdict.careful: ("careful", "yellow"),
    Verdict.stop: ("stop", "bold red"),
    Verdict.unseen: ("not seen", "dim"),
}
SUMMARY = {
    Verdict.fine: "Fit to measure.",
    Verdict.careful: "Fit to measure, with care.",
    Verdict.stop: "Not fit to measure now.",
}
PLAIN_WIDTH = 100
COMMAND = "  "


def console() -> Console:
    """The terminal, or plain text of one width where there is none."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def tell(examination: Examination, to: Console) -> None:
    """All of it, for any width from 80 columns on."""
    to.print(Text(examination.machine, style="bold"))
    for topic, findings in examination.topics.items():
        to.print(Text(f"\n{topic}", style="bold"), _table(findings), sep="\n")
    _tell_remedies(examination.findings, to)
    to.print(Text(f"\n{summary(examination)}", style=MARKS[examination.verdict][1]))


def summary(examination: Examination) -> str:
    """The verdict in one line, with what it rests on."""
    counts = [
        f"{len(found)} {verdict.value}: {', '.join(each.code.strip() for each in found)}"
        for verdict in (Verdict.stop, Verdict.careful)
        if (found := examination.with_verdict(verdict))
    ]
    return " ".join([SUMMARY[examination.verdict], *(f"{text}." for text in counts)])


def _table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(width=8, no_wrap=True)
    table.add_column(width=18, no_wrap=True)
    table.add_column(overflow="fold")
    for found in findings:
        word, style = MARKS[found.verdict]
        quiet = "dim" if found.verdict is Verdict.unseen else ""
        table.add_row(Text(word, style), Text(found.code, quiet), Text(shown(found.seen), quiet))
    return table


def _tell_remedies(findings: Iterable[Finding], to: Console) -> None:
    """Under the table, where commands, the lines that begin with two spaces, can be copied whole."""
    mended = [found for found in findings if found.remedy and found.verdict in (Verdict.careful, Verdict.stop)]
    if mended:
        to.print(Text("\nWhat mends it", style="bold"))
    for found in mended:
        to.print(Text(found.code.strip(), style=MARKS[found.verdict][1]))
        for line in shown(found.remedy).splitlines():
            if line.startswith(COMMAND):
                to.print(Text(f"{COMMAND}{line}"), soft_wrap=True)
            else:
                to.print(Padding(Text(line), (0, 0, 0, len(COMMAND))))
