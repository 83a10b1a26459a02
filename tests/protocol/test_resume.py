"""A stopped sweep goes on as it was planned: nothing is measured or filed twice, and nothing is left out."""

import dataclasses
import json
import os
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src.contract.plan_file import PLAN_FILE, PlanFile, Treatment
from src.contract.record import RECORD_FILE
from src.errors import ConfigError, RunError
from src.plan.sweep_plan import make_plan, plain
from src.protocol.resume import MAY_DIFFER, go_on, progress_of
from src.protocol.sweep import resume_command
from src.report.load import load, tell_looks
from src.track import open_store
from src.track.refile import planned_runs
from tests.protocol.test_sweep import conduct, parents, stop_at


def resuming(plan, named):
    """The plan as a command line with `resume=` asks for it."""
    for config in plan.configs:
        config.resume = str(named)
    return plan


@pytest.fixture
def go_on_with(make_plan_of, runs, folder, terminal):
    """Resumes the sweep in `folder` as a new command line would; returns what was measured now, and the records."""

    def resume(*overrides):
        runs.names.clear()
        runs.before = lambda name: None
        records = conduct(resuming(make_plan_of(*overrides, sweep="s2"), folder), Path("not used"), terminal)
        return list(runs.names), records

    return resume


@pytest.fixture
def stopped(plan, runs, folder, terminal):
    """A sweep that was stopped in its third run, which had left something already."""
    stop_at(runs, 3)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    (folder / plan.folder(plan.slots[2], 0) / "half").write_text("of the stopped run")
    return plan


def test_what_is_finished_stays_and_the_rest_follows_in_its_order(stopped, folder, go_on_with, store, terminal):
    kept = {path: path.read_text() for path in folder.rglob(RECORD_FILE)}
    (before,) = parents(store)
    measured, records = go_on_with()
    planned = [stopped.folder(slot, 0) for slot in stopped.slots]
    assert measured == ["machine", *planned[2:]]
    assert sorted(record.folder.name for record in records) == planned
    assert {path: path.read_text() for path in kept} == kept
    assert not (folder / planned[2] / "half").exists()
    assert [path.name for path in sorted(folder.iterdir()) if path.is_dir()] == planned
    (after,) = parents(store)
    assert (after.info.run_id, before.info.status, after.info.status) == (before.info.run_id, "FAILED", "FINISHED")
    filed = store.records("e")
    assert [run.uid for run in filed] == [f"s1/{name}" for name in planned]
    assert {store.client.get_run(run.run_id).data.tags["mlflow.parentRunId"] for run in filed} == {after.info.run_id}
    assert after.data.metrics["runs_finished"] == 6
    shown = terminal.file.getvalue()
    assert "2 of them are finished already, 4 are left" in shown
    assert "6 of 6 runs finished" in shown


def test_stop_resumption_and_extension_are_told(stopped, folder, go_on_with, store):
    def told():
        (parent,) = parents(store)
        return [(step.what, step.planned, step.finished) for step in store.course(parent.info.run_id)]

    begun = [("begun", 6, 0), ("failed", 6, 2)]
    assert told() == begun
    tell_looks(store, load(store, "e"))
    looked = [*begun, ("looked", 6, 2)]
    assert told() == looked
    go_on_with()
    ended = [*looked, ("resumed", 6, 2), ("finished", 6, 6)]
    assert told() == ended
    tell_looks(store, load(store, "e"))
    assert told() == ended
    go_on_with("protocol.iterations=5")
    assert told() == [*ended, ("extended", 10, 6), ("finished", 10, 10)]
    (sweep,) = load(store, "e").sweeps
    assert (sweep.planned, sweep.ended) == (10, True)
    note = parents(store)[0].data.tags["mlflow.note.content"]
    assert note.startswith("**Finished**: 10 of 10 planned runs finished.")
    assert "Results were looked at before the end (after 2 of 6, 6 of 6 runs)" in note


def test_a_record_that_no_store_has_yet_is_filed_on_the_way(stopped, folder, go_on_with, store):
    for run in store.records("e"):
        store.client.delete_run(run.run_id)
    go_on_with()
    assert len(store.records("e")) == 6


def test_another_store_gets_all_of_the_sweep(stopped, folder, go_on_with, tmp_path, empty_database):
    other = f"sqlite:///{tmp_path}/other.db"
    (tmp_path / "other.db").write_bytes(empty_database.read_bytes())
    go_on_with(f"tracking_uri='{other}'")
    assert len(open_store(other).records("e")) == 6


