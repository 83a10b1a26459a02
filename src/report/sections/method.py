"""The methodology, as it was really run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from src.analysis.analyse import Analysis
from src.analysis.settings import BLOCKS
from src.analysis.stopping import alpha_of_a_look, looks
from src.analysis.table import TRAINING, ingested
from src.contract.record import MACHINE
from src.figures.numbers import DASH, MINUS, confidence, count, duration, enumerate_all, moment, number, quantity
from src.report import facts
from src.report.document import Block, Paragraph, Section, bullets, table
from src.report.load import Loaded
from src.report.sections.appendix import listed
from src.report.sections.net_energy import BLOCK, START, idle_powers
from src.report.shown import unfinished
from src.report.wording import INFERENCE, RULES

Rows = Sequence[tuple[str, str]]

WORK = (
    ("Model", "model.name"),
    ("Dataset", "dataset.name"),
    ("Training images", "dataset.train_size"),
    ("Test images", "dataset.test_size"),
    ("Dataset's checksum (SHA-256)", "dataset.checksum"),
    ("Epochs", "training.epochs"),
    ("Batch size", "training.batch_size"),
    ("Adam's learning rate", "training.learning_rate"),
    ("Adam's β1", "training.beta_1"),
    ("Adam's β2", "training.beta_2"),
    ("Adam's ε", "training.epsilon"),
    ("Seed of weights and batches", "training.seed"),
)
PROTOCOL = (
    ("Protocol", "protocol.name"),
    ("Iterations (blocks)", "protocol.iterations"),
    ("Ends", "protocol.stop"),
    ("Order within a block", "protocol.order"),
    ("Seed of the order", "protocol.seed"),
    ("Idle baseline (s)", "protocol.baseline_s"),
    ("Warm-up, once (s)", "protocol.warmup_s"),
    ("Warm-up's end", "protocol.warmup"),
    ("Shortest warm-up (s)", "protocol.warmup_minimum_s"),
    ("Idle between runs (s)", "protocol.idle_s"),
    ("Rest's end", "protocol.rest"),
    ("Warmer than the first run by at most (°C)", "protocol.rest_margin_c"),
    ("Longest rest (s)", "protocol.rest_max_s"),
    ("Retries of a failed run", "protocol.retries"),
    ("Time limit of a run (s)", "protocol.timeout_s"),
)
PRECISION = "precision"
HARDWARE = (
    ("Machine", "hardware.name"),
    ("Device", "hardware.device"),
    ("Threads", "hardware.threads"),
    ("Affinity", "hardware.affinity"),
    ("GPU warmed up by", "gpu.warmup"),
)
HOST = (
    ("Processor", "host.cpu"),
    ("Physical cores", "host.physical_cores"),
    ("Logical CPUs", "host.logical_cpus"),
    ("System", "host.system"),
    ("Frequency governor", "host.governor"),
    ("GPUs", "host.gpus"),
    ("Orchestrator's Python", "host.python"),
    ("Its state when the sweep began", "preflight"),
)
OF_EACH = (
    ("Hardware", "hardware.name"),
    ("Cores", "host.physical_cores"),
    ("CPUs", "host.logical_cpus"),
    ("Governor", "host.governor"),
)
"""What is told of each of several machines."""
MOST_MACHINES = 40
METER = (
    ("Energy columns", "meter.columns"),
    ("What a run's energy adds up", "energy.columns"),
    ("Power model, idle (W per logical CPU)", "meter.idle_w"),
    ("Power model, busy (W per logical CPU)", "meter.busy_w"),
    ("Power model's source", "meter.power_model_source"),
)
OF_INFERENCE = ("model.name", "dataset.name", "dataset.test_size", "dataset.checksum")
"""Of these rows, those that say what is used; the others say how its weights came about."""
UNTOLD = ("workload.kind", "workload.name", "workload.metrics", "inference.weights_from")
"""What the rest of the report says already."""
OF_WEIGHTS = (
    ("Trained with", "inference.weights_from.name"),
    ("Checksum of the weights (SHA-256)", "weights.checksum"),
)
POWER_MODEL = ("meter.idle_w", "meter.busy_w", "meter.power_model_source")


def methodology(loaded: Loaded, analysis: Analysis) -> Section:
    """Treatments, work, protocol, machine, meter, analysis, and what became of the runs."""
    counted = facts.counted(loaded)
    return Section(
        "method",
        "Methodology",
        (),
        (
            Section("treatments", "Treatments and work", tuple(_work(counted.runs, analysis))),
            Section("protocol", "Protocol and machine", tuple(_protocol(counted, analysis))),
            Section("meter", "Meter", (*_meter(counted.runs), *_pilots(counted))),
            Section("runs", "Runs", tuple(_runs(loaded))),
            Section("analysis", "Analysis", tuple(_analysis(counted, analysis))),
        ),
    )


def _work(runs: pd.DataFrame, analysis: Analysis) -> list[Block]:
    blocks = _compared(runs, analysis)
    if failed := unfinished(analysis):
        blocks.append(Paragraph(f"Begun, but without a finished run and so without a result: {', '.join(failed)}."))
    if factors := [str(factor) for factor in analysis.factors if factor.key not in _columns(analysis)]:
        differ = "; ".join(factors)
        blocks.append(Paragraph(f"What differs between the treatments, as the comparison says: {differ}."))
    return [*blocks, *_the_work(runs, analysis)]


def _compared(runs: pd.DataFrame, analysis: Analysis) -> list[Block]:
    """What sets the treatments apart: of networks framework and way of use, of other work the factors themselves."""
    of_networks = analysis.workload in (TRAINING, INFERENCE)
    keys = _columns(analysis)
    titles = keys if of_networks else [_title(key.removeprefix("workload.")) for key in keys]
    head = ("Framework", "How it is used", *titles) if of_networks else tuple(titles)
    rows = []
    for treatment in analysis.treatments:
        used = [analysis.frameworks[treatment], _of(runs, treatment, "params.framework.mode")] if of_networks else []
        own = [analysis.treatment_factors[treatment].get(key, DASH) for key in keys]
        rows.append((treatment, *used, *own, facts.versions(runs, treatment) or DASH))
    return table("What was compared.", ("Treatment", *head, "Versions"), rows, labels=len(head) + 2)


def _columns(analysis: Analysis) -> list[str]:
    """The factors that the treatments are told apart by, but for networks' framework."""
    keys = _factors(analysis)
    return [key for key in keys if key != "framework"] if analysis.workload in (TRAINING, INFERENCE) else keys


