"""Whether a study has what it needs beside the machine: environments, data, and a store that takes its runs."""

from __future__ import annotations

from collections.abc import Iterable

from src.doctor.finding import Finding, careful, fine, stop
from src.doctor.state import Environment, MachineState, Software

SHOWN = 3


def software(state: MachineState) -> Iterable[Finding]:
    """Each framework's environment, the dataset, the tracking store."""
    seen = state.software
    if seen is None:
        return
    yield from (_environment(each, seen.gpu_wanted) for each in seen.environments or ())
    if seen.dataset:
        yield _dataset(seen)
    if seen.store_failure:
        yield stop("MLflow", seen.store_failure.partition(";")[0], seen.store_failure.partition(";")[2].strip())
    elif seen.store:
        yield fine("MLflow", f"{seen.store} takes runs")


def _environment(seen: Environment, gpu_wanted: bool) -> Finding:
    versions = ", ".join(seen.versions)
    if seen.failure:
        return stop(seen.name, seen.failure, seen.remedy)
    if seen.drifted:
        more = f" and {len(seen.drifted) - SHOWN} more" if seen.drifted[SHOWN:] else ""
        said = f"not what its lock says: {', '.join(seen.drifted[:SHOWN])}{more}"
        return stop(seen.name, said, seen.remedy)
    if seen.late:
        said = f"{versions}; still importing when the time was over"
        return careful(seen.name, said, "run it again when others are done; the first start reads from disk")
    if gpu_wanted and set(seen.devices) <= {"cpu"}:
        return stop(seen.name, f"{versions} sees no GPU", "see that its build is for CUDA and the driver is new enough")
    return fine(seen.name, f"{versions} on {', '.join(seen.devices)}")


def _dataset(seen: Software) -> Finding:
    if seen.dataset_here:
        return fine("dataset", seen.dataset)
    if seen.dataset_here is None:
        return careful("dataset", seen.dataset, "the first run fetches it, as long as the network is up")
    return stop("dataset", seen.dataset.partition(";")[0].splitlines()[0], seen.dataset.partition(";")[2].strip())