def test_failed_slots_get_new_tries_of_their_own(make_plan_of, runs, folder, terminal, store, go_on_with):
    plan = make_plan_of("protocol.retries=1")
    first = plan.folder(plan.slots[0], 0)
    runs.failures[first] = 3
    with pytest.raises(RunError, match="1 of 6 runs"):
        conduct(plan, folder, terminal)
    measured, records = go_on_with("protocol.retries=1")
    assert measured == ["machine", f"{first}-retry2", f"{first}-retry3"]
    assert len(records) == 6
    told = {run.uid.removeprefix("s1/"): run.status for run in store.records("e") if run.tags["sequence"] == "1"}
    names = (first, *(f"{first}-retry{n}" for n in (1, 2, 3)))
    assert told == dict(zip(names, ("failed", "failed", "failed", "finished"), strict=True))
    assert go_on_with("protocol.retries=1")[0] == []


def test_an_interrupted_retry_is_measured_again_in_its_folder(make_plan_of, runs, folder, terminal, go_on_with):
    plan = make_plan_of("protocol.retries=1")
    first = plan.folder(plan.slots[0], 0)
    runs.failures[first] = 1
    stop_at(runs, 3)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    measured, records = go_on_with("protocol.retries=1")
    assert measured[:2] == ["machine", f"{first}-retry1"]
    assert len(records) == 6


def test_a_finished_sweep_goes_on_with_nothing(plan, runs, folder, terminal, go_on_with):
    conduct(plan, folder, terminal)
    measured, records = go_on_with()
    assert (measured, len(records)) == ([], 6)
    assert "every planned run is finished" in terminal.file.getvalue()


@pytest.mark.parametrize(("order", "stop"), [("balanced", None), ("shuffled", 3)], ids=["finished", "stopped"])
def test_more_iterations_add_whole_blocks(make_plan_of, runs, folder, terminal, go_on_with, store, order, stop):
    plan = make_plan_of(f"protocol.order={order}")
    if stop is None:
        conduct(plan, folder, terminal)
    else:
        stop_at(runs, stop)
        with pytest.raises(KeyboardInterrupt):
            conduct(plan, folder, terminal)
    measured, records = go_on_with(f"protocol.order={order}", "protocol.iterations=5")
    whole = PlanFile.read(folder)
    assert whole.slots[:6] == plan.slots
    assert len(whole.slots) == 10
    done = 6 if stop is None else stop - 1
    assert measured == ["machine", *(plan.folder(slot, 0) for slot in whole.slots[done:])]
    assert len(records) == 10
    assert sorted(int(run.tags["sequence"]) for run in store.records("e")) == list(range(1, 11))
    assert [parent.info.status for parent in parents(store)] == ["FINISHED"]
    assert whole.configs[0]["protocol"]["iterations"] == 5
    assert go_on_with(f"protocol.order={order}", "protocol.iterations=5")[0] == []


def test_fewer_iterations_are_refused(stopped, folder, go_on_with):
    before = (folder / PLAN_FILE).read_text()
    with pytest.raises(ConfigError, match=r"protocol\.iterations=2: the sweep in .* was planned with 3"):
        go_on_with("protocol.iterations=2")
    assert (folder / PLAN_FILE).read_text() == before


DIFFERENCES = {
    "training.epochs=7": "training.epochs was 3 and is now 7 (torch)",
    "protocol.seed=9": "protocol.seed was 1 and is now 9 (torch)",
    "protocol.order=fixed": "protocol.order was shuffled and is now fixed (torch)",
    "protocol.idle_s=4": "protocol.idle_s was 0.0 and is now 4.0 (torch)",
    "hardware.name=Laptop": "hardware.name was not set and is now Laptop (torch)",
    "meter.columns=['A (J)']": 'meter.columns was not set and is now ["A (J)"] (torch)',
    "+framework.env.A=b": "framework.env.A was not set and is now b (torch)",
    "model=mlp": "model.name was cnn and is now mlp (torch)",
    "dataset.mirrors=[]": "dataset.mirrors was [",
}


@pytest.fixture
def refused(plan, make_plan_of, tmp_path):
    """Why a command line with more overrides may not go on with a sweep."""

    def ask(*overrides):
        if not (tmp_path / PLAN_FILE).exists():
            plan.write(tmp_path)
        with pytest.raises(ConfigError) as caught:
            go_on(resuming(make_plan_of(*overrides, sweep="s2"), tmp_path), tmp_path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return ask


@pytest.mark.parametrize("override", DIFFERENCES)
def test_another_configuration_is_refused_with_the_difference(refused, override):
    told = refused(override)
    assert "that sweep was planned otherwise: " in told
    assert DIFFERENCES[override] in told


def test_a_refused_sweep_is_left_as_it_is(stopped, runs, folder, go_on_with):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="was planned otherwise"):
        go_on_with("training.epochs=7")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert runs.names == []


def test_many_differences_are_counted(refused):
    told = refused("training.epochs=7", "training.seed=8", "training.batch_size=9", "protocol.idle_s=1")
    assert told.endswith("; and 2 more. Repeat its command line, or begin a new sweep")


