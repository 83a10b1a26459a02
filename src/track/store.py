"""One MLflow store: file runs, find them again, keep a parent run for each sweep."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException, RestException
from mlflow.store.db import utils as mlflow_database
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from sqlalchemy.exc import SQLAlchemyError

from src.contract.metrics import OF_TASK
from src.contract.record import FiledRun, Point, RunRecord, Status, each_once
from src.errors import TrackError
from src.public import public, shown
from src.track.filed import filed_runs
from src.track.typed_tags import typed_tags

NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
EXPERIMENT_KIND_TAG = "mlflow.experimentKind"
"""Makes MLflow open the pages for training runs rather than those for language models."""

VIEW = "joulebench"
VIEW_QUERY = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
VIEW_STATE = {
    "searchFilter": "tags.kind = 'run'",
    # Sorted by date, MLflow would fold the runs below their sweep.
    "orderByKey": "metrics.`energy_j`",
    "orderByAsc": True,
    "selectedColumns": [
        *(f"metrics.`{name}`" for name in (*(metric.name for metric in OF_TASK), "accuracy")),
        *(f"tags.`{name}`" for name in ("treatment", "iteration", "energy_kind")),
    ],
}
"""A view of the runs side by side: MLflow's own shows only the sweeps, and no metric, until one clicks."""

POWER_TRACE = "power_trace_w"
"""The series that holds a run's power over time; its steps are milliseconds since the run began."""

SOURCE_TAGS = {"mlflow.source.name": "joulebench", "mlflow.source.type": "LOCAL"}
SQLITE_PREFIX = "sqlite:///"
BATCH_METRICS, BATCH_PARAMS = 900, 100
"""MLflow's limits for one batch: 1 000 values in all, 100 of them parameters."""

PARAM_LENGTH = 6000
TAG_LENGTH = 5000
MLFLOW_STATUS = {"finished": "FINISHED", "failed": "FAILED", "disturbed": "FINISHED"}
ASKED_FILE = ".asked"
"""In a run's folder while a server was asked to make the run and has not answered."""

MOST_COPIES = 20
LATE_S = 60.0
"""A server that has not done by then what it was asked for does it no more."""

STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError, ImportError)


