"""Measure runs: `python -m src.main framework=torch`, and with `-m` a whole study.

A run without `-m` is a sweep of one. With it, Hydra's sweeper (`hydra_plugins`) plans all runs of the command line.
"""

from __future__ import annotations

from pathlib import Path

if __name__ == "__main__" and not __package__:
    raise SystemExit("joulebench: start it as a module, in the repository's folder: python -m src.main")

from src import stops

if __name__ == "__main__":
    stops.heed()  # what follows takes a second
    stops.require_packages()

import sys

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from src.cli import command_line
from src.config.command_words import as_typed, example_meant, handed_to_hydra
from src.config.complaints import refuse_group_lists
from src.config.schema import typed
from src.contract.commands import joined
from src.contract.plan_file import Treatment
from src.errors import ConfigError
from src.plan.sweep_plan import make_plan, unique_name

MANY = ("-m", "--multirun")
OWN_FOLDER = ("--config-dir", "-cd")
RERUN = "--experimental-rerun"


def main() -> None:
    """Measure what the command line says; raises a JoulebenchError when it could not be measured."""
    alone: list[tuple[DictConfig, HydraConf]] = []  # stays empty with -m, and where Hydra only shows something
    arguments = in_hydras_order(sys.argv[1:])
    if meant := example_meant(arguments):
        stops.say(meant)

    @hydra.main(version_base="1.3", config_path="../conf", config_name="config")
    def compose(cfg: DictConfig) -> None:
        alone.append((cfg, HydraConfig.get()))

    with handed_to_hydra(arguments):
        compose()
    for cfg, made in alone:  # outside of Hydra, which puts a line of its own before every error
        if made.mode is RunMode.MULTIRUN:
            raise ConfigError(
                f"hydra/sweeper={made.runtime.choices['hydra/sweeper']}: only joulebench's own puts treatments into "
                "shuffled blocks; leave hydra/sweeper out"
            )
        words = as_typed(made.overrides.task)
        refuse_group_lists(OverridesParser.create().parse_overrides(words))
        from src.protocol.announce import announce

        plan = make_plan(unique_name(), [Treatment("", tuple(words))], [typed(cfg)], iterations=1)
        display = announce(plan)
        from src.protocol.sweeps import measure_sweeps  # loads what takes seconds

        measure_sweeps(plan, Path(made.sweep.dir), display=display)


def in_hydras_order(arguments: list[str]) -> list[str]:
    """The arguments with `-m` before all others, as Hydra takes no overrides on both sides of it.

    Raises ConfigError for what Hydra would do behind the plan's back.
    """
    if any(word.split("=")[0] == RERUN for word in arguments):
        raise ConfigError(f"{RERUN}: a run is no job of Hydra's; go on with a sweep by resume=FOLDER, or type it again")
    _refuse_shadowed(arguments)
    many = [word for word in arguments if word in MANY]
    return [*many[:1], *(word for word in arguments if word not in MANY)]


def _refuse_shadowed(arguments: list[str]) -> None:
    """Raise ConfigError for a run's config.yaml that is named so that conf/config.yaml would be read instead of it."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    folders = [following for word, following in pairs if word in OWN_FOLDER]
    folders += [word.partition("=")[2] for word in arguments if word.startswith(f"{OWN_FOLDER[0]}=")]
    for folder in folders:
        if folder and (Path(folder) / "config.yaml").is_file():
            again = joined(["python", "-m", "src.main", "--config-path", str(Path(folder).resolve())])
            raise ConfigError(
                f"{OWN_FOLDER[0]} {folder}: its config.yaml is not read, as conf/config.yaml comes first; to measure a "
                f"run again: {again}"
            )


if __name__ == "__main__":
    stops.leave(command_line(main))
