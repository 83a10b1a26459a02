"""What else in the system may disturb a study of hours: timers, updates, display, network, clocks."""

from __future__ import annotations

from collections.abc import Iterable

from src.doctor.check_processor import LINUX, MAC, WINDOWS
from src.doctor.finding import Finding, careful, fine, unseen
from src.doctor.state import MachineState, Timer

STUDY_S = 3 * 3600.0
"""About what the published protocol takes."""
SHOWN = 3
NETWORK_OFF = {
    LINUX: "once the data are here, and where runs are filed on this machine:\n  nmcli networking off",
    MAC: "unplug the cable, and\n  networksetup -setairportpower en0 off",
    WINDOWS: "  netsh interface set interface NAME disabled",
}
DISPLAY_OFF = {LINUX: "under X, or on a console:\n  xset dpms force off\n  sudo setterm --blank force"}
SYNCHRONISE = {
    LINUX: "  sudo timedatectl set-ntp true",
    MAC: "  sudo sntp -sS time.apple.com",
    WINDOWS: "  w32tm /resync",
}
SLOW_SOURCES = ("hpet", "acpi_pm", "jiffies", "refined-jiffies")
COARSE_NS = 1_000_000


def surroundings(state: MachineState) -> Iterable[Finding]:
    """Timers, updates, display and network."""
    seen = state.surroundings
    yield _timers(seen.timers)
    yield from _updates(state)
    if seen.displays is None:
        yield unseen("display", "the system does not tell")
    elif seen.displays:
        yield careful("display", f"on: {', '.join(seen.displays)}", DISPLAY_OFF.get(state.system, "turn it off"))
    else:
        yield fine("display", "none is on")
    if seen.networks:
        remedy = "stays, as you are connected through it" if seen.remote else NETWORK_OFF.get(state.system, "")
        yield careful("network", f"up: {', '.join(seen.networks)}", remedy)
    else:
        yield fine("network", "down")


def _timers(timers: tuple[Timer, ...] | None) -> Finding:
    if timers is None:
        return unseen("timers", "nobody tells what is to start by itself (systemd would)")
    soon = sorted((timer for timer in timers if timer.in_s < STUDY_S), key=lambda timer: timer.in_s)
    if not soon:
        return fine("timers", f"none within {STUDY_S / 3600:.0f} h")
    first = ", ".join(f"{timer.name} in {timer.in_s / 60:.0f} min" for timer in soon[:SHOWN])
    more = f" and {len(soon) - SHOWN} more" if soon[SHOWN:] else ""
    units = " ".join(f"{timer.name}.timer" for timer in soon)
    return careful(
        "timers",
        first + more,
        f"for the time of the study; afterwards `start` in place of `stop`:\n  sudo systemctl stop {units}",
    )


def _updates(state: MachineState) -> Iterable[Finding]:
    seen = state.surroundings
    if seen.updaters:
        yield careful("updates", f"running: {', '.join(seen.updaters)}", "wait for their end")
    elif seen.reboot_wanted:
        yield careful("updates", "installed, but the machine was not started anew", "restart it")
    else:
        yield fine("updates", "none is running")


def clocks(state: MachineState) -> Iterable[Finding]:
    """Synchronisation, and how finely time is told."""
    seen = state.surroundings
    if seen.synchronised is None:
        yield unseen("clock", "nobody tells whether it is synchronised")
    elif seen.synchronised:
        yield fine("clock", "synchronised")
    else:
        remedy = SYNCHRONISE.get(state.system, "")
        yield careful("clock", "not synchronised: it may be set during a run, and fits no wall meter's", remedy)
    if seen.clock_step_ns is None:
        yield unseen("clock's resolution", "not looked at")
    elif seen.clock_step_ns > COARSE_NS or seen.clock_source in SLOW_SOURCES:
        told = f"{_step(seen.clock_step_ns)} ({seen.clock_source or 'unknown source'})"
        yield careful("clock's resolution", told, "start the kernel with clocksource=tsc where the processor allows")
    else:
        source = f" ({seen.clock_source})" if seen.clock_source else ""
        yield fine("clock's resolution", f"{_step(seen.clock_step_ns)}{source}")


def _step(ns: int) -> str:
    return f"{ns / 1e6:.1f} ms" if ns >= COARSE_NS else f"{ns / 1e3:.1f} µs" if ns >= 1000 else f"{ns} ns"