def _factors(analysis: Analysis) -> list[str]:
    return list(dict.fromkeys(key for own in analysis.treatment_factors.values() for key in own))


def _the_work(runs: pd.DataFrame, analysis: Analysis) -> list[Block]:
    caption = "The work, the same for every treatment unless said otherwise."
    if analysis.workload == TRAINING:
        return _known(runs, WORK, caption)
    if analysis.workload == INFERENCE:
        keys = [*(row for row in WORK if row[1] in OF_INFERENCE), *_told_by_name(runs, "inference")]
        trained = [*(row for row in WORK if row[1] not in OF_INFERENCE), *OF_WEIGHTS]
        return [*_known(runs, keys, caption), *_known(runs, trained, "How the weights that were used came about.")]
    told = [row for row in _told_by_name(runs, "workload") if row[1] not in _columns(analysis)]
    return _known(runs, told, caption)


def _told_by_name(runs: pd.DataFrame, group: str) -> Rows:
    """All parameters of a group, under their own names."""
    keys = [str(column).removeprefix("params.") for column in runs if str(column).startswith(f"params.{group}.")]
    told = [key for key in keys if not any(key == name or key.startswith(f"{name}.") for name in UNTOLD)]
    return [(_title(key.removeprefix(f"{group}.")), key) for key in told]