ALLOWED = {
    "analysis": "analysis.outliers=iqr",
    "track": "track.tags.note=another",
    "tracking_uri": None,  # has a test of its own
    "resume": None,  # is another in every resumed sweep
    "dry_run": "dry_run=true",
    "protocol.iterations": "protocol.iterations=4",
    "protocol.preflight": "protocol.preflight=warn",
    "protocol.allow_concurrent": None,  # all sweeps of tests share the machine
    "protocol.machines": None,  # has tests of its own
    "protocol.sweeps": "protocol.sweeps=2",
    "protocol.reboot": "protocol.reboot=true",
}


def test_all_that_may_differ_is_tried():
    assert set(ALLOWED) == set(MAY_DIFFER)


@pytest.mark.parametrize("override", [each for each in ALLOWED.values() if each])
def test_what_says_nothing_of_the_runs_may_differ(plan, make_plan_of, tmp_path, override):
    plan.write(tmp_path)
    asked = resuming(make_plan_of(override, sweep="s2"), tmp_path)
    assert go_on(asked, tmp_path) == (dataclasses.replace(asked, sweep="s1"), tmp_path)


def test_other_treatments_are_refused_by_name(plan, composed, tmp_path):
    plan.write(tmp_path)
    treatments = [Treatment("tf", ("framework=tf",), {"framework": "tf"})]
    asked = resuming(make_plan("s2", treatments, [composed("framework=tf", "protocol=smoke")]), tmp_path)
    with pytest.raises(ConfigError, match="that sweep compares torch, jax, this command line tf; repeat its command"):
        go_on(asked, tmp_path)


def test_a_run_alone_does_not_go_on_with_a_study(composed, tmp_path):
    """Alone it is planned with one block, whatever the protocol says."""
    treatment, config = Treatment("", ("framework=jax",)), composed("framework=jax", f"resume='{tmp_path}'")
    make_plan("s1", [treatment], [config]).write(tmp_path)
    with pytest.raises(ConfigError, match=r"protocol\.iterations=1: the sweep in .* was planned with 30"):
        go_on(make_plan("s2", [treatment], [config], iterations=1), tmp_path)
    make_plan("s1", [treatment], [config], iterations=1).rewrite(tmp_path)
    assert go_on(make_plan("s2", [treatment], [config], iterations=1), tmp_path)[0].sweep == "s1"


@pytest.mark.parametrize("command", ["'sh -c \"echo \\${HOME}\"'", "[sh,-c,'a\\\\b \\${oc.env:HOME} \\\\']"])
def test_no_text_of_a_command_stands_in_the_way(composed, tmp_path, command):
    """What looks like an interpolation was one's own text, and is compared as it stands."""
    common = ("workload=command", f"workload.command={command}", f"resume='{tmp_path}'")
    first, again = (make_plan(sweep, [Treatment("")], [composed(*common)], 1) for sweep in ("s1", "s2"))
    first.write(tmp_path)
    assert go_on(again, tmp_path) == (first, tmp_path)


def test_there_must_be_a_sweep_to_go_on_with(make_plan_of, tmp_path):
    with pytest.raises(ConfigError, match=rf"resume=none: there is no plan\.json in {tmp_path}/none; name a sweep's"):
        go_on(resuming(make_plan_of(), "none"), tmp_path)


def test_a_plan_of_before_cannot_be_gone_on_with(plan, make_plan_of, tmp_path):
    plan.write(tmp_path)
    path = tmp_path / PLAN_FILE
    values = json.loads(path.read_text())
    path.write_text(json.dumps({key: values[key] for key in ("sweep", "treatments", "slots")} | {"version": 1}))
    with pytest.raises(ConfigError, match="begun by an earlier version"):
        go_on(resuming(make_plan_of(), tmp_path), tmp_path)


def test_an_order_that_this_version_does_not_draw_is_refused(plan, make_plan_of, tmp_path):
    slots = (*plan.slots[2:4], *plan.slots[:2], *plan.slots[4:])
    dataclasses.replace(plan, slots=slots).write(tmp_path)
    with pytest.raises(ConfigError, match="its order cannot be continued"):
        go_on(resuming(make_plan_of(), tmp_path), tmp_path)


def test_a_damaged_record_is_named_with_the_way_out(stopped, folder, go_on_with):
    path = folder / stopped.folder(stopped.slots[0], 0) / RECORD_FILE
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"record\.json is no complete record.*move that folder away"):
        go_on_with()


def test_progress_is_what_lies_on_disk(stopped, folder):
    progress = progress_of(stopped, folder)
    assert [record.tags["sequence"] for record in progress.finished] == ["1", "2"]
    assert [slot.sequence for slot in progress.left] == [3, 4, 5, 6]
    assert (progress.failed, progress.tried) == ([], dict.fromkeys((3, 4, 5, 6), 0))


