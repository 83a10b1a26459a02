"""The sweep's own run in MLflow: begun before the first measurement, closed with what it came to."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src import stops
from src.contract.course import went_on
from src.contract.plan_file import PLAN_FILE
from src.contract.record import RunRecord, flatten
from src.doctor.host import Host
from src.errors import TrackError
from src.plan.sweep_plan import SweepPlan
from src.protocol.provenance import provenance
from src.track.refile import close_sweep
from src.track.sweep_note import summary_note

if TYPE_CHECKING:
    from src.track.store import Store

LOCAL_PAGE = "http://127.0.0.1:5000"
BEFOREHAND = ("decision", "relevant_percent", "alpha")
"""What of the analysis is filed when a sweep begins, so that a reader sees what was decided before its results."""


@dataclass(frozen=True)
class SweepRun:
    """The parent of a sweep's runs, of which there are to be `planned`."""

    store: Store
    experiment: str
    sweep: str
    run_id: str
    planned: int

    @classmethod
    def begin(
        cls,
        store: Store,
        plan: SweepPlan,
        folder: Path,
        host: Host | None,
        tags: dict[str, str],
        found: Mapping[str, str] | None = None,
    ) -> SweepRun:
        """File the plan, what treatments share, the host's facts if it is one, what was `found`; raises TrackError."""
        shared = plan.shared
        beforehand = {name: getattr(shared.analysis, name) for name in BEFOREHAND}
        protocol = dataclasses.asdict(shared.protocol)
        facts = flatten(
            {"host": dataclasses.asdict(host) if host else {}, "protocol": protocol, "analysis": beforehand}
        )
        labels = ", ".join(treatment.label for treatment in plan.treatments)
        params = facts | provenance().params | {"treatments": labels, "runs": str(len(plan.slots)), **(found or {})}
        own = {**shared.track.tags, **tags}
        run_id = store.start_sweep(shared.experiment, plan.sweep, params, own, [folder / PLAN_FILE])
        steps = store.course(run_id)
        steps = (*steps, went_on(steps, int(time.time() * 1000), len(plan.slots)))
        store.add_step(run_id, steps, summary_note([], steps))
        return cls(store, shared.experiment, plan.sweep, run_id, len(plan.slots))

    def file_missing(self, records: Sequence[RunRecord]) -> list[str]:
        """File what is not filed yet; returns why the store refuses some. One that is silent is asked only once."""
        refused = []
        for number, record in enumerate(records, 1):
            try:
                with stops.deferred():
                    self.store.file_run(record, self.run_id)
            except TrackError as error:
                refused.append(str(error))
                if not self.store.answers():
                    unknown = [other.folder.name for other in records[number:]]
                    if unknown:
                        refused.append(f"it was not asked about {', '.join(unknown)}, as it does not answer")
                    break
        return refused

    def end(self, records: Sequence[RunRecord], report: Sequence[Path]) -> list[str]:
        """File what is missing, the report and the summary; returns what the store refuses, and why."""
        refused = self.file_missing(records)
        try:
            stopped = stops.asked() is not None
            close_sweep(self.store, self.experiment, self.sweep, self.run_id, self.planned, report, stopped)
        except TrackError as error:
            refused.append(str(error))
        return refused

    def page(self) -> str:
        """Where MLflow shows the runs side by side; `mlflow ui` serves a local store at this address by default."""
        base = self.store.uri.rstrip("/") if self._is_served else LOCAL_PAGE
        return base + self.store.runs_page(self.experiment)

    @property
    def way(self) -> str:
        """What to do to see that page."""
        return "open" if self._is_served else "start `mlflow ui` and open"

    @property
    def _is_served(self) -> bool:
        return self.store.uri.startswith("http")