def _title(name: str) -> str:
    words = name.replace("_", " ").replace(".", ", ")
    return words[:1].upper() + words[1:]


def _of(runs: pd.DataFrame, treatment: str, column: str) -> str:
    found = facts.values(runs[runs["treatment"] == treatment], column)
    return " or ".join(found) or DASH


def _known(runs: pd.DataFrame, keys: Rows, caption: str) -> list[Block]:
    rows = [(title, value) for title, key in keys if (value := facts.told(runs, key)) is not None]
    if rows:
        return table(caption, ("What", "Value"), rows, labels=2)
    if not keys:
        return [Paragraph("What the runs did is not recorded.")]
    missing = enumerate_all([title.lower() for title, _ in keys[:3]])
    return [Paragraph(f"The runs do not record {missing}; they were not measured by this tool.")]


def _protocol(loaded: Loaded, analysis: Analysis) -> list[Block]:
    runs = loaded.runs
    rows = [(title, value) for title, key in PROTOCOL if (value := facts.told(runs, key)) is not None]
    if not rows:
        blocks: list[Block] = [
            Paragraph(
                "How the runs were ordered, warmed up and spaced is not recorded; blocks are the runs of one import "
                "whose files bear the same number."
            )
        ]
    else:
        blocks = table("The protocol.", ("What", "Value"), rows, labels=2)
    told = {key for _, key in OF_EACH} | {"host.cpu", "host.memory_bytes"} if analysis.machines else set()
    hardware, host = ([row for row in rows if row[1] not in told] for rows in (HARDWARE, HOST))
    machine = [(title, value) for title, key in hardware if (value := facts.told(runs, key)) is not None]
    machine += [(title, value) for title, key in host if (value := facts.swept(loaded, key)) not in (None, "unknown")]
    memory = None if analysis.machines else facts.swept(loaded, "host.memory_bytes")
    if memory is not None and memory.isdigit():
        machine.append(("Memory", quantity(int(memory) / 2**30, "GiB", 3)))
    start_w = idle_powers(runs, START)
    if not start_w.empty:
        machine.append(("Power at rest before the warm-up (median)", quantity(float(start_w.median()), "W")))
    machine += _drift(runs)
    if analysis.machines:
        blocks += _machines(loaded, analysis)
    silent = [sweep.name for sweep in loaded.sweeps if not any(key.startswith("host.") for key in sweep.params)]
    note = f"Processor and system are not recorded for {enumerate_all(silent)}." if silent else ""
    caption = "What is recorded of all of them." if analysis.machines else "The machine."
    return [*blocks, *_machine(caption, machine, note), Paragraph(_above_idle(runs))]


def _above_idle(runs: pd.DataFrame) -> str:
    """What the energy above idle is above."""
    block, start = idle_powers(runs, BLOCK).size, idle_powers(runs, START).size
    if not block + start:
        return "Power at rest is not recorded, so no energy above it is told."
    of_start = "power at rest before the warm-up, whose spread is not known"
    if not block:
        return f"Energy above idle is what a run took above the {of_start}."
    others = f", in {count(start, 'run')} above the {of_start}" if start else ""
    return (
        "Energy above idle is what a run took above the power at rest that the same meter found at the end of the rest "
        f"before its block{others}; its uncertainty is the standard deviation of that power over the blocks so "
        "far, times the run's duration."
    )


