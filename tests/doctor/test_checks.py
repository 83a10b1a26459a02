"""What a machine's state means, on states that were recorded or made up: any system, without that system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from src.contract.flags import Flag
from src.doctor.checks import TOPICS, check
from src.doctor.finding import Finding, Verdict, careful, fine, stop, unseen, worst
from src.doctor.state import (
    Busy,
    Environment,
    Held,
    MachineState,
    Meters,
    MeterTrial,
    Processor,
    Room,
    Software,
    Supply,
    Surroundings,
    Timer,
)

GIB = 2**30
ENOUGH = Room(memory=16 * GIB, memory_free=12 * GIB, swap=2 * GIB, disk_free=100 * GIB, disk_place="runs")
QUIET = Busy(foreign_share=0.01, steal_share=0.0)
NATIVE = MeterTrial("native", "measured", "powercap", 12.5, ("dram", "package"))
NO_BRIDGE = MeterTrial("energibridge", failure="there is no program `energibridge` here. Get it from A, then B")
ESTIMATE = MeterTrial("estimate", "estimated", "a model", 6.0, ("package",))

BENCH = MachineState(
    system="linux",
    name="bench, Intel",
    processor=Processor(
        governors=("performance",), driver="intel_pstate", turbo=False, smt="off", most_mhz=3600, allowed_mhz=3600,
        now_mhz=3600, temperature_c=41, throttled=0, throttled_since_boot=0,
    ),
    room=ENOUGH,
    busy=QUIET,
    held=Held(cpus=8, allowed_cpus=8),
    surroundings=Surroundings(
        timers=(Timer("fstrim", 90_000),), displays=(), synchronised=True, clock_source="tsc", clock_step_ns=60
    ),
    meters=Meters((NO_BRIDGE, NATIVE), energibridge_failure="none", msr_readable=True, rapl=("package", "dram")),
)  # fmt: skip
"""A machine that somebody prepared for measuring."""

LAPTOP = replace(
    BENCH,
    name="laptop, on battery",
    processor=Processor(
        governors=("powersave",), driver="intel_pstate", turbo=True, smt="on", most_mhz=4700, allowed_mhz=3200,
        now_mhz=1100, temperature_c=78, throttled=0, throttled_since_boot=12,
    ),
    supply=Supply(True, plugged=False, charge_percent=64, profile="low-power"),
    busy=Busy(0.17, 0.0, (("firefox", 0.12), ("slack", 0.04))),
    surroundings=Surroundings(
        timers=(Timer("apt-daily", 1320), Timer("man-db", 9000)), updaters=("dpkg",), displays=("eDP-1",),
        networks=("wlp2s0",), synchronised=False, clock_source="hpet", clock_step_ns=1_000_000,
    ),
)  # fmt: skip

VIRTUAL = replace(
    BENCH,
    name="vm",
    processor=Processor(),
    busy=Busy(0.02, 0.03),
    held=Held(virtual="kvm", cpus=4, allowed_cpus=4),
    surroundings=replace(BENCH.surroundings, timers=None, networks=("eth0",), synchronised=None),
    meters=Meters(
        (NO_BRIDGE, MeterTrial("native", failure="a trial run gave no recording. It said:\nnative: no zone; do A\nB"),
         ESTIMATE),
        msr_readable=False, rapl_failure="/sys/class/powercap has no RAPL package zone; needs Linux",
    ),
)  # fmt: skip

CONTAINER = replace(BENCH, name="container", held=Held(container="docker", cpus=8, allowed_cpus=8, quota_cpus=1.5))

MAC = replace(
    BENCH,
    system="darwin",
    name="mac, Apple M2",
    processor=Processor(),
    supply=Supply(True, plugged=True, charge_percent=100),
    busy=Busy(0.03, None),
    surroundings=Surroundings(timers=None, displays=None, networks=("en0",), clock_step_ns=1000),
    meters=Meters((replace(NATIVE, name="energibridge", power_w=4.0),), energibridge="0.0.7"),
)

WINDOWS = replace(
    BENCH,
    system="win32",
    name="windows",
    processor=Processor(now_mhz=2400),
    busy=Busy(0.30, None, (("MsMpEng.exe", 0.28),)),
    surroundings=Surroundings(networks=("Ethernet",), synchronised=True, clock_step_ns=100),
    meters=Meters((NO_BRIDGE, ESTIMATE)),
)


def verdicts(state: MachineState) -> dict[str, str]:
    """Each finding's verdict, by its code."""
    return {found.code.strip(): found.verdict.value for findings in check(state).values() for found in findings}


