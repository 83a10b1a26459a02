"""A real Slurm on this one host: munged, slurmctld and a slurmd for each node, below one folder, without systemd.

The nodes' CPUs and memory are claims. What it starts is known by SLURM_CONF in its environment.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PATIENCE_S = 60.0
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=keepaliveinterval=30
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.sock,cred_expire=30
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=5,bf_interval=5
EnforcePartLimits=ALL
ReturnToService=2
MessageTimeout=30
SlurmdTimeout=10
KillWait=5
SlurmdParameters=config_overrides
NodeName=node[1-{nodes}] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=8 RealMemory=64000
PartitionName=all Nodes=ALL Default=YES
"""


def missing() -> str:
    """Which of its programs this machine lacks."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return ", ".join(name for name in PROGRAMS if shutil.which(name, path=path) is None)


class Slurm:
    """A running cluster; `environment` is what its commands need."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self.folder, self.nodes = folder, nodes
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        port = free_ports(self.nodes + 1)
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        names = {"host": socket.gethostname(), "user": getpass.getuser(), "folder": self.folder, "nodes": self.nodes}
        ports = {"port": port, "first": port + 1, "last": port + self.nodes}
        (self.folder / "slurm.conf").write_text(CONF.format(**names, **ports))
        files = [f"--{name}={self.folder}/munge.{name[:4]}" for name in ("socket", "pid-file", "seed-file", "log-file")]
        files[0] = f"--socket={self.folder}/munge.sock"
        self._launch("munge", "munged", "--foreground", "--force", f"--key-file={key}", *files)
        self._await("munge", lambda: (self.folder / "munge.sock").exists())
        self._launch("slurmctld", "slurmctld", "-D")
        self._await("slurmctld", lambda: "UP" in self.told("scontrol", "ping"))
        for node in self._names():
            self.start_node(node)
        for node in self._names():
            self.await_node(node)

    def start_node(self, node: str) -> None:
        self._launch(node, "slurmd", "-D", "-N", node)

    def await_node(self, node: str) -> None:
        self._await(
            node, lambda: self.told("sinfo", "-h", "-n", node, "-o", "%T").strip() in ("idle", "mixed", "allocated")
        )

    def kill_node(self, node: str) -> None:
        """Let it die with all that runs on it, as in a power cut."""
        self._end(node, signal.SIGKILL)
        for process in self._jobs(node):
            process.kill()

    def job_on(self, node: str) -> str:
        """The job that runs on a node; empty where there is none."""
        return self.told("squeue", "-h", "-t", "running", "-w", node, "-o", "%A").strip()

    def told(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def stop(self) -> None:
        self.told("scancel", "--user", getpass.getuser())
        for name in [*reversed(self.daemons)]:
            self._end(name, signal.SIGTERM)
        for process in self._jobs(None):
            process.kill()

    def _names(self) -> list[str]:
        return [f"node{number}" for number in range(1, self.nodes + 1)]

    def _launch(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, name: str, number: int) -> None:
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def _jobs(self, node: str | None) -> Iterator[psutil.Process]:
        """Processes of jobs, and the slurmstepd that watches over them, which alone does not name its node."""
        for process in psutil.process_iter():
            try:
                seen = process.environ()
                if seen.get("SLURM_CONF") != self.environment["SLURM_CONF"] or "SLURM_JOB_ID" not in seen:
                    continue
                if node in (None, seen.get("SLURMD_NODENAME")):
                    parent = process.parent()
                    if parent is not None and parent.name() == "slurmstepd":
                        yield parent
                    yield process
            except psutil.Error:
                continue

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not ready():
            if self.daemons[name].poll() is not None or time.monotonic() > until:
                said = (self.folder / f"{name}.out").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} did not come up:\n{said}")
            time.sleep(0.2)


def free_ports(count: int) -> int:
    """The first of some ports in a row that nobody uses."""
    for first in range(20_000 + os.getpid() % 5_000, 30_000, count):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no ports are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running_slurm(folder: Path, nodes: int = 3) -> Iterator[Slurm]:
    """A cluster for the time of a test; `folder` must have a short path, as sockets lie in it."""
    slurm = Slurm(folder, nodes)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
