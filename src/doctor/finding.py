"""What a check found, and what all of them come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding means for a study that begins now; `unseen` is what this system does not show, and counts for
    nothing."""

    fine = "fine"
    careful = "careful"
    stop = "stop"
    unseen = "unseen"


EXIT = {Verdict.fine: 0, Verdict.unseen: 0, Verdict.careful: 1, Verdict.stop: 2}
"""What the command ends with."""


@dataclass(frozen=True)
class Finding:
    """One check's answer: `seen` is what there is, `remedy` what mends it on this system."""

    code: str
    verdict: Verdict
    seen: str
    remedy: str = ""


def fine(code: str, seen: str) -> Finding:
    """Nothing to do."""
    return Finding(code, Verdict.fine, seen)


def careful(code: str, seen: str, remedy: str = "") -> Finding:
    """The numbers bear a doubt."""
    return Finding(code, Verdict.careful, seen, remedy)


def stop(code: str, seen: str, remedy: str = "") -> Finding:
    """A study that begins now would fail, or be thrown away."""
    return Finding(code, Verdict.stop, seen, remedy)


def unseen(code: str, why: str) -> Finding:
    """This system does not show it."""
    return Finding(code, Verdict.unseen, why)


def worst(findings: Sequence[Finding]) -> Verdict:
    """The gravest verdict; fine where there is nothing to find."""
    return max((found.verdict for found in findings if found.verdict is not Verdict.unseen),
               key=EXIT.__getitem__, default=Verdict.fine)  # fmt: skip