def of_verdict(state: MachineState, verdict: str) -> set[str]:
    return {code for code, found in verdicts(state).items() if found == verdict}


def finding(state: MachineState, code: str) -> Finding:
    return next(each for findings in check(state).values() for each in findings if each.code.strip() == code)


@pytest.mark.parametrize(
    ("state", "doubted", "stopped", "hidden"),
    [
        pytest.param(BENCH, set(), set(), {"EnergiBridge", "GPU"}, id="prepared machine"),
        pytest.param(
            LAPTOP,
            {"governor", "frequency", "turbo", "temperature", "throttling", "supply", "profile", "load", "timers",
             "updates", "display", "network", "clock", "clock's resolution"},
            set(), {"EnergiBridge", "GPU"}, id="laptop on battery",
        ),
        pytest.param(
            VIRTUAL,
            {"meter", "energibridge", "native", "stolen time", "virtual machine", "network"}, set(),
            {"EnergiBridge", "RAPL", "GPU", "governor", "frequency", "turbo", "SMT", "temperature", "throttling",
             "timers", "clock"}, id="virtual machine with steal",
        ),
        pytest.param(CONTAINER, {"CPUs"}, set(), {"EnergiBridge", "GPU"}, id="container with a quota"),
        pytest.param(
            MAC, {"network"}, set(),
            {"GPU", "governor", "frequency", "turbo", "SMT", "temperature", "throttling", "stolen time", "timers",
             "display", "clock"}, id="Mac",
        ),
        pytest.param(
            WINDOWS, {"meter", "energibridge", "network"}, {"load"},
            {"GPU", "governor", "turbo", "SMT", "temperature", "throttling", "stolen time", "timers", "display"},
            id="Windows with a virus scan",
        ),
    ],
)  # fmt: skip
def test_a_machine_gets_its_doubts_and_no_others(state, doubted, stopped, hidden) -> None:
    assert of_verdict(state, "careful") == doubted
    assert of_verdict(state, "stop") == stopped
    assert of_verdict(state, "unseen") == hidden


SEEN = replace(BENCH, software=Software((), "mnist, in data/mnist", True, "mlflow.db"))


