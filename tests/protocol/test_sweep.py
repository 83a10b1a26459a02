"""The protocol itself: a real plan, a real store and real files, with runs that are made up."""

import dataclasses
import os
import re
import shlex
import sys
import tempfile

import pytest

from src.contract.flags import Flag
from src.contract.job import Job, Prime, Work
from src.contract.plan_file import PLAN_FILE
from src.contract.record import RECORD_FILE, RunRecord
from src.errors import ConfigError, MeterError, RunError, SetupError, TrackError
from src.protocol import filing as filing_module
from src.protocol import loop as loop_module
from src.protocol.display import Display
from src.protocol.here import _prime
from src.protocol.ready import Ready
from src.protocol.sweep import measure_sweep
from src.track.store import Store
from tests.protocol.conftest import METER


def conduct(plan, folder, terminal):
    return measure_sweep(plan, folder, Display(terminal))


def parents(store):
    return store.client.search_runs([store.experiment_id("e")], "tags.kind = 'sweep'")


def test_every_planned_run_is_measured_in_order_and_filed_below_the_sweep(plan, runs, folder, store, terminal):
    records = conduct(plan, folder, terminal)
    planned = [plan.folder(slot, 0) for slot in plan.slots]
    assert runs.names == ["machine", *planned]
    assert [record.folder.name for record in records] == planned
    assert (folder / PLAN_FILE).exists()
    filed = store.records("e")
    assert [run.uid for run in filed] == [f"s1/{name}" for name in planned]
    assert [run.name for run in filed] == [f"{plan.label(s)} #{s.iteration:02d}" for s in plan.slots]
    (parent,) = parents(store)
    ids = {store.client.get_run(run.run_id).data.tags["mlflow.parentRunId"] for run in filed}
    assert ids == {parent.info.run_id}
    assert parent.info.status == "FINISHED"
    assert {run.metrics["idle_power_w"] for run in filed} == {3.5}
    assert "+100.0 %" in terminal.file.getvalue()
    assert "go on with" not in terminal.file.getvalue()


def test_position_sequence_and_block_are_those_of_the_plan(plan, runs, folder, store, terminal):
    conduct(plan, folder, terminal)
    names = ("sequence", "iteration", "position")
    filed = [tuple(int(run.tags[name]) for name in names) for run in store.records("e")]
    assert filed == [(s.sequence, s.iteration, s.position) for s in plan.slots]
    assert [run.tags["treatment"] for run in store.records("e")] == [plan.label(slot) for slot in plan.slots]
    assert [run.factors for run in store.records("e")] == [{"framework": plan.label(slot)} for slot in plan.slots]


def test_the_machine_is_looked_at_before_every_block(make_plan_of, runs, folder, store, terminal, monkeypatch):
    looks = []

    def look(state, *_):
        looks.append(len(runs.names))
        power_w = {METER: 10.0 + len(looks)}
        return dataclasses.replace(state, background_load=0.05 + 0.1 * len(looks), block_power_w=power_w)

    monkeypatch.setattr(loop_module, "rest_and_look", look)
    monkeypatch.setattr(loop_module, "rest", lambda state, *_: state)
    plan = make_plan_of("protocol.idle_s=9")
    conduct(plan, folder, terminal)
    assert looks == [1 + 2, 1 + 4]
    filed = {int(run.tags["sequence"]): run for run in store.records("e")}
    assert [filed[n].metrics.get("idle_power_block_w") for n in range(1, 7)] == [None, None, 11, 11, 12, 12]
    loads = [filed[n].metrics["background_load"] for n in range(1, 7)]
    assert loads == pytest.approx([0.02, 0.02, 0.15, 0.15, 0.25, 0.25])
    assert [filed[n].metrics["idle_power_w"] for n in range(1, 7)] == [3.5, 3.5, 11, 11, 12, 12]
    assert [filed[n].tags["idle_baseline"] for n in range(1, 7)] == ["start"] * 2 + ["block"] * 4
    for run in filed.values():
        net_j = run.metrics["energy_j"] - run.metrics["idle_power_w"] * run.metrics["duration_s"]
        assert run.metrics["energy_net_j"] == pytest.approx(net_j)
    assert [bool(filed[n].flags) for n in range(1, 7)] == [False, False, True, True, True, True]


def test_a_failed_run_is_tried_again_at_the_end_of_its_block(make_plan_of, runs, folder, terminal):
    plan = make_plan_of("protocol.retries=1")
    first = plan.folder(plan.slots[0], 0)
    runs.failures[first] = 1
    records = conduct(plan, folder, terminal)
    assert runs.names[1:5] == [
        first,
        plan.folder(plan.slots[1], 0),
        f"{first}-retry1",
        plan.folder(plan.slots[2], 0),
    ]
    assert len(records) == len(plan.slots)
    assert {record.folder.name for record in records if record.tags["sequence"] == "1"} == {f"{first}-retry1"}


