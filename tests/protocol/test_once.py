"""What belongs to one, and once: folders of the same second, records that were lost, runs that a store did not take."""

import dataclasses
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from src.contract.flags import Flag
from src.contract.job import JOB_FILE, Job
from src.contract.plan_file import PLAN_FILE, PlanFile
from src.contract.record import DRAFT_FILE, RECORD_FILE, RunRecord
from src.errors import ConfigError, RunError, SetupError
from src.measure.meters.remarks import Remarks
from src.measure.run_metrics import IdleBaseline
from src.protocol import filing as filing_module
from src.protocol import loop as loop_module
from src.protocol.filing import Draft, recovered
from src.protocol.lock import claim
from src.track.__main__ import main
from src.track.folder_lock import filing_alone
from tests.protocol.conftest import METER
from tests.protocol.test_sweep import conduct, parents


def test_two_that_begin_in_the_same_second_get_a_folder_each(plan, make_plan_of, tmp_path):
    with ExitStack() as first, ExitStack() as second:
        mine = claim(plan, tmp_path / "2026-01-01" / "10-00-00", first)
        other = claim(make_plan_of(sweep="s2"), tmp_path / "2026-01-01" / "10-00-00", second)
    assert [folder.name for folder in (mine, other)] == ["10-00-00", "10-00-00_2"]
    assert [PlanFile.read(folder).sweep for folder in (mine, other)] == ["s1", "s2"]
    with ExitStack() as third:
        assert claim(plan, mine, third).name == "10-00-00_3"


