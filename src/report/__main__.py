"""Compare the treatments of an experiment: `python -m src.report experiment=NAME [analysis.outliers=3sigma ...]`.

`python -m src.report power experiment=PILOT` tells what a study would show, from a pilot.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from src import stops

if __name__ == "__main__":
    stops.heed()  # what follows takes a second
    gc.disable()  # imports make objects by the hundred thousand and no rubbish: a fifth of their time went here

import hydra
from omegaconf import DictConfig

from src.analysis.settings import AnalysisConfig
from src.analysis.settings import check as check_analysis
from src.cli import command_line
from src.config.command_words import handed_to_hydra
from src.config.meanings import meanings
from src.config.schema import Config, typed
from src.errors import ConfigError

REPORTS = Path("reports")
QUIET = ("hydra.run.dir=.",)
"""A report leaves nothing but its own folder behind."""
MULTIRUN = "--multirun"
POWER = "power"
SWEEP = "sweep="
RUBBISH_EVERY = 50_000
"""Objects between two looks for rubbish, of which only figures leave much."""


def report(config: Config, sweeps: Sequence[str] = ()) -> None:
    """Write the report of these sweeps, print its answer and where it lies."""
    check_analysis(config.analysis)
    import pandas  # noqa: F401 - what both processes need is loaded before they part

    from src.track.apart import reader

    store = reader(config.tracking_uri)
    from src.report.load import tell_looks  # while MLflow is loaded there
    from src.report.make import make_report, report_folder

    _keep_imports()
    folder = report_folder(REPORTS, config.experiment)
    made = make_report(store, config.experiment, config.analysis, folder, sweeps, config.tracking_uri)
    print("\n".join([*made.answer, *([store.left_out] if store.left_out else [])]))
    print(f"\nReport: {made.page}")
    tell_looks(store, made.loaded)


def _keep_imports() -> None:
    """Look for rubbish from here on, but never again through all that was imported."""
    gc.freeze()
    gc.set_threshold(RUBBISH_EVERY)
    gc.enable()


def power(config: Config) -> None:
    """Print the smallest difference that so many iterations would show, and how long they take."""
    from src.report.power import power_of
    from src.track import open_store

    check_analysis(config.analysis)
    store = open_store(config.tracking_uri)
    _keep_imports()
    print("\n".join(power_of(store, config.experiment, config.analysis)))


def main() -> int:
    """Exit code 2 for a mistake on the command line, 1 where the store cannot be read, 130 after Ctrl-C."""
    given = sys.argv[1:]
    if "--help" in given or "-h" in given:
        print(usage())
        return 0
    foretell = given[:1] == [POWER]
    chosen = [name for word in given if word.startswith(SWEEP) for name in word.removeprefix(SWEEP).split(",")]
    sys.argv[1:] = _quiet([word for word in given[foretell:] if not word.startswith(SWEEP)])
    return command_line(lambda: _command(power if foretell else functools.partial(report, sweeps=chosen)))


def usage() -> str:
    """What may be said on the command line."""
    usual = AnalysisConfig()
    keys = [f"  analysis.{entry.name}={getattr(usual, entry.name)}" for entry in dataclasses.fields(usual)]
    keys = [f"{key:<40.40} {text}" for key, text in zip(keys, meanings(AnalysisConfig).values(), strict=True)]
    return "\n".join(
        [
            "python -m src.report experiment=NAME [sweep=all|last|NAME] [tracking_uri=URI] [analysis.KEY=VALUE ...]",
            "python -m src.report power experiment=PILOT",
            "",
            "The second tells how small a difference more iterations would show, and how long they take.",
            "Without sweep=, those of protocol=study are compared where there are any, else all.",
            f"Compare the runs of an experiment; the report is written to {REPORTS}/NAME/. Keys and their defaults:",
            *keys,
        ]
    )


def _quiet(given: list[str]) -> list[str]:
    """With QUIET before the first override and -m before that, as the parser takes overrides from one place only."""
    multirun = [word for word in given if _is_multirun(word)]
    words = [word for word in given if not _is_multirun(word)]
    first = next((place for place, word in enumerate(words) if "=" in word and not word.startswith("-")), len(words))
    return [*multirun, *words[:first], *QUIET, *words[first:]]


def _command(act: Callable[[Config], None]) -> None:
    if any(_is_multirun(word) for word in sys.argv[1:]):
        raise ConfigError("-m measures; a report is about one experiment: python -m src.report experiment=NAME")
    composed: list[DictConfig] = []  # stays empty where Hydra only shows something, as with --cfg

    @hydra.main(version_base="1.3", config_path="../../conf", config_name="config")
    def compose(cfg: DictConfig) -> None:
        composed.append(cfg)

    with handed_to_hydra(sys.argv[1:]):
        compose()
    for cfg in composed:  # outside of Hydra, which puts a line of its own before every error
        act(typed(cfg))


def _is_multirun(word: str) -> bool:
    """Whether it is `-m`, or `--multirun` as far as the parser needs it."""
    return word == "-m" or (len(word) > len("--") and MULTIRUN.startswith(word))


if __name__ == "__main__":
    stops.leave(main())