def test_the_answer_comes_after_the_table_and_the_address_last(plan, runs, folder, terminal):
    conduct(plan, folder, terminal)
    shown = terminal.file.getvalue()
    places = [shown.index(part) for part in ("Energy of the task", "jax spent more", "report: ", "6 of 6 runs")]
    assert places == sorted(places)
    assert "http" in shown.splitlines()[-1]


@pytest.mark.parametrize(("at", "offered"), [(2, False), (4, True)], ids=["one run", "three runs"])
def test_a_stopped_sweep_offers_to_compare_what_there_is(plan, runs, folder, terminal, at, offered):
    stop_at(runs, at)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    shown = terminal.file.getvalue()
    command = "compare what is finished with: python -m src.report experiment=e sweep=s1 "
    assert (command in shown) is offered
    assert f"resume={folder}" in shown


def test_a_disturbed_run_is_measured_again_and_counts_once(make_plan_of, runs, folder, store, terminal):
    plan = make_plan_of("protocol.retries=1")
    first = plan.folder(plan.slots[0], 0)
    runs.disturbed[first] = 1
    records = conduct(plan, folder, terminal)
    assert [record.folder.name for record in records if record.tags["sequence"] == "1"] == [f"{first}-retry1"]
    filed = {run.uid.split("/")[1]: run for run in store.records("e")}
    assert len(filed) == len(plan.slots) + 1
    assert filed[first].status == "disturbed"
    assert "others used 40 %" in filed[first].tags["error"]
    assert {run.status for name, run in filed.items() if name != first} == {"finished"}
    assert "6 of 6 runs finished" in terminal.file.getvalue()


def test_a_run_that_stays_disturbed_is_kept_with_its_flag(make_plan_of, runs, folder, store, terminal):
    plan = make_plan_of("protocol.retries=1")
    first = plan.folder(plan.slots[0], 0)
    runs.disturbed[first] = 9
    records = conduct(plan, folder, terminal)
    (kept,) = [record for record in records if record.tags["sequence"] == "1"]
    assert (kept.folder.name, kept.status) == (f"{first}-retry1", "finished")
    assert [(flag.code, flag.grave) for flag in kept.flags] == [("foreign_cpu", True)]


def test_each_run_is_given_its_own_limits(make_plan_of, runs, folder, terminal):
    conduct(make_plan_of("protocol.timeout_s=77", "protocol.max_foreign_cpu_share=0.25"), folder, terminal)
    assert set(runs.limits) == {(77, 0.25)}


def test_what_cannot_be_measured_is_missing_by_name_after_all_else_was_measured(plan, runs, folder, store, terminal):
    first = plan.folder(plan.slots[0], 0)
    runs.failures[first] = 9
    with pytest.raises(RunError, match=f"1 of 6 runs could not be measured: {plan.label(plan.slots[0])} #01"):
        conduct(plan, folder, terminal)
    assert sorted(run.status for run in store.records("e")) == ["failed"] + ["finished"] * 5
    shown = terminal.file.getvalue()
    assert "5 of 6 runs finished" in shown
    assert re.search(rf"Missing runs.*{plan.label(plan.slots[0])} +1 +it broke", shown, re.DOTALL)
    assert f"resume={folder}" in shown
    assert [parent.info.status for parent in parents(store)] == ["FAILED"]


def test_a_meter_that_fails_is_a_failed_run_too(plan, runs, folder, terminal):
    def broken(name):
        if name.startswith("0002"):
            raise MeterError("the counter jumped")

    runs.before = broken
    with pytest.raises(RunError, match="1 of 6 runs"):
        conduct(plan, folder, terminal)
    assert RunRecord.read(folder / plan.folder(plan.slots[1], 0)).tags["error"] == "the counter jumped"


def test_a_store_that_was_down_costs_nothing(plan, runs, refusals, folder, store, terminal):
    refusals[plan.folder(plan.slots[2], 0)] = 1
    assert len(conduct(plan, folder, terminal)) == 6
    assert sorted(run.uid for run in store.records("e")) == sorted(f"s1/{plan.folder(s, 0)}" for s in plan.slots)
    assert "MLflow does not take" in terminal.file.getvalue()


