"""The doctor's look at the machine where a sweep begins and where it ends, and what changed in between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.schema import OFF, STRICT, Config
from src.contract.json_files import ContractError, read_object, texts, write_json
from src.doctor.examine import Examination, read_state, with_meters
from src.doctor.finding import Finding, Verdict
from src.doctor.pilot_file import pilot_params
from src.doctor.try_meters import as_trial
from src.errors import SetupError
from src.measure.meters.select import Meter

NAME = "preflight"
OF_SHARE = "preflight_share_"
"""How the name of a share's file begins; its number follows."""
MORE = "`python -m src.doctor` tells more"
STEADY = frozenset(
    ("governor", "turbo", "SMT", "profile", "CPUs", "display", "network", "virtual machine", "updates", "RAPL", "GPU")
)
"""What is seen of these does not waver by itself, so other words are a change."""

Say = Callable[[str, str], None]


@dataclass
class Preflight:
    """What was found; nothing with protocol.preflight=off. `files` are to be filed with the sweep."""

    config: Config
    meters: Sequence[Meter]
    begin: Examination | None = None
    files: tuple[Path, ...] = ()

    @property
    def params(self) -> Mapping[str, str]:
        """What a report tells of it, and of the pilot that was made on this machine with this meter."""
        if self.begin is None:
            return {}
        return {NAME: summary(self.begin), **pilot_params(self.begin.machine, self.meters)}

    def write(self, folder: Path, name: str = NAME) -> None:
        """Keep it in a folder as `name`.json, beside those of earlier starts."""
        if self.begin is not None:
            names = (f"{name}{'' if number == 1 else f'-{number}'}.json" for number in itertools.count(1))
            self.files = (next(folder / name for name in names if not (folder / name).exists()),)
            write_json(self.files[0], {"begin": self.begin.plain()})

    def repeat(self, say: Say) -> None:
        """Look again, keep both, and say what changed."""
        if self.begin is None:
            return
        end = _examined(self.config, self.meters, say)
        if end is None:
            return
        changed = changes(self.begin, end)
        for text in changed:
            say(f"since the start: {text}", "yellow")
        for path in self.files:
            write_json(path, {"begin": self.begin.plain(), "end": end.plain(), "changed": changed})


def changes_in(path: Path) -> list[str]:
    """What a file that `repeat` wrote says of changes; nothing where there is none, or no look at the end."""
    try:
        return texts(read_object(path).get("changed", []), f"{path}: `changed`")
    except ContractError:
        return []


def preflight(config: Config, meters: Sequence[Meter], say: Say) -> Preflight:
    """Look, and say in a line what to be careful about; the meters were tried already.

    Raises SetupError where the machine is not fit to measure and protocol.preflight=strict. What is merely `careful`
    is never refused: much of it no command mends (a virtual machine, the network to the store), and a check that can
    never pass would be turned off by everybody.
    """
    found = Preflight(config, meters)
    if config.protocol.preflight == OFF:
        return found
    found.begin = _examined(config, meters, say)
    if found.begin is None:
        return found
    stopping = found.begin.with_verdict(Verdict.stop)
    if stopping and config.protocol.preflight == STRICT:
        raise SetupError(
            f"this machine is not fit to measure now: {_told(stopping)} (protocol.preflight=strict); {MORE}"
        )
    for each in stopping:
        say(f"not fit to measure now: {_told([each])}", "bold yellow")
    if doubts := found.begin.with_verdict(Verdict.careful):
        say(f"careful: {', '.join(each.code.strip() for each in doubts)}; {MORE}", "yellow")
    return found


def summary(examination: Examination) -> str:
    """`careful: turbo, network`, or `fine`; what stops comes first."""
    graves = [
        f"{verdict.value}: {', '.join(each.code.strip() for each in found)}"
        for verdict in (Verdict.stop, Verdict.careful)
        if (found := examination.with_verdict(verdict))
    ]
    return "; ".join(graves) or Verdict.fine.value


def changes(begin: Examination, end: Examination) -> list[str]:
    """Findings whose verdict is another one now, or which show something else and do not waver by themselves."""
    before = {each.code: each for each in begin.findings}
    return [
        f"{each.code.strip()} was {before[each.code].seen}, now {each.seen}"
        for each in end.findings
        if each.code in before and _differ(before[each.code], each)
    ]


def _differ(before: Finding, now: Finding) -> bool:
    return before.verdict is not now.verdict or (now.code in STEADY and before.seen != now.seen)


def _examined(config: Config, meters: Sequence[Meter], say: Say) -> Examination | None:
    """What is seen now; None where the look itself fails, for which no run is given up."""
    try:
        state = read_state(config, Path.cwd())
        return Examination.of(with_meters(state, config, [as_trial(meter) for meter in meters]))
    except Exception as error:  # noqa: BLE001 (systems show themselves in more ways than anybody tried)
        say(f"the machine could not be looked at ({type(error).__name__}: {error}); {MORE}", "yellow")
        return None


def _told(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{found.code.strip()}, {found.seen}" for found in findings)