@pytest.mark.parametrize(
    ("change", "code", "verdict", "words"),
    [
        pytest.param({"processor": Processor(governors=("performance", "powersave"))}, "governor", "careful",
                     "performance, powersave", id="not all governors"),
        pytest.param({"processor": Processor(temperature_c=93)}, "temperature", "stop", "93 °C", id="too hot"),
        pytest.param({"processor": Processor(throttled=4)}, "throttling", "stop", "now", id="throttling now"),
        pytest.param({"processor": Processor(most_mhz=3600, allowed_mhz=3590)}, "frequency", "fine", "3600",
                     id="a rounded limit"),
        pytest.param({"processor": Processor(smt="on")}, "SMT", "fine", "share a core", id="SMT"),
        pytest.param({"supply": Supply(True, False, 22)}, "supply", "stop", "22 %", id="battery low"),
        pytest.param({"supply": Supply(True, None, 50)}, "supply", "unseen", "nobody", id="battery, nobody knows"),
        pytest.param({"supply": Supply(True, True, 80)}, "supply", "fine", "80 %", id="mains"),
        pytest.param({"supply": Supply(profile="performance")}, "profile", "fine", "perf", id="profile"),
        pytest.param({"room": replace(ENOUGH, memory_free=GIB)}, "memory", "careful", "1.0 GiB", id="little memory"),
        pytest.param({"room": replace(ENOUGH, memory_free=GIB // 4)}, "memory", "stop", "0.2 GiB", id="no memory"),
        pytest.param({"room": replace(ENOUGH, disk_free=2 * GIB)}, "disk", "careful", "in runs", id="little disk"),
        pytest.param({"room": replace(ENOUGH, disk_free=GIB // 8)}, "disk", "stop", "0.1 GiB", id="disk full"),
        pytest.param({"room": replace(ENOUGH, swap_used=GIB)}, "swap", "careful", "1.0 of 2.0", id="swap in use"),
        pytest.param({"room": replace(ENOUGH, swapped_in=4096)}, "swap", "careful", "read from", id="swapping now"),
        pytest.param({"room": replace(ENOUGH, swap=0)}, "swap", "fine", "none", id="no swap"),
        pytest.param({"busy": replace(QUIET, sweep="experiment 'mine'")}, "another sweep", "stop", "'mine'",
                     id="another sweep"),
        pytest.param({"busy": Busy(None, 0.0)}, "load", "unseen", "does not tell", id="load unknown"),
        pytest.param({"busy": Busy(0.08, 0.0, most_foreign_share=0.05)}, "load", "careful", "8.0%", id="own limit"),
        pytest.param({"busy": Busy(0.6, 0.0, (("stress", 0.6),))}, "load", "stop", "stress 60%", id="busy"),
        pytest.param({"busy": Busy(0.0, 0.2)}, "stolen time", "stop", "20.0%", id="much stolen"),
        pytest.param({"busy": replace(QUIET, clock_step_s=-0.4)}, "clock set", "careful", "-0.40 s", id="clock set"),
        pytest.param({"held": Held(cpus=8, allowed_cpus=2)}, "CPUs", "fine", "2 of 8", id="taskset"),
        pytest.param({"surroundings": replace(BENCH.surroundings, reboot_wanted=True)}, "updates", "careful",
                     "not started anew", id="restart wanted"),
        pytest.param({"surroundings": replace(BENCH.surroundings, networks=("eth0",), remote=True)}, "network",
                     "careful", "eth0", id="network, from afar"),
        pytest.param({"meters": Meters((NO_BRIDGE,))}, "meter", "stop", "none works", id="no meter at all"),
        pytest.param({"meters": Meters((NATIVE,), gpu_wanted=True)}, "GPU", "stop", "none", id="no GPU for cuda"),
        pytest.param({"meters": Meters((NATIVE,), gpus=("H100",), gpu_wanted=True)}, "GPU", "fine", "H100", id="GPU"),
        pytest.param({"meters": Meters((NATIVE,), gpus=("H100",), gpu_slowed=("its power limit",))}, "GPU", "careful",
                     "H100, slowed down by its power limit", id="a GPU that is slowed down"),
        pytest.param({"meters": Meters((NATIVE,), rapl=("package",), mirrored=("package-0-die-1",))}, "mirrored dies",
                     "fine", "counted once", id="mirrored dies"),
        pytest.param({"meters": Meters((NATIVE,), rapl=("package",), rapl_flags=(Flag("z", "dram left out", True),))},
                     "RAPL zones", "careful", "dram", id="a zone left out"),
        pytest.param({"meters": Meters((NATIVE,), rapl=("package",), rapl_flags=(Flag("z", "uncore left out"),))},
                     "RAPL zones", "fine", "uncore", id="a part left out"),
        pytest.param({"meters": Meters((replace(NATIVE, name="energibridge"),), energibridge="0.0.7",
                                       msr_readable=False, lockdown="integrity")}, "EnergiBridge", "fine", "0.0.7",
                     id="it works, whatever its rights seem to be"),
        pytest.param({"meters": Meters((NATIVE,), energibridge="0.0.7", msr_readable=False, capability=True)},
                     "EnergiBridge", "careful", "msr", id="no right to the registers"),
        pytest.param({"meters": Meters((NATIVE,), energibridge="0.0.7", msr_readable=True, capability=False)},
                     "EnergiBridge", "careful", "capability", id="no capability"),
        pytest.param({"meters": Meters((NATIVE,), energibridge="0.0.7", msr_readable=True, capability=True)},
                     "EnergiBridge", "fine", "0.0.7", id="with its rights"),
        pytest.param({"meters": Meters((NATIVE,), energibridge="0.0.7", lockdown="integrity")}, "EnergiBridge",
                     "careful", "integrity", id="locked down"),
        pytest.param({"meters": Meters((replace(NATIVE, flags=("jumps",)),))}, "native", "careful", "jumps",
                     id="a meter in doubt"),
        pytest.param({"processor": Processor(packages=2), "meters": Meters((replace(NATIVE, name="energibridge"),))},
                     "sockets", "careful", "reads one", id="two sockets, EnergiBridge"),
        pytest.param({"software": Software((Environment("tf", "not set up", "make setup"),))}, "tf", "stop", "set up",
                     id="no environment"),
        pytest.param({"software": Software((Environment("tf", drifted=("keras 3.0 for 3.15",)),))}, "tf", "stop",
                     "keras 3.0", id="another version"),
        pytest.param({"software": Software((Environment("tf", versions=("tensorflow 2.21",), late=True),))}, "tf",
                     "careful", "still importing", id="a slow import"),
        pytest.param({"software": Software((Environment("jax", versions=("jax 1",), devices=("cpu",)),))}, "jax",
                     "fine", "on cpu", id="an environment"),
        pytest.param({"software": Software((Environment("jax", devices=("cpu",)),), gpu_wanted=True)}, "jax", "stop",
                     "no GPU", id="an environment that sees no GPU"),
        pytest.param({"software": Software((Environment("jax", devices=("cpu", "H100")),), gpu_wanted=True)}, "jax",
                     "fine", "H100", id="an environment that sees the GPU"),
        pytest.param({"software": Software(dataset="mnist is not here yet", dataset_here=None)}, "dataset", "careful",
                     "not here", id="data to be fetched"),
        pytest.param({"software": Software(dataset="no files; put them there", dataset_here=False)}, "dataset", "stop",
                     "no files", id="data missing"),
        pytest.param({"software": Software(store="mlflow.db", store_failure="read-only; choose")}, "MLflow", "stop",
                     "read-only", id="no store"),
    ],
)  # fmt: skip
def test_one_fact_gives_one_verdict(change, code, verdict, words) -> None:
    found = finding(replace(SEEN, **change), code)
    assert found.verdict.value == verdict
    assert words in found.seen


def test_what_mends_it_is_of_this_system() -> None:
    assert "pyperf system tune" in finding(LAPTOP, "governor").remedy
    assert "powercfg" in finding(replace(LAPTOP, system="win32"), "governor").remedy
    assert finding(replace(LAPTOP, system="darwin"), "turbo").remedy == ""
    assert "sudo systemctl stop apt-daily.timer man-db.timer" in finding(LAPTOP, "timers").remedy
    assert "connected through it" in finding(
        replace(LAPTOP, surroundings=replace(LAPTOP.surroundings, remote=True)), "network"
    ).remedy  # fmt: skip


def test_a_meter_that_fails_is_no_matter_where_another_measures() -> None:
    assert finding(BENCH, "energibridge").verdict is Verdict.fine
    assert finding(VIRTUAL, "energibridge").verdict is Verdict.careful
    assert finding(VIRTUAL, "native").seen == "no: no zone"
    still = replace(NO_BRIDGE, failure="a trial run gave no energy: it stood still. It said:\nuncore is left out")
    assert finding(replace(BENCH, meters=Meters((still,))), "energibridge").seen == (
        "no: a trial run gave no energy: it stood still"
    )
    assert "Get it from A, then B" in finding(VIRTUAL, "energibridge").remedy


def test_what_was_not_looked_at_is_left_out() -> None:
    assert set(TOPICS) - set(check(replace(BENCH, meters=None))) == {"Meter", "Frameworks, data, store"}


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        pytest.param([], Verdict.fine, id="nothing"),
        pytest.param([unseen("a", ""), fine("b", "")], Verdict.fine, id="what is not seen counts for nothing"),
        pytest.param([careful("a", ""), fine("b", ""), unseen("c", "")], Verdict.careful, id="careful"),
        pytest.param([careful("a", ""), stop("b", ""), fine("c", "")], Verdict.stop, id="stop"),
    ],
)
def test_the_gravest_verdict_counts(findings, verdict) -> None:
    assert worst(findings) is verdict