def _machines(loaded: Loaded, analysis: Analysis) -> list[Block]:
    """What each machine is and measured, and which of its facts are not those of all."""
    runs = loaded.runs
    rows = []
    for name in analysis.machines[:MOST_MACHINES]:
        own = runs[runs[MACHINE] == name]
        told = [facts.of_machine(loaded, name, key) for _, key in OF_EACH]
        memory = facts.of_machine(loaded, name, "host.memory_bytes") or ""
        size = quantity(int(memory) / 2**30, "GiB", 3) if memory.isdigit() else DASH
        meter = " or ".join(facts.values(own, "meter"))
        rows.append((name, *(each or DASH for each in told), size, meter, str(len(own)), _blocks(own)))
    head = ("Machine", *(title for title, _ in OF_EACH), "Memory", "Meter", "Runs", "Blocks")
    more = len(analysis.machines) - len(rows)
    note = f"{count(more, 'more machine')} measured; runs.csv has all." if more else ""
    differ = [each.key for each in analysis.machine_facts if each.key != MACHINE]
    known = f"what differs is {enumerate_all(differ)}" if differ else "no recorded setting differs between them"
    said = f"Each of {len(analysis.machines)} machines is compared within itself before they are put together; {known}."
    return [*table("The machines that measured.", head, rows, labels=len(head) - 2, note=note), Paragraph(said)]


def _blocks(runs: pd.DataFrame) -> str:
    return str(len(runs.drop_duplicates(["sweep", "iteration"])))


