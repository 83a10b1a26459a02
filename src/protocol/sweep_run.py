"""The sweep's own run in MLflow: begun before the first measurement, ended with what it came to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.errors import TrackError
from src.plan.sweep_plan import PLAN_FILE, SweepPlan
from src.protocol.host import Host
from src.protocol.summary import TreatmentSummary, significant, summary_metrics
from src.track.record import RunRecord, Status, flatten
from src.track.store import Store


@dataclass(frozen=True)
class SweepRun:
    """The parent of a sweep's runs."""

    store: Store
    run_id: str

    @classmethod
    def begin(cls, store: Store, plan: SweepPlan, folder: Path, host: Host, tags: dict[str, str]) -> SweepRun:
        """File the plan, what all treatments share and the facts of the host; raises TrackError."""
        shared = plan.shared
        facts = flatten({"host": dataclasses.asdict(host), "protocol": dataclasses.asdict(shared.protocol)})
        labels = ", ".join(treatment.label for treatment in plan.treatments)
        params = facts | {"treatments": labels, "runs": str(len(plan.slots))}
        run_id = store.start_sweep(shared.experiment, plan.sweep, params, tags, [folder / PLAN_FILE])
        return cls(store, run_id)

    def end(
        self,
        records: Sequence[RunRecord],
        summaries: Sequence[TreatmentSummary],
        planned: int,
        files: Sequence[Path],
    ) -> list[RunRecord]:
        """File what is not filed yet, and the summary; returns the records that the store still refuses."""
        unfiled = [record for record in records if not self._is_filed(record)]
        status: Status = "finished" if len(records) == planned else "failed"
        try:
            note = summary_note(summaries, len(records), planned)
            self.store.finish_sweep(self.run_id, flat_metrics(summaries), files, status, note)
        except TrackError:
            return unfiled or list(records)
        return unfiled

    def _is_filed(self, record: RunRecord) -> bool:
        try:
            self.store.file_run(record, self.run_id)
        except TrackError:
            return False
        return True


def flat_metrics(summaries: Sequence[TreatmentSummary]) -> dict[str, float]:
    """Names such as `torch/energy_j_median`, which MLflow's pages group by treatment."""
    return {
        f"{_metric_name(treatment)}/{metric}": value
        for treatment, metrics in summary_metrics(summaries).items()
        for metric, value in metrics.items()
    }


def summary_note(summaries: Sequence[TreatmentSummary], done: int, planned: int) -> str:
    """The sweep's summary in Markdown, shown on its page."""
    kinds = ", ".join(sorted({kind for summary in summaries for kind in summary.energy_kinds})) or "none"
    lines = [
        f"{done} of {planned} runs finished. Energy of the task: **{kinds}**. Medians:",
        "",
        "| treatment | n | energy J | time s | power W | accuracy % | energy vs best |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for s in summaries:
        cells = [significant(s.spreads[m].median) for m in ("energy_j", "duration_s", "power_w")]
        cells.append(significant(100 * s.spreads["accuracy"].median))
        lines.append(f"| {s.treatment} | {s.n} | {' | '.join(cells)} | +{s.extra_percent:.1f} % |")
    return "\n".join(lines)


def _metric_name(treatment: str) -> str:
    """MLflow allows letters, digits, blanks and `_ - . / :` in a metric's name."""
    return "".join(c if c.isalnum() or c in "_-. " else "_" for c in treatment)
