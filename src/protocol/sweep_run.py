"""The sweep's own run in MLflow: begun before the first measurement, closed with what it came to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.errors import TrackError
from src.plan.sweep_plan import PLAN_FILE, SweepPlan
from src.protocol.host import Host
from src.track.record import RunRecord, Status, flatten
from src.track.refile import close_sweep
from src.track.store import Store

LOCAL_PAGE = "http://127.0.0.1:5000"


@dataclass(frozen=True)
class SweepRun:
    """The parent of a sweep's runs."""

    store: Store
    experiment: str
    sweep: str
    run_id: str

    @classmethod
    def begin(cls, store: Store, plan: SweepPlan, folder: Path, host: Host, tags: dict[str, str]) -> SweepRun:
        """File the plan, what all treatments share and the facts of the host; raises TrackError."""
        shared = plan.shared
        facts = flatten({"host": dataclasses.asdict(host), "protocol": dataclasses.asdict(shared.protocol)})
        labels = ", ".join(treatment.label for treatment in plan.treatments)
        params = facts | {"treatments": labels, "runs": str(len(plan.slots))}
        run_id = store.start_sweep(shared.experiment, plan.sweep, params, tags, [folder / PLAN_FILE])
        return cls(store, shared.experiment, plan.sweep, run_id)

    def file_missing(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """File what is not filed yet; returns the records that the store still refuses."""
        return [record for record in records if not self._is_filed(record)]

    def end(self, records: Sequence[RunRecord], report: Sequence[Path], complete: bool) -> list[RunRecord]:
        """File what is missing, the report and the summary; returns the records that the store still refuses."""
        unfiled = self.file_missing(records)
        status: Status = "finished" if complete else "failed"
        try:
            close_sweep(self.store, self.experiment, self.sweep, self.run_id, status, report)
        except TrackError:
            return unfiled or list(records)
        return unfiled

    def page(self) -> str:
        """Where MLflow shows the runs side by side; `mlflow ui` serves a local store at this address by default."""
        base = self.store.uri.rstrip("/") if self.store.uri.startswith("http") else LOCAL_PAGE
        return base + self.store.runs_page(self.experiment)

    def _is_filed(self, record: RunRecord) -> bool:
        try:
            self.store.file_run(record, self.run_id)
        except TrackError:
            return False
        return True