def test_a_failed_run_that_the_store_refused_is_filed_too(plan, runs, refusals, folder, store, terminal):
    first = plan.folder(plan.slots[0], 0)
    runs.failures[first] = refusals[first] = 1
    with pytest.raises(RunError, match="1 of 6 runs"):
        conduct(plan, folder, terminal)
    assert sorted(run.status for run in store.records("e")) == ["failed"] + ["finished"] * 5
    assert "MLflow does not take" in terminal.file.getvalue()


def test_what_the_store_never_took_is_told_with_the_command_that_files_it(plan, runs, refusals, folder, terminal):
    refusals[plan.folder(plan.slots[0], 0)] = 99
    with pytest.raises(TrackError, match="not all of this sweep is in MLflow"):
        conduct(plan, folder, terminal)
    shown = terminal.file.getvalue().replace("\n", " ")
    assert f"python -m src.track {folder}" in shown
    assert "6 of 6 runs finished" in shown


def test_a_run_that_is_stopped_while_it_is_filed_is_kept(plan, runs, folder, store, terminal, monkeypatch):
    file_run, filed = Store.file_run, []

    def interrupted(self, record, parent=None):
        filed.append(record)
        if len(filed) == 2:
            raise KeyboardInterrupt
        return file_run(self, record, parent)

    monkeypatch.setattr(Store, "file_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    assert len(store.records("e")) == 2
    assert "2 of 6 runs finished" in terminal.file.getvalue()


def test_a_run_that_is_stopped_right_after_its_record_was_written_is_kept(
    plan, runs, folder, store, terminal, monkeypatch
):
    write = RunRecord.write

    def interrupted(self):
        path = write(self)
        if self.folder.name.startswith("0002"):
            raise KeyboardInterrupt
        return path

    monkeypatch.setattr(RunRecord, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    assert len(store.records("e")) == 2
    assert "2 of 6 runs finished" in terminal.file.getvalue()


def stop_at(runs, number, error=KeyboardInterrupt):
    def stop(name):
        if len(runs.names) == 1 + number:
            raise error

    runs.before = stop


def test_ctrl_c_keeps_what_is_finished_and_closes_the_sweep(plan, runs, folder, store, terminal):
    stop_at(runs, 3)
    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, terminal)
    assert len(store.records("e")) == 2
    assert [parent.info.status for parent in parents(store)] == ["FAILED"]
    assert "2 of 6 runs finished" in terminal.file.getvalue()
    assert not (folder / plan.folder(plan.slots[2], 0) / RECORD_FILE).exists()


def test_an_error_of_our_own_is_not_taken_for_a_failed_run(plan, runs, folder, terminal):
    stop_at(runs, 1, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        conduct(plan, folder, terminal)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit(143), ZeroDivisionError("a bug")], ids=repr)
def test_every_stop_tells_the_command_that_goes_on(plan, runs, folder, terminal, monkeypatch, error):
    arguments = ["-m", "framework=torch,jax", "experiment='my study'", "hydra.sweep.dir=old"]
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
    stop_at(runs, 2, error)
    with pytest.raises(BaseException, match="|bug|143"):
        conduct(plan, folder, terminal)
    (line,) = re.findall("go on with: (.*)", terminal.file.getvalue())
    assert shlex.split(line) == ["python", "-m", "src.main", *arguments[:3], f"resume={folder}"]


def test_a_run_rests_before_it_but_not_the_first(make_plan_of, runs, folder, terminal, monkeypatch):
    rests = []

    def rest(seconds):
        rests.append((seconds, len(runs.names) - 1))

    def rested(state, config, *_):
        rest(config.protocol.idle_s)
        return state

    monkeypatch.setattr(loop_module, "rest", rested)
    monkeypatch.setattr(loop_module, "rest_and_look", rested)
    plan = make_plan_of("protocol.idle_s=7", "protocol.iterations=2", "protocol.retries=1")
    runs.failures[plan.folder(plan.slots[0], 0)] = 1
    conduct(plan, folder, terminal)
    assert rests == [(7, 1), (7, 2), (7, 3), (7, 4)]


def test_where_the_others_wait_for_its_temperature_the_first_run_rests_too(
    make_plan_of, runs, folder, store, terminal, monkeypatch
):
    rests = []

    def look(state, *_):
        rests.append(("looked", len(runs.names) - 1))
        return dataclasses.replace(state, rest_flags=())

    def rest(state, *_):
        rests.append(("rested", len(runs.names) - 1))
        return dataclasses.replace(state, rest_flags=(Flag("start_temperature", "too warm"),))

    monkeypatch.setattr(loop_module, "rest", rest)
    monkeypatch.setattr(loop_module, "rest_and_look", look)
    conduct(make_plan_of("protocol.idle_s=7", "protocol.iterations=2", "protocol.rest=temperature"), folder, terminal)
    assert rests == [("looked", 0), ("rested", 1), ("looked", 2), ("rested", 3)]
    flags = {run.tags["sequence"]: [(flag.code, flag.grave) for flag in run.flags] for run in store.records("e")}
    assert flags == {"1": [], "2": [("start_temperature", False)], "3": [], "4": [("start_temperature", False)]}