def test_many_at_once_share_no_folder(make_plan_of, tmp_path):
    plans = [make_plan_of(sweep=f"s{number}") for number in range(8)]
    begin, got = threading.Barrier(8), []

    def begin_one(plan):
        begin.wait()
        with ExitStack() as held:
            got.append((claim(plan, tmp_path / "10-00-00", held), plan.sweep))
            begin.wait()

    threads = [threading.Thread(target=begin_one, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({folder for folder, _ in got}) == 8
    assert {folder: PlanFile.read(folder).sweep for folder, _ in got} == dict(got)


def test_a_folder_that_was_named_is_refused_where_it_is_taken(plan, tmp_path):
    with ExitStack() as first, ExitStack() as second:
        claim(plan, tmp_path / "mine", first)
        with pytest.raises(SetupError, match="is in use by another process, which measures or files its runs"):
            claim(plan, tmp_path / "mine", second)
    with ExitStack() as third, pytest.raises(ConfigError, match="already holds a sweep"):
        claim(plan, tmp_path / "mine", third)


def test_nobody_files_beside_a_sweep(plan, runs, folder, store, store_uri, terminal, capsys):
    codes = []
    runs.before = lambda name: codes.append(main([str(folder), "--store", store_uri]))
    conduct(plan, folder, terminal)
    assert codes == [1] * 6
    assert "is in use by another process" in capsys.readouterr().err
    assert main([str(folder), "--store", store_uri]) == 0
    assert len(store.client.search_runs([store.experiment_id("e")], "tags.kind = 'run'")) == 6


def test_nobody_goes_on_with_a_sweep_that_runs(plan, make_plan_of, folder, runs, terminal):
    plan.write(folder)
    again = make_plan_of(sweep="s2")
    for config in again.configs:
        config.resume = str(folder)
    with filing_alone(folder), pytest.raises(SetupError, match="is in use by another process"):
        conduct(again, folder, terminal)
    assert runs.names == []


@pytest.mark.parametrize("which", ["resume", "src.track"])
def test_a_dead_sweep_is_closed_also_where_no_run_was_finished(
    plan, make_plan_of, runs, folder, store, store_uri, terminal, which
):
    plan.write(folder)
    store.start_sweep("e", "s1", {}, {})
    if which == "resume":
        for config in (again := make_plan_of(sweep="s2")).configs:
            config.resume = str(folder)
        conduct(again, folder, terminal)
    else:
        assert main([str(folder), "--store", store_uri]) == 0
    assert [parent.info.status for parent in parents(store)] == ["FINISHED" if which == "resume" else "FAILED"]


@pytest.fixture
def lost(plan, runs, folder, terminal, monkeypatch):
    """A sweep of which the third run was measured when everything was killed: it has no record, but all else."""
    jobs = {}

    def killed(record):
        if record.folder.name.startswith("0003"):
            Job(workload="torch", program=["true"]).write(record.folder / JOB_FILE)
            raise SystemExit(137)
        return jobs.setdefault(record.folder, _written(record))

    _written = filing_module._written
    with monkeypatch.context() as broken:
        broken.setattr(filing_module, "_written", killed)
        with pytest.raises(SystemExit):
            conduct(plan, folder, terminal)
    run = folder / plan.folder(plan.slots[2], 0)
    assert (run / DRAFT_FILE).exists()
    assert not (run / RECORD_FILE).exists()
    return run


@pytest.fixture
def whole_recording(lost):
    """The recording of the run that was made up."""
    (lost / "energy.csv").unlink()
    times = [1_760_000_300_000 + 200 * n - 200 for n in range(14)]
    rows = [f"0,{t},{(t - times[0]) / 100:.3f}" for t in times]
    (lost / "energy.csv").write_text("\n".join(["Delta,Time,PACKAGE_ENERGY (J)", *rows, ""]))
    return lost


@pytest.mark.parametrize("which", ["resume", "src.track"])
def test_a_whole_run_that_lost_its_record_gets_one(
    whole_recording, plan, make_plan_of, runs, folder, store, store_uri, terminal, which
):
    if which == "resume":
        runs.names.clear()
        for config in (again := make_plan_of(sweep="s2")).configs:
            config.resume = str(folder)
        conduct(again, folder, terminal)
        assert whole_recording.name not in runs.names
    else:
        assert main([str(folder), "--store", store_uri]) == 0
    record = RunRecord.read(whole_recording)
    assert record.status == "finished"
    assert record.metrics["energy_j"] == pytest.approx(20.0)
    assert record.metrics["idle_power_w"] == 3.5
    assert "recovered" in [flag.code for flag in record.flags]
    assert not (whole_recording / DRAFT_FILE).exists()
    (filed,) = [run for run in store.records("e") if run.uid == record.uid]
    assert [flag.code for flag in filed.flags] == [flag.code for flag in record.flags]


def test_a_run_that_is_not_whole_gets_no_record(whole_recording):
    (whole_recording / "outcome.json").unlink()
    assert recovered(whole_recording) is None
    assert not (whole_recording / RECORD_FILE).exists()


def test_a_draft_comes_back_as_it_was(make_record):
    remarks = Remarks((Flag("odd", "it is odd", grave=True),), ("A",))
    idle = IdleBaseline(3.25, "block", 0.5)
    meter = dataclasses.replace(METER, remarks=remarks, rejected=("a", "b"), also=(METER,))
    draft = Draft(make_record(), meter, idle)
    draft.write()
    assert Draft.read(draft.record.folder) == draft


def test_a_disturbed_run_is_never_on_disk_as_a_finished_one(make_plan_of, runs, folder, terminal, monkeypatch):
    """A kill between two records of it would have let it count."""
    written, write = [], RunRecord.write
    monkeypatch.setattr(RunRecord, "write", lambda self: written.append((self.folder.name, self.status)) or write(self))
    plan = make_plan_of("protocol.retries=1")
    runs.disturbed[plan.folder(plan.slots[0], 0)] = 1
    conduct(plan, folder, terminal)
    assert len({name for name, _ in written}) == len(written) == 7
    assert written[0] == (plan.folder(plan.slots[0], 0), "disturbed")


@pytest.fixture
def deaf():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_store_that_hangs_holds_no_block_up_for_long(
    make_plan_of, runs, folder, store, store_uri, terminal, monkeypatch, deaf
):
    """It hangs from the second run on until the sweep's end."""
    open_store, waits = loop_module.open_store, []

    def hanging(uri):
        began = time.monotonic()
        try:
            return open_store(deaf if len(runs.names) - 1 > 1 else uri)
        finally:
            waits.append((len(runs.names) - 1, time.monotonic() - began))

    monkeypatch.setattr(loop_module, "open_store", hanging)
    plan = make_plan_of("protocol.iterations=3")
    assert len(conduct(plan, folder, terminal)) == 6
    slow = [(run, seconds) for run, seconds in waits if run > 1]
    assert [run for run, _ in slow] == [2, 4, 6]
    assert max(seconds for _, seconds in slow) < 5
    assert len(store.records("e")) == 6
    assert terminal.file.getvalue().count("MLflow does not take") == 1


def test_a_store_that_answers_again_gets_what_was_kept(plan, runs, refusals, folder, store, terminal, monkeypatch):
    monkeypatch.setattr(loop_module, "STORE_WAIT_S", 60.0)  # on however busy a machine
    refusals[plan.folder(plan.slots[0], 0)] = 1
    seen = []
    runs.before = lambda name: seen.append(
        len(store.client.search_runs([store.experiment_id("e")], "tags.kind = 'run'"))
    )
    conduct(plan, folder, terminal)
    assert seen == [0, 0, 0, 0, 4, 5]
    assert "MLflow takes runs again" in terminal.file.getvalue()


def test_a_stop_that_was_swallowed_is_raised_before_the_next_run(plan, runs, folder, terminal, monkeypatch):
    """As within a callback of matplotlib, whose exceptions nobody sees."""
    monkeypatch.setattr("src.stops._asked", [])
    from src import stops

    runs.before = lambda name: stops._asked.append(15) if name.startswith("0002") else None
    with pytest.raises(SystemExit):
        conduct(plan, folder, terminal)
    assert len(list(folder.glob(f"*/{RECORD_FILE}"))) == 2
    assert (folder / PLAN_FILE).exists()


def test_a_plan_that_is_there_is_never_written_over(plan, tmp_path):
    plan.write(tmp_path)
    before = Path(tmp_path / PLAN_FILE).read_bytes()
    with ExitStack() as held, pytest.raises((ConfigError, RunError)):
        claim(dataclasses.replace(plan, sweep="other"), tmp_path, held)
    assert (tmp_path / PLAN_FILE).read_bytes() == before