def connect(uri: str | None) -> Store:
    """Open the store and ask it once; raises TrackError where it cannot be opened or does not answer."""
    with explained(
        f"The MLflow store {public(uri) if uri else 'that is configured'} cannot be opened",
        "choose another tracking_uri",
    ):
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
def explained(what: str, remedy: str) -> Iterator[None]:
    """Turn what MLflow and its store raise into a TrackError: what, why, and what to do."""
    try:
        yield
    except STORE_ERRORS as error:
        reason = " ".join(shown(str(error)).split())
        raise TrackError(f"{what} ({reason[:400]}); {remedy}") from error


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

    def ask(self) -> None:
        """Ask the store anything; raises what MLflow raises."""
        self.client.search_experiments(max_results=1)

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
        return f"/#/experiments/{self.experiment_id(experiment)}/runs?{VIEW_QUERY}"

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
            own_tags = {**tags, "kind": "sweep", "sweep": name}
            run_id, is_new = self._once(
                lambda: self._sweep(experiment, name),
                lambda: self._create(experiment_id, name, own_tags, _now_ms()),
                None,
                LATE_S,
            )
            if is_new:
                self._log(run_id, [], params)
            self.client.update_run(run_id, status="RUNNING")
            self._copy(run_id, artifacts)
        return run_id

    def file_run(self, record: RunRecord, parent_run_id: str | None = None, patience_s: float = LATE_S) -> str:
        """File a run once: one that is there already is left as it is, one left half filed is completed.

        Returns its id. A run that was deleted on MLflow's pages is filed anew. A run that a server was asked to make
        and did not answer for is waited for up to `patience_s`, never asked for twice within LATE_S.
        """
        with explained(
            f"Run '{record.name}' could not be filed in {self.uri}",
            f"nothing is lost: its files are in {record.folder}",
        ):
            run = self._run_of(record)
            if run is not None and run.info.status != "RUNNING":
                return str(run.info.run_id)
            run_id, _ = self._once(
                lambda: self._run_of(record),
                lambda: self._begin(record, parent_run_id),
                record.folder / ASKED_FILE if self._is_served else None,
                patience_s,
            )
            return self._fill(run_id, record)

    def is_filed(self, record: RunRecord) -> bool:
        """Whether the run is there already, as a whole."""
        with explained(f"The runs of '{record.experiment}' cannot be read from {self.uri}", "see that the store works"):
            run = self._run_of(record)
        return run is not None and run.info.status != "RUNNING"

    def is_open(self, experiment: str, sweep: str) -> bool:
        """Whether the sweep's parent run is there, and was never closed."""
        with explained(f"The sweeps of '{experiment}' cannot be read from {self.uri}", "see that the store works"):
            if self.client.get_experiment_by_name(experiment) is None:
                return False
            run = self._sweep(experiment, sweep)
        return run is not None and run.info.status == "RUNNING"

    def finish_sweep(
        self,
        parent_run_id: str,
        metrics: Mapping[str, float],
        artifacts: Iterable[Path] = (),
        status: Status = "finished",
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
            self.client.set_terminated(parent_run_id, MLFLOW_STATUS[status], end_time=now)

    def records(self, experiment: str) -> list[FiledRun]:
        """All finished and failed measured runs, each once, in the order they began."""
        with explained(f"The runs of '{experiment}' cannot be read from {self.uri}", "check its name with `mlflow ui`"):
            found = self.client.get_experiment_by_name(experiment)
            if found is None:
                names = ", ".join(self._experiment_names())
                raise TrackError(f"{self.uri} has no experiment '{experiment}'; it has {names}")
            filed = filed_runs(self.client, found.experiment_id)
        self._artifact_uris.update((run.run_id, uri) for run, uri in filed)
        return each_once([run for run, _ in filed])

    def trace(self, run_id: str) -> list[Point]:
        """A run's power over time, as it was filed; empty where none was."""
        with explained(f"The power trace of run {run_id} cannot be read from {self.uri}", "see that the store works"):
            found = self.client.get_metric_history(run_id, POWER_TRACE)
        return sorted(Point(each.step, each.timestamp, each.value) for each in found)

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
        tags = {EXPERIMENT_KIND_TAG: "custom_model_development", VIEW_TAG: json.dumps(VIEW_STATE)}
        try:
            return str(self.client.create_experiment(name, self._artifact_root(name), tags))
        except STORE_ERRORS as error:  # another sweep may have made it in this moment, or the answer come late
            deadline_s = time.monotonic() + (LATE_S if self._may_come_late(error) else 0.0)
            while (found := self.client.get_experiment_by_name(name)) is None:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(1.0)
            return str(found.experiment_id)

    def _artifact_root(self, name: str) -> str | None:
        """Beside a database that lies elsewhere; None leaves it to MLflow: `mlruns` here, or the server's."""
        folder = self._sqlite_folder()
        if folder is None or folder.resolve() == Path.cwd():
            return None
        return (folder.resolve() / "mlruns" / "".join(c if c.isalnum() else "-" for c in name)).as_uri()

    def _experiment_names(self) -> list[str]:
        return [experiment.name for experiment in self.client.search_experiments(max_results=20)]

    def _find(self, experiment_id: str, query: str) -> Run | None:
        """The run that a query finds; of copies that an earlier version made, one that was filed to its end."""
        found = self.client.search_runs([experiment_id], query, max_results=MOST_COPIES, order_by=["start_time ASC"])
        return next((run for run in found if run.info.status != "RUNNING"), found[0] if found else None)

    def _sweep(self, experiment: str, name: str) -> Run | None:
        return self._find(self.experiment_id(experiment), f"tags.kind = 'sweep' and tags.sweep = '{_plain(name)}'")

    def _run_of(self, record: RunRecord) -> Run | None:
        """The record's run; RUNNING where its filing was interrupted, since the status is filed last."""
        return self._find(self.experiment_id(record.experiment), f"tags.run_uid = '{_plain(record.uid)}'")

    def _once(
        self, find: Callable[[], Run | None], create: Callable[[], str], asked: Path | None, patience_s: float
    ) -> tuple[str, bool]:
        """The id of a run that is looked for before it is made, and whether it was made now.

        A server may make a run and answer too late: so what is not answered is looked for again, and asked for anew
        only after LATE_S. `asked` is a file that remembers this for other processes.
        """
        begin_s, asked_s = time.monotonic(), _age_s(asked)
        while True:
            run = find()
            if run is not None:
                _forget(asked)
                return str(run.info.run_id), asked_s is not None
            if asked_s is None or asked_s + time.monotonic() - begin_s > LATE_S:
                try:
                    _remember(asked)
                    run_id = create()
                except STORE_ERRORS as error:
                    if not self._may_come_late(error):
                        _forget(asked)
                        raise
                    asked_s, reason = begin_s - time.monotonic(), error
                else:
                    _forget(asked)
                    return run_id, True
            else:
                reason = TimeoutError("the store was asked for it before and has not answered yet")
            if time.monotonic() - begin_s > patience_s:
                raise reason
            time.sleep(1.0)

    def _may_come_late(self, error: Exception) -> bool:
        """Whether a server may yet do what it was asked for; a refusal is an answer."""
        refused = isinstance(error, RestException) and _status(error) < HTTPStatus.INTERNAL_SERVER_ERROR
        return self._is_served and not refused

    @property
    def _is_served(self) -> bool:
        return self.uri.startswith("http")

    def _begin(self, record: RunRecord, parent_run_id: str | None) -> str:
        own = {**record.tags, **typed_tags(record), "kind": "run"}
        tags = own | ({PARENT_TAG: parent_run_id} if parent_run_id else {})
        return self._create(self.experiment_id(record.experiment), record.name, tags, record.start_ms)

    def _create(self, experiment_id: str, name: str, tags: Mapping[str, str], start_ms: int) -> str:
        short = {key: value[:TAG_LENGTH] for key, value in (SOURCE_TAGS | dict(tags)).items()}
        return str(self.client.create_run(experiment_id, start_ms, short, name).info.run_id)

    def _fill(self, run_id: str, record: RunRecord) -> str:
        metrics = [Metric(key, value, record.end_ms, 0) for key, value in record.metrics.items()]
        for key, points in record.series.items():
            metrics += [Metric(key, point.value, point.time_ms, point.step) for point in points]
        self._log(run_id, metrics, record.params)
        self._copy(run_id, record.artifacts())
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
            self.client.log_batch(run_id, metrics[:BATCH_METRICS], left_params[:BATCH_PARAMS], left_tags)
            metrics, left_params, left_tags = metrics[BATCH_METRICS:], left_params[BATCH_PARAMS:], []

    def _copy(self, run_id: str, artifacts: Iterable[Path]) -> None:
        for path in artifacts:
            if not path.is_symlink():
                self.client.log_artifact(run_id, str(path))


def _status(error: RestException) -> int:
    return int(error.get_http_status_code())  # type: ignore[no-untyped-call]


def _age_s(asked: Path | None) -> float | None:
    try:
        return max(0.0, time.time() - asked.stat().st_mtime) if asked else None
    except OSError:
        return None


def _remember(asked: Path | None) -> None:
    if asked:
        with suppress(OSError):  # an archive may be read-only
            asked.touch()


def _forget(asked: Path | None) -> None:
    if asked:
        asked.unlink(missing_ok=True)


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
