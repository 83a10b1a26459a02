"""The machines of a cluster, reached through submitit: jobs are started there, and asked whether they live."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from src.contract.json_files import ContractError, read_object, take, write_json
from src.contract.share_file import SHARES
from src.errors import ConfigError, RunError, SetupError
from src.paths import ROOT

JOBS_FILE = "jobs.json"
SLURM, LOCAL = "slurm", "local"
LAUNCHER = "submitit_"
"""What Hydra's launchers have before the kind of their cluster."""
ASK_TIMEOUT_S = 60.0
ALL_OF_A_NODE = {"exclusive": True, "mem": 0, "no_requeue": True}
"""What a job asks of Slurm: a node for itself, all its memory, and to be left dead after its node, as a job that Slurm
starts again on its own would be measured beside the one that takes over its blocks."""
OWN_KEYS = (
    *("submitit_folder", "max_num_timeout", "array_parallelism", "tasks_per_node", "nodes"),
    *("exclude", "additional_parameters"),
)
BOTH = ("timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout")
"""Keys that every cluster has; the others are Slurm's."""


@dataclass(frozen=True)
class Job:
    """A share that was given to a cluster as job `name`; `job` is its number there, empty until that is known.

    `tries` says how often its blocks were given away before. It must not run on the machines in `avoided`.
    """

    share: int
    name: str
    job: str = ""
    tries: int = 0
    avoided: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """`settings` are those of Hydra's launcher."""

    kind: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, launcher: str, settings: Mapping[str, Any]) -> Cluster:
        """The cluster of one of Hydra's launchers; raises ConfigError and SetupError where it cannot be used."""
        kind = launcher.removeprefix(LAUNCHER)
        for key, wanted in (("tasks_per_node", 1), ("nodes", 1)):
            if settings.get(key, wanted) != wanted:
                raise ConfigError(
                    f"hydra.launcher.{key}={settings[key]}: a share is one process on one machine; leave it out, and "
                    "say with protocol.machines how many there are"
                )
        if kind == SLURM and shutil.which("sbatch") is None:
            raise SetupError(
                f"hydra/launcher={launcher}: there is no sbatch on this machine; start it where jobs are given to "
                "Slurm, or measure by hand with protocol.share=1/4, 2/4 ... on each machine"
            )
        if kind == SLURM and _told(["sinfo", "--noheader"]) is None:
            raise SetupError(f"hydra/launcher={launcher}: Slurm does not answer (`sinfo` failed); ask whoever runs it")
        return cls(kind, dict(settings))

    def submit(self, folder: Path, job: Job) -> str:
        """Start the job that measures a share; returns its number. Raises RunError where the cluster refuses it."""
        import submitit

        logs = folder / SHARES / "logs" / f"{job.share:03d}-%j"
        command = [sys.executable, "-m", "src.protocol.share", str(folder), str(job.share), str(Path.cwd())]
        try:
            executor = submitit.AutoExecutor(folder=logs, cluster=self.kind)
            executor.update_parameters(**self._parameters(job))
            begun = executor.submit(submitit.helpers.CommandFunction(command, cwd=ROOT, verbose=False))
        except (submitit.core.utils.FailedJobError, ValueError, RuntimeError) as error:
            said = " ".join(str(error).split())
            raise RunError(f"the cluster takes no job: {said}; see hydra.launcher.* on the command line") from error
        return str(begun.job_id)

    def _parameters(self, job: Job) -> dict[str, Any]:
        given = {key: value for key, value in self.settings.items() if not key.startswith("_") and key not in OWN_KEYS}
        own = {key if key in BOTH else f"{self.kind}_{key}": value for key, value in given.items() if value is not None}
        own["name"] = job.name
        if self.kind == LOCAL:
            return own
        excluded = [*filter(None, [self.settings.get("exclude")]), *job.avoided]
        more = ALL_OF_A_NODE | dict(self.settings.get("additional_parameters") or {})
        if own.get("mem_gb"):
            del more["mem"]
        own["slurm_additional_parameters"] = {key: value for key, value in more.items() if value is not False}
        # Some clusters bind a job's only process to one CPU, and then its threads too.
        own["slurm_srun_args"] = ["--cpu-bind=none"]
        return own | ({"slurm_exclude": ",".join(excluded)} if excluded else {})

    def alive(self, jobs: Iterable[Job]) -> frozenset[int] | None:
        """Which of these shares wait or run; None where nobody can tell now.

        Slurm's queue is asked, since its accounting calls a job dead that it is about to start again.
        """
        if self.kind == LOCAL:
            return frozenset(job.share for job in jobs if job.job and _lives(int(job.job)))
        asked = _told(["squeue", "--noheader", "--me", "--format=%A %j"])
        if asked is None:
            return None
        there = set(asked.split())
        return frozenset(job.share for job in jobs if {job.job, job.name} & there)

    def ending(self, job: Job) -> str:
        """What the cluster says of a job's end, for people."""
        if self.kind == LOCAL:
            return "its process is gone"
        said = _told(["sacct", "-n", "-X", "-P", "-j", job.job, "-o", "State"]) or ""
        return said.strip().splitlines()[-1] if said.strip() else "its job is gone"

    def end_command(self, jobs: Iterable[Job]) -> str:
        """What ends these jobs, to be copied into a shell."""
        return f"{'kill' if self.kind == LOCAL else 'scancel'} {' '.join(job.job for job in jobs)}"


def read_jobs(folder: Path) -> dict[int, Job]:
    """The shares that were given away below a sweep's folder; raises ContractError where the file is damaged."""
    path = folder / SHARES / JOBS_FILE
    if not path.exists():
        return {}
    found = {}
    for values in take(read_object(path), "jobs", list, str(path)):
        try:
            avoided = tuple(map(str, values["avoided"]))
            job = Job(int(values["share"]), str(values["name"]), str(values["job"]), int(values["tries"]), avoided)
        except (TypeError, KeyError, ValueError) as error:
            raise ContractError(f"{path} names no job ({error!r})") from error
        found[job.share] = job
    return found


def write_jobs(folder: Path, jobs: Mapping[int, Job]) -> None:
    """Write them, atomically."""
    path = folder / SHARES / JOBS_FILE
    path.parent.mkdir(exist_ok=True)
    write_json(path, {"jobs": [dataclasses.asdict(job) for job in jobs.values()]})


def _lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _told(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
