"""Try what a study needs beside the machine: every framework's environment side by side, the data, the store."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from src.config.schema import Config
from src.doctor.state import Environment, Software
from src.errors import JoulebenchError, TrackError
from src.measure.environment import worker_environment
from src.paths import ROOT
from src.track import open_store
from src.workloads.hardware import Device
from src.workloads.training.data.dataset import DatasetConfig
from src.workloads.training.data.prepared import whereabouts
from src.workloads.training.frameworks import Framework, frameworks
from src.workloads.training.interpreter import ENVIRONMENTS, INTERPRETER, LOCK_COPY

IMPORT_S = 11.0
"""How long all environments may take; TensorFlow's import is the longest, 3 to 7 s from a warm disk."""
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*(;?)", re.MULTILINE)
SQLITE = "sqlite:///"
TRIAL = """
import importlib, json, sys
from importlib.metadata import distributions
print(json.dumps({d.metadata["Name"]: d.version for d in distributions()}), flush=True)
for name in sys.argv[1:]:
    importlib.import_module(name)
def devices():
    if "torch" in sys.argv:
        import torch
        return ["cpu", *(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))]
    if "tensorflow" in sys.argv:
        import tensorflow
        return [d.device_type.lower() for d in tensorflow.config.list_physical_devices()]
    if "jax" in sys.argv:
        import jax
        return [str(d.device_kind) for d in jax.devices()]
    return ["cpu"]
print(json.dumps(devices()), flush=True)
"""
"""Tells the versions first, which takes no import, so that they are known of one that takes too long."""


def read_software(config: Config, root: Path) -> Software:
    """All of it, side by side."""
    own = _environments_of(config)
    with ThreadPoolExecutor(len(own) + 2) as pool:
        environments = [
            pool.submit(try_environment, name, framework, root, _requirements(name, config))
            for name, framework in own.items()
        ]
        data = pool.submit(_dataset, config.dataset, root)
        store, failure = pool.submit(_store, config.tracking_uri).result()
        dataset, here = data.result()
        tried = tuple(each.result() for each in environments)
        return Software(tried, dataset, here, store, failure, config.hardware.device is Device.cuda)


def _environments_of(config: Config) -> dict[str, Framework]:
    """Each environment once, with a framework that it is for; none where a command is measured."""
    if config.framework is None:
        return {}
    return {framework.environment: framework for framework in frameworks().values()}


def _requirements(name: str, config: Config) -> str:
    """What the environment is to be made from, below the project's folder."""
    if config.framework is not None and config.framework.environment == name:
        return config.framework.requirements
    return f"scripts/requirements/{name}-{config.hardware.device.value}.txt"


def try_environment(name: str, framework: Framework, root: Path, requirements: str) -> Environment:
    """Import its framework in its own process, and compare all versions with its lock, and that with what it should be.

    Whatever of it is wrong, setting it up anew mends it.
    """
    folder = root / ENVIRONMENTS / name
    python, lock = folder / INTERPRETER, folder / LOCK_COPY
    # Set-up keeps to the device that is installed where none is named.
    device = re.fullmatch(rf"scripts/requirements/{re.escape(name)}-(\w+)\.txt", requirements)
    remedy = f"  make setup ENVS={name}" + (f" DEVICE={device[1]}" if device else "")
    if not python.is_file() or not lock.is_file():
        return Environment(name, "not set up", remedy)
    wanted = root / requirements
    if wanted.is_file() and wanted.read_bytes() != lock.read_bytes():
        return Environment(name, f"made from other requirements than {requirements}", remedy)
    said, error, late = _told(python, framework.packages)
    versions = _json(said[:1])
    if not versions or (not late and len(said) < 2):
        return Environment(name, f"does not import: {error or 'it said nothing'}", f"  rm -r {folder}\n{remedy}")
    return Environment(
        name,
        remedy=f"  rm -r {folder}\n{remedy}",
        versions=_own_versions(framework.packages, versions),
        devices=tuple(_json(said[1:2]) or ()),
        drifted=tuple(drifted(lock.read_text(encoding="utf-8"), versions)),
        late=late,
    )


def _told(python: Path, packages: Sequence[str]) -> tuple[list[str], str, bool]:
    """The lines it wrote, its last complaint, and whether it was ended because it took too long."""
    command = [str(python), "-c", TRIAL, *packages]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "")}
    environment = worker_environment(os.environ, quiet, ROOT)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    late = False
    try:
        out, errors = process.communicate(timeout=IMPORT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        late = True
    complaints = errors.decode("utf-8", errors="replace").strip().splitlines()
    return out.decode("utf-8", errors="replace").splitlines(), complaints[-1] if complaints else "", late


def _json(lines: Sequence[str]) -> Any:
    """What the first line holds; None where there is none, or something else."""
    try:
        return json.loads(lines[0])
    except (IndexError, ValueError):
        return None


def _own_versions(packages: Sequence[str], versions: Mapping[str, str]) -> tuple[str, ...]:
    """Of the framework's own packages, as they are installed: by their name or as a build of it."""
    plain = {normalized(name): version for name, version in versions.items()}
    named = ((name, plain.get(name) or plain.get(f"{name}-cpu")) for name in packages)
    return tuple(f"{name} {version}" for name, version in named if version)


def drifted(lock: str, versions: Mapping[str, str]) -> list[str]:
    """Packages of another version than the lock names; one whose line bears a condition may be missing."""
    plain = {normalized(name): version for name, version in versions.items()}
    return [
        f"{name} {plain.get(normalized(name), 'is missing')} for {wanted}"
        for name, wanted, condition in LOCKED.findall(lock)
        if _public(plain.get(normalized(name), wanted if condition else "")) != _public(wanted)
    ]


def _public(version: str) -> str:
    """Without the name of the build, as in `2.13.0+cpu`."""
    return version.partition("+")[0]


def normalized(package: str) -> str:
    """A package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _dataset(config: DatasetConfig | None, root: Path) -> tuple[str, bool | None]:
    if config is None:
        return "", True
    try:
        place = whereabouts(config, root)
    except JoulebenchError as error:
        return str(error), False
    return (f"{config.name}, {place}", True) if place else (f"{config.name} is not here yet", None)


def _store(uri: str | None) -> tuple[str, str]:
    """The store as it may be shown, and why it takes no runs. Nothing is made: a database is locked and let go."""
    address = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if not address.startswith(SQLITE):
        return _asked(address)
    path = Path(unquote(address.removeprefix(SQLITE)))
    if not path.exists():
        writable = os.access(path.absolute().parent, os.W_OK)
        return path.name, "" if writable else f"{path.absolute().parent} cannot be written; choose another tracking_uri"
    try:
        with sqlite3.connect(path, timeout=1.0) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    except sqlite3.Error as error:
        return path.name, f"{path} cannot be written ({error}); see who holds it and whose it is"
    return _asked(address)


def _asked(address: str) -> tuple[str, str]:
    try:
        return open_store(address).uri, ""
    except TrackError as error:
        return address, str(error)