def test_a_folder_that_holds_a_sweep_is_refused_before_anything_is_filed(plan, runs, folder, store, terminal):
    plan.write(folder)
    with pytest.raises(ConfigError, match="already holds a sweep"):
        conduct(plan, folder, terminal)
    assert (runs.names, parents(store)) == ([], [])


def test_a_report_that_cannot_be_made_loses_no_run(plan, runs, folder, store, terminal, monkeypatch):
    def refuse(*_):
        raise ConfigError("nothing to compare")

    monkeypatch.setattr("src.report.make.make_report", refuse)
    assert len(conduct(plan, folder, terminal)) == 6
    assert "no report: nothing to compare" in terminal.file.getvalue()


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), MemoryError(), OSError("two\nlines")])
def test_whatever_a_report_stumbles_over_is_one_line_and_loses_no_run(
    plan, runs, folder, store, terminal, monkeypatch, error
):
    def stumble(*_):
        raise error

    monkeypatch.setattr("src.report.make.make_report", stumble)
    assert len(conduct(plan, folder, terminal)) == 6
    out = terminal.file.getvalue()
    (said,) = [line for line in out.splitlines() if "no report: " in line]
    assert type(error).__name__ in said
    assert "6 of 6 runs finished" in out
    assert parents(store)[0].info.status == "FINISHED"


def test_a_picture_that_cannot_be_drawn_stops_the_sweep_as_a_bug(plan, runs, folder, terminal, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(filing_module, "draw_power", broken)
    with pytest.raises(ZeroDivisionError):
        conduct(plan, folder, terminal)


def ready_with(*primes):
    return Ready(Work(Job(workload="w", program=["true"], environment={"OF_RUNS": "1"}), {}, None, primes), METER, {})


def program(text, remedy="put it right", **environment):
    return Prime((sys.executable, "-c", text), tuple(environment.items()), remedy)


def test_what_cannot_be_started_is_found_out_before_anything_is_measured():
    with pytest.raises(SetupError, match=r"^put it right\. It said:\n(.|\n)*No module named 'none_such'"):
        _prime([ready_with(program("import none_such"))])


def test_what_hangs_is_told(monkeypatch):
    monkeypatch.setattr("src.protocol.here.PRIME_TIMEOUT_S", 1.0)
    with pytest.raises(SetupError, match=r"put it right\. It did not end within 1 s, and said:\nhalf"):
        _prime([ready_with(program("import time; print('half', flush=True); time.sleep(60)"))])


def test_what_is_no_program_is_told():
    with pytest.raises(SetupError, match=r"put it right.*\n.*none_such"):
        _prime([ready_with(Prime(("/none_such",), (), "put it right"))])


@pytest.mark.parametrize("name", ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"])
def test_a_variable_that_brings_in_other_libraries_is_to_blame_and_not_the_environment(monkeypatch, name):
    monkeypatch.setenv(name, "/opt/old/lib")
    code = f"import os, sys; sys.exit('GLIBCXX_3.4.29 not found' if os.environ.get('{name}') else 0)"
    with pytest.raises(SetupError, match=f"^{name}=/opt/old/lib puts other .*`env -u {name} ...`. It said:\nGLIBCXX"):
        _prime([ready_with(program(code))])


def test_a_variable_without_which_it_fails_as_well_is_not_to_blame(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/old/lib")
    with pytest.raises(SetupError, match="^put it right"):
        _prime([ready_with(program("import none_such"))])


def test_each_is_started_once_in_its_own_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    log = tmp_path / "log"
    text = f"import os; open({str(log)!r}, 'a').write(str([os.environ.get(n) for n in ('A', 'OF_RUNS')]) + '\\n')"
    first, second = program(text, A="1"), program(text, A="2")
    _prime([ready_with(first), ready_with(second, first)])
    assert log.read_text().splitlines() == ["['1', None]", "['2', None]"]
    assert os.listdir(tmp_path / "temporary") == []


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_begun(plan, runs, tmp_path, store, terminal):
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="/file/sweep cannot be written .*, and nothing was begun; choose another"):
        conduct(plan, tmp_path / "file" / "sweep", terminal)
    assert runs.names == []