@pytest.fixture
def sweeps(make_plan_of, tmp_path):
    """Folders as sweeps and single runs leave them, each older than the one after it."""
    places = ["multirun/2026-01-01/10-00-00", "outputs/2026-01-02/10-00-00", "multirun/2026-01-03/10-00-00"]
    for age, place in enumerate(places):
        plan = make_plan_of(sweep=f"s{age}")
        plan.write(tmp_path / place)
        os.utime(tmp_path / place / PLAN_FILE, (1_000 + age, 1_000 + age))
    return [tmp_path / place for place in places]


@pytest.mark.parametrize(
    ("change", "sweep"),
    [
        pytest.param(lambda folders: None, "s2", id="the last one"),
        pytest.param(lambda folders: os.utime(folders[0] / PLAN_FILE), "s0", id="one that went on since"),
        pytest.param(lambda folders: (folders[2] / PLAN_FILE).write_text("{"), "s1", id="not a damaged one"),
        pytest.param(lambda folders: (folders[2] / PLAN_FILE).unlink(), "s1", id="a run alone"),
    ],
)
def test_latest_is_the_last_sweep_of_the_experiment(sweeps, make_plan_of, tmp_path, change, sweep):
    change(sweeps)
    other = make_plan_of("experiment=another")
    other.write(tmp_path / "multirun/2026-02-01/10-00-00")
    plan, folder = go_on(resuming(make_plan_of(), "latest"), tmp_path)
    assert plan.sweep == sweep
    assert folder in sweeps


def test_latest_says_where_it_looked(sweeps, make_plan_of, tmp_path):
    with pytest.raises(ConfigError, match="no sweep of experiment 'none' lies in multirun or outputs; name its folder"):
        go_on(resuming(make_plan_of("experiment=none"), "latest"), tmp_path)


@pytest.mark.parametrize(
    "folder", ["/sweeps/plain", "/a b/it's", "/x=1,2", '/q"uote', "/${HOME}", "/(1) [2] {3}", "/a\\"]
)
@pytest.mark.parametrize("word", ["workload.command='gzip -9 \"a b\"'", "experiment=it\\'s", "framework=torch,jax"])
def test_the_command_that_goes_on_can_be_copied(folder, word):
    words = ["-m", word, "resume=latest", "hydra.sweep.dir=a b", "hydra.run.dir=c"]
    python, module, main, *read = shlex.split(resume_command(words, Path(folder)))
    assert (python, module, main) == ("python", "-m", "src.main")
    assert read[:2] == words[:2]
    (resume,) = read[2:]
    assert OmegaConf.create({"it": OverridesParser.create().parse_override(resume).value()}).it == folder


def test_what_is_left_is_guessed_from_the_runs_before(stopped, go_on_with, terminal):
    go_on_with()
    assert "length: roughly 8 s" in terminal.file.getvalue()  # four runs of two seconds, as those before


def test_plans_are_compared_as_they_are_written(plan, tmp_path):
    plan.write(tmp_path)
    assert list(PlanFile.read(tmp_path).configs) == [plain(config) for config in plan.configs]


def test_a_sweep_that_knew_enough_stays_ended(make_plan_of, runs, folder, terminal, store, go_on_with, monkeypatch):
    monkeypatch.setattr("src.protocol.loop.enough", lambda _plan, _records: "all known")
    asked = ("protocol.stop=precision", "protocol.iterations=6", "protocol.minimum_iterations=3")
    conduct(make_plan_of(*asked), folder, terminal)
    ended = PlanFile.read(folder)
    assert (ended.enough, ended.asked, len(ended.slots)) == (3, 6, 12)
    assert planned_runs(folder) == 6
    assert [parent.info.status for parent in parents(store)] == ["FINISHED"]
    measured, records = go_on_with(*asked)
    assert (measured, len(records)) == ([], 6)
    assert "6 of 12 runs finished, 6 spared" in terminal.file.getvalue()
    assert [parent.info.status for parent in parents(store)] == ["FINISHED"]


def test_a_key_that_an_earlier_version_did_not_know_had_its_default(make_plan_of, tmp_path):
    make_plan_of(sweep="s1").write(tmp_path)
    path = tmp_path / PLAN_FILE
    values = json.loads(path.read_text())
    for config in values["configs"]:
        del config["protocol"]["rest"], config["protocol"]["max_foreign_cpu_share"]
    path.write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"protocol\.max_foreign_cpu_share was 0\.05 and is now 1\.0"):
        go_on(resuming(make_plan_of(sweep="s2"), tmp_path), tmp_path)
    plan, _ = go_on(resuming(make_plan_of("protocol.max_foreign_cpu_share=0.05", sweep="s2"), tmp_path), tmp_path)
    assert plan.sweep == "s1"
