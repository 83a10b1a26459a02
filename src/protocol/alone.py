"""A single run, outside any sweep: the same preparation and the same table at the end, for one run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from src.config.schema import Config
from src.contract.record import RunRecord
from src.protocol.display import Display
from src.protocol.machine import introduce_meter, prepare_machine
from src.protocol.outcomes import outcome_of, summarise, summary_table
from src.protocol.preflight import Ready
from src.protocol.priming import prime


def begin_alone(config: Config, ready: Ready, folder: Path) -> Config:
    """Prepare the machine as the protocol says; returns the configuration with its idle power."""
    display = Display()
    introduce_meter(display, ready.meter)
    with display.live(f"joulebench: {config.experiment}, one run of {config.framework.name}", 1):
        prime([(ready.python, config.framework)])
        state = prepare_machine(config, [ready.meter], folder, display)
    display.say(f"running {config.framework.name}; files: {folder}")
    run = dataclasses.replace(
        config.run, idle_power_w=state.idle_power_w.get(ready.meter), background_load=state.background_load
    )
    return dataclasses.replace(config, run=run)


def end_alone(record: RunRecord) -> None:
    """Show what the run came to."""
    display = Display()
    display.console.print(summary_table(summarise([outcome_of(record)])))
    display.say(f"filed in experiment '{record.experiment}'; look at it with `mlflow ui`")
