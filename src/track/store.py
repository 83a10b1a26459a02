"""One MLflow store: file runs, find them again, keep a parent run for each sweep."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from mlflow.entities import Dataset, DatasetInput, Experiment, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils as mlflow_database
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from sqlalchemy.exc import SQLAlchemyError

from src.contract.course import Step, course_text, read_course
from src.contract.record import OLD_POWER_SERIES, POWER_SERIES, FiledRun, Point, RunRecord, Status, headlines
from src.errors import TrackError
from src.public import public, shown
from src.track.filed import filed_runs, filed_series
from src.track.pages import (
    EXPERIMENT_KIND_TAG,
    KIND,
    NOTE_TAG,
    VIEW_TAG,
    experiment_note,
    in_order,
    is_ours,
    run_note,
    runs_path,
    split_params,
    view,
)
from src.track.patience import hurry, no_waiting
from src.track.typed_tags import typed_tags

PARENT_TAG = "mlflow.parentRunId"

COURSE_TAG = "joulebench.course"
SOURCE_TAGS = {"mlflow.source.name": "joulebench", "mlflow.source.type": "LOCAL"}
SQLITE_PREFIX = "sqlite:///"
BATCH_METRICS, BATCH_PARAMS = 900, 100
"""MLflow's limits for one batch: 1 000 values in all, 100 of them parameters."""

CONTEXT_TAG = "mlflow.data.context"
DIGEST_LENGTH = 36
"""MLflow's limit."""
PARAM_LENGTH = 6000
TAG_LENGTH = 5000
MLFLOW_STATUS = {"finished": "FINISHED", "failed": "FAILED", "disturbed": "FINISHED", "stopped": "KILLED"}
LATE_S, LOOK_AGAIN_S = 15.0, 2.0
"""How long, and how often, to look for what a server may have made although it did not say so."""
UNSURE = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
"""How MLflow calls an answer that did not come, or one of a server that is in trouble."""
FORBIDDEN = "PERMISSION_DENIED"
OLD_SCHEMA = "out-of-date database schema"
SHOWN = 5
T = TypeVar("T")
STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError, ImportError)


