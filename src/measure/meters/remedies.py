"""What a meter's own words mean to its user, and the least rights that make it work."""

from __future__ import annotations

from pathlib import Path

LOCKDOWN = Path("/sys/kernel/security/lockdown")
POWERCAP_RIGHTS = """Since 2020 only root may read RAPL. Give one group the right, for good:
  sudo groupadd --force energy && sudo usermod -aG energy "$USER"
  echo 'SUBSYSTEM=="powercap", KERNEL=="intel-rapl:*", RUN+="/bin/chgrp energy /sys%p/energy_uj", \
RUN+="/bin/chmod g+r /sys%p/energy_uj"' | sudo tee /etc/udev/rules.d/70-energy.rules
  sudo udevadm control --reload && sudo udevadm trigger --action=add --subsystem-match=powercap
and log in again; or let everybody read it until the next boot:
  sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj /sys/class/powercap/intel-rapl*/*/energy_uj"""
POWERCAP_HIDDEN = (
    "container engines hide /sys/devices/virtual/powercap. Start the container with `-v "
    "/sys/devices/virtual/powercap/intel-rapl:/powercap:ro` and name that folder with meter.powercap=/powercap (the "
    "files are root's: see to it that the container's user may read them)"
)
MSR_RIGHTS = """EnergiBridge reads /dev/cpu/*/msr and needs the right to. Give one group the right to the files and \
one capability to this one program, for good (setcap again after every move of the binary):
  sudo groupadd --force energy && sudo usermod -aG energy "$USER"
  echo msr | sudo tee /etc/modules-load.d/msr.conf
  echo 'KERNEL=="msr[0-9]*", GROUP="energy", MODE="0640"' | sudo tee /etc/udev/rules.d/71-energy-msr.rules
  sudo udevadm control --reload; sudo modprobe msr; sudo udevadm trigger --subsystem-match=msr
  sudo setcap cap_sys_rawio=ep {binary}
and log in again. Virtual machines usually have no such counters at all; a container needs `--cap-add SYS_RAWIO` and \
`--device /dev/cpu/N/msr` for every CPU, or meter=native"""
LOCKED_DOWN = (
    "the kernel is locked down ({mode}), as it is where Secure Boot is on: no right and no program can read "
    "/dev/cpu/*/msr then. meter=native reads the same counters through the kernel itself, which is allowed"
)
NO_REGISTER = (
    "this processor has no register of that kind (servers have no PP1, many processors no DRAM), and EnergiBridge "
    "gives up where one is missing: no right helps. meter=native measures those that there are"
)
WINDOWS_DRIVER = """EnergiBridge needs its driver and an administrator's shell. In a terminal opened with `Run as \
administrator`:
  sc.exe create rapl type=kernel binPath="C:\\FULL\\PATH\\TO\\LibreHardwareMonitor.sys"
  sc.exe start rapl
and start this program from the same terminal. If the .sys file is gone or does not start, Windows Defender has \
removed it, as it counts as a vulnerable driver: see Windows Security, Protection history; allow it if you may"""


def sample_too_slow(log: str, interval_ms: int) -> str:
    """What to do where EnergiBridge's output says that a sample took longer than the interval, else nothing."""
    if "subtracting durations" not in log:
        return ""
    return f"taking a sample took longer than the interval of {interval_ms} ms; raise meter.interval_ms"


def real_cause(log: str, lockdown: Path = LOCKDOWN) -> str:
    """What EnergiBridge's panic means where its usual remedy would be the wrong one, else nothing."""
    if "panicked at" not in log:
        return ""
    if "code: 5," in log or "Input/output error" in log:
        return NO_REGISTER
    if "code: 1," in log or "Operation not permitted" in log:
        mode = lockdown_mode(lockdown)
        return LOCKED_DOWN.format(mode=mode) if mode else ""
    return ""


def lockdown_mode(lockdown: Path = LOCKDOWN) -> str:
    """`integrity` or `confidentiality` (kernel_lockdown(7)); nothing where the kernel is not locked down."""
    try:
        chosen = lockdown.read_text(encoding="ascii").partition("[")[2].partition("]")[0]
    except OSError:
        return ""
    return "" if chosen == "none" else chosen
