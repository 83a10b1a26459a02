"""Is this machine fit to measure? `python -m src.doctor [--json] [meter=native hardware=cuda dataset=digits ...]`.

`python -m src.doctor pilot` measures what each meter costs, and how small a difference this machine shows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from src import stops

if __name__ == "__main__":
    stops.heed()  # what follows takes a second

import hydra
from omegaconf import DictConfig

from src.cli import command_line
from src.config.command_words import handed_to_hydra
from src.config.schema import Config, typed
from src.doctor.finding import EXIT
from src.errors import ConfigError
from src.paths import ROOT
from src.public import shown

PILOT, SECONDS = "pilot", "--seconds="
QUIET = "hydra.run.dir=."
"""An examination leaves nothing behind."""
JSON, HELP = "--json", ("--help", "-h")
USAGE = """python -m src.doctor [--json] [KEY=VALUE ...]
python -m src.doctor pilot [--json] [--seconds=SECONDS] [KEY=VALUE ...]

The first looks whether this machine is fit to measure and ends with 0 (fine), 1 (careful) or 2 (stop); --json
prints the same for machines. The second takes some minutes: what each meter costs, how much the idle machine
wavers, and how small a difference 30 iterations show here; the report of a later sweep cites what it finds.

Keys are those of src.main: meter=native, hardware=cuda, dataset=digits, tracking_uri=URI, experiment=NAME ..."""


def main() -> int:
    """0, 1 or 2 as the verdict is; 2 for a mistake on the command line too, 130 after Ctrl-C."""
    given = sys.argv[1:]
    if set(given) & set(HELP):
        print(USAGE)
        return 0
    ended = [0]
    pilot = given[:1] == [PILOT]
    seconds = [word.removeprefix(SECONDS) for word in given if word.startswith(SECONDS)]
    sys.argv[1:] = [QUIET, *(word for word in given[pilot:] if word != JSON and not word.startswith(SECONDS))]
    act = partial(_pilot, seconds=seconds) if pilot else _examine
    code = command_line(lambda: ended.append(_command(partial(act, as_json=JSON in given))))
    return code or ended[-1]


def _command(act: Callable[[Config], int]) -> int:
    composed: list[DictConfig] = []  # stays empty where Hydra only shows something

    @hydra.main(version_base="1.3", config_path="../../conf", config_name="config")
    def compose(cfg: DictConfig) -> None:
        composed.append(cfg)

    with handed_to_hydra(sys.argv[1:]):
        compose()
    return max((act(typed(cfg)) for cfg in composed), default=0)  # outside of Hydra, which tells errors its own way


def _examine(config: Config, as_json: bool) -> int:
    from src.doctor.examine import examine  # after Hydra, which then completes words at once
    from src.doctor.show import console, tell

    found = examine(config, ROOT, Path.cwd())
    if as_json:
        print(shown(json.dumps(found.plain(), indent=2, ensure_ascii=False)))
    else:
        tell(found, console())
    return EXIT[found.verdict]


def _pilot(config: Config, as_json: bool, seconds: list[str]) -> int:
    from src.doctor.pilot import SECONDS as USUAL_S
    from src.doctor.pilot import run_pilot
    from src.doctor.pilot_file import PILOT_FILE
    from src.doctor.show import console
    from src.doctor.show_pilot import tell_pilot
    from src.measure.alone import measuring_alone

    try:
        asked_s = float(seconds[-1]) if seconds else USUAL_S
    except ValueError:
        raise ConfigError(f"{SECONDS}{seconds[-1]}: give a number of seconds, as in {SECONDS}60") from None
    with measuring_alone("pilot", Path.cwd(), config.protocol.allow_concurrent):
        pilot = run_pilot(config, asked_s, lambda text: print(text, file=sys.stderr, flush=True))
    pilot.write()
    if as_json:
        print(json.dumps(pilot.plain(), indent=2, ensure_ascii=False))
    else:
        tell_pilot(pilot, console())
        print(f"Kept in {PILOT_FILE}, which the reports of later sweeps on this machine cite.")
    return 0


if __name__ == "__main__":
    stops.leave(main())