def _drift(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """How the idle power went from block to block, where it was looked at before several of them."""
    if "idle_power_block_w" not in runs:
        return []
    seen = runs.sort_values("started_s")["idle_power_block_w"].dropna()
    if seen.nunique() < 2:
        return []
    first, last, least, most = (quantity(float(w), "W") for w in (seen.iloc[0], seen.iloc[-1], seen.min(), seen.max()))
    return [("Power at rest before the blocks", f"{first} at first, {last} at last, {least} to {most} between")]


def _machine(caption: str, rows: Sequence[tuple[str, str | None]], note: str) -> list[Block]:
    if not rows:
        return [Paragraph("The machine is not recorded.")]
    return table(caption, ("What", "Value"), [(title, str(value)) for title, value in rows], 2, note)


def _meter(runs: pd.DataFrame) -> list[Block]:
    estimated = "estimated" in facts.values(runs, "energy_kind")
    rows = [
        ("Meter", " or ".join(facts.values(runs, "meter"))),
        ("How the energy is known", " or ".join(facts.values(runs, "energy_kind"))),
        ("Sampling interval (ms)", _intervals(runs)),
    ]
    keys = [(title, key) for title, key in METER if estimated or key not in POWER_MODEL]
    rows += [(title, value) for title, key in keys if (value := facts.told(runs, key)) is not None]
    blocks = table("The meter.", ("What", "Value"), rows, labels=2)
    if ingested(runs).any():
        blocks.append(Paragraph("Imported recordings know no phases: wherever a task is spoken of, it is all of them."))
    return [*blocks, *_resolution(runs)]


def _pilots(loaded: Loaded) -> list[Block]:
    """What a pilot on the sweeps' machine found out about meter and machine, a sentence for each pilot."""
    known = [sweep.params for sweep in loaded.sweeps if "pilot.when" in sweep.params]
    return [Paragraph(text) for text in dict.fromkeys(map(_pilot, known))]


def _pilot(params: Mapping[str, str]) -> str:
    value = {key.removeprefix("pilot."): text for key, text in params.items() if key.startswith("pilot.")}
    return (
        f"A pilot on {value['machine']} ({value['when'][:10]}, meter {value['meter']}, every {value['interval_ms']} "
        f"ms, others using up to {value['foreign_percent']} % of the processor) found that sampling takes "
        f"{value['cpu_percent']} % of the processor and adds {_added(value)} of a fixed work, that the machine at rest "
        f"draws {value['idle_w']} W (seconds spread by {value['idle_sd_w']} W), and that {value['iterations']} "
        f"iterations show differences of {value['smallest_percent']} % of such work."
    )


def _added(value: Mapping[str, str]) -> str:
    """What a meter adds to time and, where that is known, to energy, each with its standard error."""
    costs = [name for name in ("time", "energy") if f"{name}_percent" in value]
    texts = [f"{value[f'{name}_percent']} ± {value[f'{name}_error_percent']} % to the {name}" for name in costs]
    return enumerate_all(texts).replace("-", MINUS)


def _resolution(runs: pd.DataFrame) -> list[Block]:
    """How well sampling alone lets a run's energy be known."""
    if "energy_resolution_j" not in runs or runs["energy_resolution_j"].isna().all():
        return []
    worst, middle = float(runs["energy_resolution_j"].max()), float(runs["energy_resolution_j"].median())
    text = (
        f"A run begins and ends between two samples. That alone leaves its energy uncertain by at most "
        f"{quantity(worst, 'J', 3)} in the worst run, {quantity(middle, 'J', 3)} in the median."
    )
    return [Paragraph(text)]


def _intervals(runs: pd.DataFrame) -> str:
    """As it was set, or for imported recordings as their samples tell."""
    found = {*facts.values(runs, "params.meter.interval_ms"), *facts.values(runs, "tags.interval_ms")}
    milliseconds = sorted(float(text) for text in found)
    if not milliseconds:
        return DASH
    first, last = number(milliseconds[0], 1), number(milliseconds[-1], 1)
    return first if first == last else f"{first} to {last}"


def _runs(loaded: Loaded) -> list[Block]:
    runs = loaded.runs
    finished = int((runs["status"] == "finished").sum())
    failed = facts.failed_runs(runs)
    begin, end = float(runs["started_s"].min()), float(runs["started_s"].max())
    blocks: list[Block] = [
        Paragraph(
            f"{count(finished, 'run')} of {len(runs)} finished; {_lost(failed)}. The first began {moment(begin)}, the "
            f"last {moment(end)}."
        )
    ]
    blocks += _sweeps(runs)
    blocks += table(
        "Runs that are in no result.",
        ("Run", "Sweep", "Repeated with success", "Reason"),
        [(run.name, run.sweep, "yes" if run.retried else "no", run.reason) for run in failed],
        labels=4,
    )
    blocks += table(
        "What the recordings themselves tell (flags).",
        ("Flag", "Text, of one run", "Runs"),
        [(code, text, str(n)) for code, (n, text) in facts.flag_counts(runs).items()],
        labels=2,
    )
    return blocks


def _lost(failed: Sequence[facts.FailedRun]) -> str:
    """Runs that failed, and those that were measured but disturbed."""
    broken = [run for run in failed if run.status == "failed"]
    retried = sum(run.retried for run in broken)
    said = f"{count(len(broken), 'run')} failed, {retried} of them repeated with success" if broken else "none failed"
    disturbed = len(failed) - len(broken)
    were = "was" if disturbed == 1 else "were"
    return f"{said}; {count(disturbed, 'run')} {were} disturbed and measured again" if disturbed else said


def _sweeps(runs: pd.DataFrame) -> list[Block]:
    rows = []
    for name, group in runs.groupby(runs["sweep"].fillna("none"), sort=True):
        length_s = float(group["started_s"].max() - group["started_s"].min())
        done = int((group["status"] == "finished").sum())
        blocks = group["iteration"].nunique()
        rows.append(
            (
                str(name),
                moment(float(group["started_s"].min())),
                duration(length_s),
                str(blocks),
                f"{done}/{len(group)}",
            )
        )
    head = ("Sweep", "First run began", "Last run began after", "Blocks", "Finished")
    shown = rows[:30]
    note = f"The first 30 of {len(rows)}; runs.csv has all." if rows[30:] else ""
    return table("The sweeps; a block is one iteration of one sweep.", head, shown, labels=2, note=note)


def _analysis(counted: Loaded, analysis: Analysis) -> list[Block]:
    config = analysis.config
    return bullets(
        [
            f"Significance level {config.alpha:g}; intervals are of {confidence(config.alpha)} confidence: of means "
            "by the same t on the log scale, of medians by order statistics, as much further out as that t is wider.",
            "Over all treatments: Friedman's test on complete blocks where there are some and at least three "
            "treatments, else Welch's analysis of variance or Kruskal and Wallis' test. Equal spread: Brown and "
            "Forsythe's test.",
            *_deciding(analysis),
            *_beforehand(counted, analysis),
            *_stopping(counted.runs, analysis),
            "Each pair, by the published rule: Welch's t where both treatments pass Shapiro and Wilk's test at 0.05, "
            "else Mann and Whitney's U; beside it the paired test on blocks (t or Wilcoxon's signed ranks). p-values "
            "are Holm-corrected within each metric.",
            f"Equivalence, by that rule: two one-sided tests against ±{config.relevant_percent:g} %, the smallest "
            "difference that matters here (analysis.relevant_percent).",
            f"Outliers: rule '{config.outliers}' ({RULES[config.outliers]}); Outliers and notes lists "
            f"{listed(analysis)}.",
        ]
    )  # fmt: skip


def _deciding(analysis: Analysis) -> Iterable[str]:
    """What the verdicts rest on, and that one metric decides."""
    config = analysis.config
    title = analysis.catalogue[analysis.decisive_metric].title
    rule = "the comparison within blocks" if config.decision == BLOCKS else "the published rule"
    yield f"{title} decides, by {rule} (analysis.decision={config.decision}); all other metrics are exploratory."
    yield (
        "Within blocks: the ratio of means, for what many runs come to, and the 20 % trimmed mean of the blocks' log "
        "ratios, for the usual run (Yuen, 1974). Their errors are Student's t, averaged over how much runs may "
        "resemble the ones before, as the data weigh it; several sweeps are compared as sweeps (Kalibera and Jones, "
        "2013). Intervals hold for all pairs at once (Bonferroni), and every claim is read from them."
    )
    if analysis.machines:
        yield (
            "Over several machines: each machine's ratio within its own blocks, with intervals that hold for all "
            "pairs on all machines; together the mean of their logarithms with Student's t between machines, a "
            "random-effects model in which each counts once (Hartung and Knapp, 2001; Bonett, 2009). Whether they "
            "differ more than their blocks explain: Cochran's (1954) Q, τ by Paule and Mandel (1982), I² (Higgins and "
            "Thompson, 2002); a next machine: the prediction interval of Higgins, Thompson and Spiegelhalter (2009)."
        )


def _beforehand(counted: Loaded, analysis: Analysis) -> Iterable[str]:
    """Which margin the sweeps' own records name, written when they began, and whether it still decides."""
    margin = facts.swept(counted, "analysis.relevant_percent")
    if margin is None:
        return
    same = margin == f"{analysis.config.relevant_percent:g}"
    now = "as here" if same else f"here it is {analysis.config.relevant_percent:g} %, so it was chosen afterwards"
    yield f"When measuring began, the smallest difference that matters was set to {margin} %, {now}."


def _stopping(runs: pd.DataFrame, analysis: Analysis) -> Iterable[str]:
    """Where results were looked at on the way: when, how that is paid for, and whether it ended early."""
    if facts.values(runs, "params.protocol.stop") != [PRECISION]:
        return
    keys = ("minimum_iterations", "iterations")
    least, most = (max(map(int, facts.values(runs, f"params.protocol.{key}"))) for key in keys)
    places = looks(least, most)
    blocks = int(runs.groupby("sweep")["iteration"].nunique().max())
    percents = facts.known(runs, "protocol.precision_percent")
    ended = f"all {most} blocks were measured"
    if blocks < most:
        ended = f"it ended after {blocks} of {most} blocks, as every pair was settled or known to within {percents} %"
    level = number(alpha_of_a_look(analysis.config.alpha, len(places)), 2)
    yield (
        f"Results were to be looked at after {enumerate_all([str(place) for place in places])} blocks, each look at "
        f"{level} (alpha spending, Lan and DeMets, 1983); {ended}."
    )