def connect(uri: str | None) -> Store:
    """Open the store and ask it once; raises TrackError where it cannot be opened or does not answer."""
    named = public(uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    with explained(f"The MLflow store {named} cannot be opened", "choose another tracking_uri", _upgrade(named)):
        # MLflow would try ten times and a hundred seconds to open a database that is not there.
        mlflow_database.MAX_RETRY_COUNT = 3
        client = MlflowClient(tracking_uri=uri)
        store = Store(client, public(client.tracking_uri))
        store.ask()
    return store


def parameter(value: str) -> str:
    """As long as MLflow takes it; of a longer one the end tells it from others that begin alike."""
    if len(value) <= PARAM_LENGTH:
        return value
    end = f"… SHA-256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value[: PARAM_LENGTH - len(end)] + end


@contextmanager
def explained(what: str, remedy: str, of_old_schema: str = "") -> Iterator[None]:
    """Turn what MLflow and its store raise into a TrackError: what, why, and what to do."""
    try:
        yield
    except STORE_ERRORS as error:
        reason = " ".join(shown(str(error)).split()).partition(" [SQL:")[0]
        if of_old_schema and OLD_SCHEMA in reason:
            raise TrackError(f"{what}: an earlier version of MLflow made it; {of_old_schema}") from error
        raise TrackError(f"{what} ({reason[:400]}); {remedy}") from error


def _upgrade(uri: str) -> str:
    """How to bring a database to the schema of this MLflow."""
    return f"copy the database, then `mlflow db upgrade {shlex.quote(uri)}` brings it up to date"


@dataclass
class Store:
    """One MLflow store, opened with `src.track.open_store`; its methods raise TrackError where it fails.

    `uri` is its address as it may be shown.
    """

    client: MlflowClient
    uri: str
    _experiment_ids: dict[str, str] = field(default_factory=dict)
    _artifact_uris: dict[str, str] = field(default_factory=dict)
    _downloads: str = ""
    repeated: dict[str, int] = field(default_factory=dict)
    """How many copies of a run the last reading left out, by `run_uid`."""

    def ask(self) -> None:
        """Ask the store anything; raises what MLflow raises."""
        hurry()
        self.client.search_experiments(max_results=1)
        self._require_file()

    def at_store(self, act: Callable[..., T], *arguments: Any) -> T:
        """What a function says of this store and the arguments: here, as a store apart says it (`src.track.apart`)."""
        return act(self, *arguments)

    def answers(self) -> bool:
        """Whether the store can be reached."""
        try:
            self.ask()
        except STORE_ERRORS:
            return False
        return True

    def check(self, experiment: str) -> None:
        """Make sure, before anything is measured, that runs can be filed in `experiment`; it may be new.

        Raises TrackError where they cannot, or could not be read again.
        """
        if _is_local(self.uri):
            remedy = "use tracking_uri=sqlite:///mlflow.db, or a server's address"
            raise TrackError(f"{self.uri} is a store of files, whose runs no report can read: {remedy}")
        with explained(
            f"Experiment '{experiment}' in {self.uri} cannot be used",
            "choose another experiment=NAME, or another store with tracking_uri=URI",
        ):
            found = self._experiment(experiment)
            location = str(found.artifact_location)
            if _is_local(location):
                folder = _local_path(location)
                folder.mkdir(parents=True, exist_ok=True)
                probe = folder / ".writable"
                probe.touch()
                probe.unlink()

    def experiment_id(self, name: str) -> str:
        """MLflow's number of an experiment, which is made where there is none."""
        if name not in self._experiment_ids:
            self._experiment_ids[name] = self._experiment(name).experiment_id
        return self._experiment_ids[name]

    def runs_page(self, experiment: str) -> str:
        """The runs side by side: what to put behind the address that `mlflow ui` prints, or the server's own."""
        return "/" + runs_path(self.experiment_id(experiment))

    def start_sweep(
        self,
        experiment: str,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        artifacts: Iterable[Path] = (),
    ) -> str:
        """The id of the sweep's parent run: the one there is, for a sweep that goes on, or a new one."""
        with explained(
            f"Sweep '{name}' could not be begun in {self.uri}", "see that the store works, then start again"
        ):
            experiment_id = self.experiment_id(experiment)
            self._describe(experiment)
            run = self._sweep(experiment, name)
            if run is not None:
                run_id = str(run.info.run_id)
            else:
                own_tags = {**tags, "kind": "sweep", "sweep": name}
                run_id = self._create(experiment_id, name, own_tags, _now_ms(), lambda: self._sweep(experiment, name))
                self._log(run_id, [], params)
            hurry()
            self.client.update_run(run_id, status="RUNNING")
            self._copy(run_id, artifacts)
        return run_id

    def file_run(self, record: RunRecord, parent_run_id: str | None = None) -> str:
        """File a run once: one that is there already is left as it is, one left half filed is completed.

        Returns its id. A run that was deleted on MLflow's pages is filed anew.
        """
        with explained(
            f"Run '{record.name}' could not be filed in {self.uri}",
            f"nothing is lost: its files are in {record.folder}",
        ):
            run = self._run_of(record)
            if run is not None and run.info.status != "RUNNING":
                return str(run.info.run_id)
            run_id = run.info.run_id if run is not None else self._begin(record, parent_run_id)
            return self._fill(run_id, record)

    def annotate(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Add what became known of a filed run later; under a name that it has already, the new value counts."""
        with explained(f"Run {run_id} could not be added to in {self.uri}", "give the same command again"):
            now = _now_ms()
            self._log(run_id, [Metric(key, value, now, 0) for key, value in metrics.items()], {}, tags)

    def course(self, run_id: str) -> tuple[Step, ...]:
        """How a sweep went so far, by its own run."""
        with explained(f"The sweep's run {run_id} cannot be read from {self.uri}", "see that the store works"):
            hurry()
            return read_course(self.client.get_run(run_id).data.tags.get(COURSE_TAG, ""))

    def add_step(self, run_id: str, steps: Sequence[Step], note: str = "") -> None:
        """Tell how a sweep went up to now, and its description where there is one."""
        self.annotate(run_id, {}, {COURSE_TAG: course_text(steps), **({NOTE_TAG: note} if note else {})})

    def annotate_sweep(self, experiment: str, sweep: str, artifact: Path) -> None:
        """Add a file to a sweep's own run, where there is one."""
        with explained(f"Sweep '{sweep}' could not be added to in {self.uri}", "give the same command again"):
            run = self._sweep(experiment, sweep)
            if run is not None:
                self._copy(run.info.run_id, [artifact])

    def is_filed(self, record: RunRecord) -> bool:
        """Whether the run is there already, as a whole."""
        with explained(f"The runs of '{record.experiment}' cannot be read from {self.uri}", "see that the store works"):
            run = self._run_of(record)
        return run is not None and run.info.status != "RUNNING"

    def has(self, experiment: str) -> bool:
        """Whether there is such an experiment."""
        with explained(f"The experiments of {self.uri} cannot be read", "see that the store works"):
            hurry()
            found = self.client.get_experiment_by_name(experiment)
        return found is not None and found.lifecycle_stage != "deleted"

    def is_open(self, experiment: str, sweep: str) -> bool:
        """Whether the sweep's parent run is there, and was never closed."""
        with explained(f"The sweeps of '{experiment}' cannot be read from {self.uri}", "see that the store works"):
            run = self._sweep(experiment, sweep)
        return run is not None and run.info.status == "RUNNING"

    def drop_halves(self, experiment: str, sweep: str, parent_run_id: str) -> None:
        """Take away what a server made of a sweep beside what counts, when it answered too late to be heard."""
        with explained(f"The runs of sweep '{sweep}' cannot be tidied up in {self.uri}", "see that the store works"):
            named = f"tags.sweep = '{_plain(sweep)}' and attributes.status = 'RUNNING'"
            for run in self._find_all(self.experiment_id(experiment), named):
                uid = run.data.tags.get("run_uid")
                twin = uid is not None and any(
                    other.info.status != "RUNNING" for other in self._all_of_uid(experiment, uid)
                )
                if twin or (run.data.tags.get("kind") == "sweep" and run.info.run_id != parent_run_id):
                    self._delete(run.info.run_id)

    def delete_runs(self, run_ids: Iterable[str]) -> None:
        """Delete runs as MLflow's pages do: they can be restored until `mlflow gc` is run."""
        with explained(f"A run cannot be deleted from {self.uri}", "give the same command again"):
            for run_id in run_ids:
                hurry()
                self.client.delete_run(run_id)

    def _delete(self, run_id: str) -> None:
        """Where a server lets only others do that, a half stays: it is open for ever, and counts nowhere."""
        hurry()
        try:
            self.client.delete_run(run_id)
        except MlflowException as error:
            if error.error_code != FORBIDDEN:
                raise

    def finish_sweep(
        self,
        parent_run_id: str,
        metrics: Mapping[str, float],
        artifacts: Iterable[Path] = (),
        status: Status | Literal["stopped"] = "finished",
        note: str = "",
    ) -> None:
        """Close the parent run with the sweep's summary; `note` is Markdown, shown on the run's page.

        A folder among `artifacts` is filed with all that is in it.
        """
        with explained(
            f"The sweep's summary could not be filed in {self.uri}",
            "the runs' files are in the sweep's folder",
        ):
            now = _now_ms()
            values = [Metric(key, value, now, 0) for key, value in metrics.items()]
            self._log(parent_run_id, values, {}, {NOTE_TAG: note} if note else {})
            self._copy(parent_run_id, artifacts)
            hurry()
            self.client.set_terminated(parent_run_id, MLFLOW_STATUS[status], end_time=now)

    def records(self, experiment: str) -> list[FiledRun]:
        """All finished and failed measured runs, each once, in the order they began; `repeated` says what is left out.

        Of several copies, which a server that answers late makes, the most complete one counts.
        """
        with explained(f"The runs of '{experiment}' cannot be read from {self.uri}", "check its name with `mlflow ui`"):
            found = self.client.get_experiment_by_name(experiment)
            if found is None:
                names = ", ".join(self._experiment_names())
                raise TrackError(f"{self.uri} has no experiment '{experiment}'; it has {names}")
            hurry()
            filed = filed_runs(self.client, found.experiment_id)
        self._artifact_uris.update((run.run_id, uri) for run, uri in filed)
        runs = [run for run, _ in filed]
        kept = _each_once(runs)
        counts = Counter(map(_identity, runs))
        self.repeated = {uid: count - 1 for uid, count in counts.items() if count > 1}
        return kept

    @property
    def left_out(self) -> str:
        """What the last reading left out, in a sentence; nothing where each run was there once."""
        if not self.repeated:
            return ""
        names = ", ".join(list(self.repeated)[:SHOWN]) + (", ..." if len(self.repeated) > SHOWN else "")
        return (
            f"{len(self.repeated)} runs are in {self.uri} more than once and count once; "
            f"{sum(self.repeated.values())} copies were left out: {names}"
        )

    def trace(self, run_id: str) -> list[Point]:
        """A run's power over time, as it was filed; empty where none was."""
        with explained(f"The power trace of run {run_id} cannot be read from {self.uri}", "see that the store works"):
            new = filed_series(self.client, run_id, POWER_SERIES)
            return new or filed_series(self.client, run_id, OLD_POWER_SERIES)

    def artifact(self, run_id: str, name: str) -> Path:
        """A file of a run, on this machine: where it lies, or a copy where the store is a server."""
        with explained(
            f"The file {name} of run {run_id} cannot be read from {self.uri}",
            "see on its page whether it is there",
        ):
            uri = self._artifact_uris.get(run_id) or self.client.get_run(run_id).info.artifact_uri
            self._artifact_uris[run_id] = uri
            if not _is_local(uri):
                return Path(self.client.download_artifacts(run_id, name, self._download_folder(run_id)))
            path = _local_path(uri) / name
            if not path.exists():
                raise FileNotFoundError(f"no {path}")
            return path

    def _download_folder(self, run_id: str) -> str:
        """A run's own, gone with this store."""
        if not self._downloads:
            self._downloads = tempfile.mkdtemp(prefix="joulebench-")
            weakref.finalize(self, shutil.rmtree, self._downloads, ignore_errors=True)
        folder = Path(self._downloads) / run_id
        folder.mkdir(exist_ok=True)
        return str(folder)

    def _sqlite_folder(self) -> Path | None:
        return Path(self.uri.removeprefix(SQLITE_PREFIX)).parent if self.uri.startswith(SQLITE_PREFIX) else None

    def _experiment(self, name: str) -> Experiment:
        hurry()
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return self.client.get_experiment(self._create_experiment(name))
        if found.lifecycle_stage == "deleted":
            number = found.experiment_id
            raise TrackError(
                f"Experiment '{name}' was deleted from {self.uri}; bring it back with "
                f"`mlflow experiments restore --experiment-id {number}`, or choose another experiment=NAME"
            )
        return found

    def _create_experiment(self, name: str) -> str:
        """Make it; where another process did so in the same moment, or the answer came late, the one there is."""
        tags = {EXPERIMENT_KIND_TAG: KIND, VIEW_TAG: view(_now_ms())}
        hurry()
        try:
            return str(self.client.create_experiment(name, self._artifact_root(name), tags))
        except STORE_ERRORS as error:
            found = _looked_for(lambda: self.client.get_experiment_by_name(name), error)
            return str(found.experiment_id)

    def _describe(self, name: str) -> None:
        """Give the experiment its view and its description, unless somebody wrote others."""
        found = self._experiment(name)
        wanted = {} if is_ours(found.tags.get(VIEW_TAG)) else {VIEW_TAG: view(_now_ms())}
        wanted |= {} if found.tags.get(NOTE_TAG) else {NOTE_TAG: experiment_note(found.experiment_id)}
        for key, value in wanted.items():
            hurry()
            self.client.set_experiment_tag(found.experiment_id, key, value)

    def _artifact_root(self, name: str) -> str | None:
        """Beside a database that lies elsewhere; None leaves it to MLflow: `mlruns` here, or the server's."""
        folder = self._sqlite_folder()
        if folder is None or folder.resolve() == Path.cwd():
            return None
        return (folder.resolve() / "mlruns" / "".join(c if c.isalnum() else "-" for c in name)).as_uri()

    def _experiment_names(self) -> list[str]:
        return [experiment.name for experiment in self.client.search_experiments(max_results=20)]

    def _require_file(self) -> None:
        """A database that was deleted still takes runs from whoever has it open, and nobody else will see them."""
        path = self.uri.removeprefix(SQLITE_PREFIX)
        if self._sqlite_folder() and not Path(path).exists():
            raise FileNotFoundError(f"{path} was deleted")

    def _find_all(self, experiment_id: str, query: str) -> list[Run]:
        hurry()
        self._require_file()
        return list(self.client.search_runs([experiment_id], query, max_results=1000))

    def _sweep(self, experiment: str, name: str) -> Run | None:
        named = f"tags.kind = 'sweep' and tags.sweep = '{_plain(name)}'"
        return _best(self._find_all(self.experiment_id(experiment), named))

    def _all_of_uid(self, experiment: str, uid: str) -> list[Run]:
        return self._find_all(self.experiment_id(experiment), f"tags.run_uid = '{_plain(uid)}'")

    def _run_of(self, record: RunRecord) -> Run | None:
        """The record's run; RUNNING where its filing was interrupted, since the status is filed last."""
        return _best(self._all_of_uid(record.experiment, record.uid))

    def _begin(self, record: RunRecord, parent_run_id: str | None) -> str:
        own = {**record.tags, **split_params(record.params)[1], **typed_tags(record), "kind": "run"}
        own |= {NOTE_TAG: run_note(record)}
        tags = own | ({PARENT_TAG: parent_run_id} if parent_run_id else {})
        number = self.experiment_id(record.experiment)
        return self._create(number, record.name, tags, record.start_ms, lambda: self._run_of(record))

    def _create(
        self, experiment_id: str, name: str, tags: Mapping[str, str], start_ms: int, find: Callable[[], Run | None]
    ) -> str:
        """Make a run, never twice: one that fails may have been made all the same, and is looked for with `find`."""
        short = {key: value[:TAG_LENGTH] for key, value in (SOURCE_TAGS | dict(tags)).items()}
        hurry()
        try:
            return str(self.client.create_run(experiment_id, start_ms, short, name).info.run_id)
        except STORE_ERRORS as error:
            return str(_looked_for(find, error).info.run_id)

    def _fill(self, run_id: str, record: RunRecord) -> str:
        first = [metric.name for metric in headlines([record])]
        metrics = [Metric(key, value, record.end_ms, 0) for key, value in in_order(record.metrics, first).items()]
        for key, points in record.series.items():
            metrics += [Metric(key, point.value, point.time_ms, point.step) for point in points]
        self._log(run_id, metrics, split_params(record.params)[0])
        if inputs := _inputs(record):
            hurry()
            self.client.log_inputs(run_id, inputs)
        self._copy(run_id, record.artifacts())
        if record.with_model:
            with no_waiting():
                from src.track.logged_model import log_model  # loads much that no other run needs

            log_model(self.client, self.experiment_id(record.experiment), run_id, record)
        hurry()
        self.client.set_terminated(run_id, MLFLOW_STATUS[record.status], end_time=record.end_ms)
        return run_id

    def _log(
        self,
        run_id: str,
        metrics: list[Metric],
        params: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """In as few requests as MLflow's limits allow: one, for an ordinary run."""
        left_params = [Param(key, parameter(value)) for key, value in params.items()]
        left_tags = [RunTag(key, value[:TAG_LENGTH]) for key, value in (tags or {}).items()]
        while metrics or left_params or left_tags:
            hurry()
            self.client.log_batch(run_id, metrics[:BATCH_METRICS], left_params[:BATCH_PARAMS], left_tags)
            metrics, left_params, left_tags = metrics[BATCH_METRICS:], left_params[BATCH_PARAMS:], []

    def _copy(self, run_id: str, artifacts: Iterable[Path]) -> None:
        for path in artifacts:
            if path.is_symlink():
                continue
            hurry()
            self.client.log_artifact(run_id, str(path))


def _inputs(record: RunRecord) -> list[DatasetInput]:
    """The data that the run worked on, for MLflow's column and filter of datasets; a command has none."""
    name, checksum = (record.params.get(f"dataset.{key}") for key in ("name", "checksum"))
    if not name or not checksum:
        return []
    data = Dataset(name, checksum[:DIGEST_LENGTH], "local", json.dumps({"sha256": checksum}))
    context = record.params.get("workload.kind") or "training"
    return [DatasetInput(data, [InputTag(CONTEXT_TAG, context)])]


def _looked_for(find: Callable[[], T | None], error: Exception) -> T:
    """What a failed creation may have made, as soon as it is there; raises `error` where it does not come to be.

    Only a server that was silent or in trouble is asked more than once.
    """
    unsure = isinstance(error, MlflowException) and error.error_code in UNSURE and "refused" not in str(error)
    deadline = time.monotonic() + (LATE_S if unsure else 0.0)
    while True:
        try:
            found = find()
        except TimeoutError:
            raise error from None
        except STORE_ERRORS:
            found = None
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise error
        time.sleep(LOOK_AGAIN_S)


def _best(runs: Sequence[Run]) -> Run | None:
    """The one of several copies that counts: one that was closed before one that was not, the same at every look."""
    return min(runs, key=lambda run: (run.info.status == "RUNNING", run.info.run_id), default=None)


def _identity(run: FiledRun) -> str:
    return run.tags.get("run_uid") or run.run_id


def _each_once(runs: Sequence[FiledRun]) -> list[FiledRun]:
    """Of several copies of a run the most complete one, in the order in which the runs came."""
    best: dict[str, FiledRun] = {}
    for run in runs:
        other = best.get(_identity(run))
        if other is None or _completeness(run) > _completeness(other):
            best[_identity(run)] = run
    return list(best.values())


def _completeness(run: FiledRun) -> tuple[bool, int]:
    return run.status != "failed", len(run.metrics) + len(run.params) + len(run.tags)


def _plain(text: str) -> str:
    """A tag's value as part of a query; MLflow's query language cannot write a quote."""
    if "'" in text:
        raise TrackError(f"The name {text!r} contains a quote, which MLflow cannot search for; choose another name")
    return text


def _is_local(uri: str) -> bool:
    """Whether artifacts lie in a folder here; a single letter is a drive of Windows, not a scheme."""
    scheme = urlsplit(uri).scheme
    return scheme in ("", "file") or len(scheme) == 1


def _local_path(uri: str) -> Path:
    return Path(str(local_file_uri_to_path(uri)))  # type: ignore[no-untyped-call]


def _now_ms() -> int:
    return int(time.time() * 1000)
