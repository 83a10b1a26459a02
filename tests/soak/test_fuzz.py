"""Damaged and hostile files: every reader gives a value or the project's own error, in little time and memory."""

from __future__ import annotations

import copy
import gzip
import json
import random
import resource
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.contract.events import EVENTS_FILE, EventLog, read_events
from src.contract.flags import Flag
from src.contract.job import JOB_FILE, Job
from src.contract.json_files import ContractError
from src.contract.metrics import Metric
from src.contract.outcome import OLD_RESULT_FILE, OUTCOME_FILE, Outcome
from src.contract.plan_file import PLAN_FILE, PlanFile, Slot, Treatment
from src.contract.record import RECORD_FILE, Point, RunRecord
from src.errors import JoulebenchError
from src.measure.energy import whole_file
from src.measure.meters.remarks import Remarks, remarks_file
from src.measure.recording import read_recording
from src.measure.windows import phase_windows
from src.workloads.training.data.idx_files import decompressed, parse_idx

RECORDINGS = Path(__file__).resolve().parents[1] / "data" / "energibridge"
SMALL, FULL = 400, 16_000
"""Inputs for each of the nine readers in the suite and in `make soak`."""
GENERATED = 8
"""Of so many inputs, hypothesis makes one."""
MOST_S = 2.0
MOST_BYTES = 200 * 2**20
TIMES_INPUT = 10
MOST_UNPACKED = 1 << 16

OURS = (JoulebenchError, ContractError)


@dataclass(frozen=True)
class Reader:
    """Reads the file `name` of a folder; `seeds` are whole files that it reads, but for the last `refused` ones."""

    name: str
    read: Callable[[Path], object]
    seeds: Callable[[Path], list[bytes]]
    refused: int = 0


def _recording(folder: Path) -> object:
    return whole_file(read_recording(folder / "energy.csv"))


def _recordings(_: Path) -> list[bytes]:
    whole = [path.read_bytes() for path in sorted(RECORDINGS.glob("*.csv"))]
    first = [b"\n".join(content.split(b"\n")[:30]) + b"\n" for content in whole]
    spread = [first[0].replace(b",", b";").replace(b".", b","), first[1].decode().encode("utf-16")]
    return [*first, *spread]


def _idx(folder: Path) -> object:
    content = decompressed((folder / "images").read_bytes(), "images", MOST_UNPACKED)
    return [_parsed(content, dimensions) for dimensions in (1, 3)]


def _parsed(content: bytes, dimensions: int) -> object:
    try:
        return parse_idx(content, "images", dimensions)
    except JoulebenchError:
        return None


def _idx_files(_: Path) -> list[bytes]:
    images = struct.pack(">HBBIII", 0, 8, 3, 2, 4, 4) + bytes(range(32))
    labels = struct.pack(">HBBI", 0, 8, 1, 5) + bytes(5)
    return [images, labels, gzip.compress(images), gzip.compress(labels), gzip.compress(bytes(1 << 20))]


def _events(folder: Path) -> object:
    return phase_windows(read_events(folder / EVENTS_FILE), ("train",))


def _event_files(folder: Path) -> list[bytes]:
    log = EventLog(folder / EVENTS_FILE)
    with log.phase("import"), log.phase("train"):
        pass
    log.emit("train", "begin", 1.5e9)
    log.emit("train", "end", 1.5e9 + 1)
    return [(folder / EVENTS_FILE).read_bytes()]


def _outcomes(folder: Path) -> list[bytes]:
    accuracy = Metric("accuracy", "1", "Test accuracy", "higher", headline=True)
    per_image = Metric("energy_per_image_j", "J", "Energy per image", "lower")
    Outcome(
        values={"accuracy": 0.9},
        metrics={"accuracy": accuracy},
        series={"train_loss": [0.5, 0.25]},
        facts={"versions": {"torch": "2"}},
        per_unit=(per_image, 10.0),
    ).write(folder / OUTCOME_FILE)
    return [(folder / OUTCOME_FILE).read_bytes(), b'{"version": 2, "error": "the disk is full"}']


def _old_result(folder: Path) -> list[bytes]:
    names = ("accuracy", "loss", "samples_per_s", "peak_memory_bytes", "parameter_count")
    return [json.dumps({**dict.fromkeys(names, 0.5), "train_loss": [1.0, 0.5], "framework": "tf"}).encode()]


def _plan(folder: Path) -> object:
    found = PlanFile.read(folder)
    found.write(folder)
    return found


def _plans(folder: Path) -> list[bytes]:
    treatments = Treatment("tf"), Treatment("torch", ("framework=torch",), {"framework": "torch"})
    slots = tuple(Slot(n, n, 1, n % 2) for n in (1, 2, 3))
    PlanFile("s", treatments, slots, ({"a": {"b": 1}}, {})).write(folder)
    return [(folder / PLAN_FILE).read_bytes()]


def _record(folder: Path) -> object:
    found = RunRecord.read(folder)
    found.write()
    return found.own_metrics, found.sweep, found.uid


def _records(folder: Path) -> list[bytes]:
    tags = dict.fromkeys(("treatment", "meter", "energy_kind", "status", "run_uid", "framework"), "x")
    RunRecord(
        name="torch #03",
        experiment="study",
        start_ms=1_000,
        end_ms=2_000,
        status="finished",
        folder=folder,
        tags=tags,
        factors={"framework": "torch"},
        flags=(Flag("gap", "no samples", grave=True),),
        metrics={"energy_j": 412.5},
        described={"accuracy": Metric("accuracy", "1", "Accuracy", "higher")},
        windows={"train": (0.0, 1.0)},
        series={"train_loss": [Point(1, 1_000, 0.4)]},
        params={"training.epochs": "2"},
    ).write()
    new = json.loads((folder / RECORD_FILE).read_bytes())
    old = {key: value for key, value in new.items() if key not in ("flags", "factors", "described", "windows")}
    old |= {"version": 1, "tags": tags | {"flags": "gap: no samples; wrap: once"}}
    return [json.dumps(new).encode(), json.dumps(old).encode()]


def _jobs(folder: Path) -> list[bytes]:
    Job(
        workload="training", program=["python"], task_phases=["train"], environment={"A": "b"}, settings={"a": [1]}
    ).write(folder / JOB_FILE)
    return [(folder / JOB_FILE).read_bytes()]


def _remarks(folder: Path) -> list[bytes]:
    recording = folder / "energy.csv"
    Remarks((Flag("a", "b"),), ("CPU_ENERGY (J)",)).write(recording)
    return [remarks_file(recording).read_bytes()]


READERS = {
    "recording": Reader("energy.csv", _recording, _recordings),
    "IDX": Reader("images", _idx, _idx_files, refused=1),
    "events": Reader(EVENTS_FILE, _events, _event_files),
    "outcome": Reader(OUTCOME_FILE, Outcome.read, _outcomes, refused=1),
    "old result": Reader(OLD_RESULT_FILE, Outcome.read, _old_result),
    "plan": Reader(PLAN_FILE, _plan, _plans),
    "record": Reader(RECORD_FILE, _record, _records),
    "job": Reader(JOB_FILE, lambda folder: Job.read(folder / JOB_FILE), _jobs),
    "remarks": Reader("energy.remarks.json", lambda folder: Remarks.beside(folder / "energy.csv"), _remarks),
}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_damaged_file_gives_a_value_or_an_error_of_ours(reader: Reader, tmp_path: Path, full_size: bool) -> None:
    count = FULL if full_size else SMALL
    seeds = reader.seeds(tmp_path)
    for old in tmp_path.iterdir():
        old.unlink()
    tried = _Tried(reader, tmp_path)
    for seed in seeds:
        tried.one(seed)
    assert tried.refused == reader.refused, "the whole files themselves must be read"
    for content in _mutants(seeds, count - count // GENERATED, random.Random(reader.name)):
        tried.one(content)
    _generated(tried, count // GENERATED)
    print(f"{reader.name}: {tried.count} inputs, {tried.refused} refused, slowest {tried.slowest_s:.2f} s")
    assert not tried.wrong, f"{len(tried.wrong)} of {tried.count}; the first: {tried.wrong[:5]}"
    assert tried.count >= 0.95 * count
    assert count * 0.2 < tried.refused, "the mutations are too tame"


class _Tried:
    """What came of the inputs."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.folder = reader, folder
        self.count, self.refused, self.slowest_s = 0, 0, 0.0
        self.wrong: list[str] = []

    def one(self, content: bytes) -> None:
        """Read one input and note what is wrong with what came of it."""
        self.count += 1
        path = self.folder / self.reader.name
        path.write_bytes(content)
        before, begin = _peak_bytes(), time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.reader.read(self.folder)
        except OURS as error:
            self.refused += 1
            if "\n" in str(error) and "\\n" not in str(error):
                self.wrong.append(f"an error of several lines: {error!r:.200}")
        except Exception as error:  # noqa: BLE001 - any other is what is looked for
            self.wrong.append(f"{error!r:.200} of {content!r:.300}")
        took_s = time.process_time() - begin
        self.slowest_s = max(self.slowest_s, took_s)
        if took_s > MOST_S or _peak_bytes() - before > MOST_BYTES + TIMES_INPUT * len(content):
            self.wrong.append(f"{took_s:.1f} s and {_peak_bytes() - before} bytes for {content!r:.300}")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


TOKENS = (
    *(b"null", b"true", b"-1", b"0", b"7.5", b"1e308", b"-1e308", b"1e400", b"NaN", b"Infinity", b"-Infinity"),
    *(b'"0.9"', b"[]", b"{}", b'""', b"[[[[", b'"\\ud800"', b"\xff\xfe", b"\0", b"\r", b"\n\n", b",,", b";", b'"'),
    *(
        b"9" * 400,
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 3000,
        b"18446744073709551616",
        b"\xf0\x9f\x94\x8b",
        b"sep=,\n",
    ),
    *(b"Time", b"GPU0_POWER (mWatts)", b"PACKAGE_ENERGY (J)", b"inf", b"nan", b"1_000", b"\x1f\x8b"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 7.5, 1e308, float("nan"), float("inf"), 10**400, -(10**400), 2**64, 1e-320),
    *("", "0.9", "a" * 5000, "\ud800", "../..", "$x$", "\0", [], [[]], {}, {"": None}, [None], [1, "a"], {"a": {}}),
)


def _mutants(seeds: list[bytes], count: int, chance: random.Random) -> Iterator[bytes]:
    trees = [found for seed in seeds if (found := _tree(seed)) is not None]
    for _ in range(count):
        if trees and chance.random() < 0.7:
            yield _other_tree(copy.deepcopy(chance.choice(trees)), chance)
        else:
            yield _other_bytes(bytearray(chance.choice(seeds)), chance)


def _tree(seed: bytes) -> list[Any] | None:
    """The JSON values of a file, one a line or one in all; None for any other file."""
    for parts in ([seed], seed.splitlines()):
        try:
            return [json.loads(part) for part in parts]
        except ValueError:
            continue
    return None


def _other_tree(tree: list[Any], chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        holder, key = chance.choice(places)
        if chance.random() < 0.15:
            del holder[key]
        elif chance.random() < 0.2:
            other, there = chance.choice(places)
            holder[key] = copy.deepcopy(other[there]) if other is not holder else _value(chance)
        else:
            holder[key] = _value(chance)
        if not tree:
            break
    return "\n".join(json.dumps(each) for each in tree).encode()


def _value(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(VALUES))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    for key, value in items:
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _other_bytes(content: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        begin = chance.randrange(len(content) + 1)
        end = min(len(content), begin + int(chance.expovariate(1 / 12)))
        kind = chance.randrange(6)
        if kind == 0:
            content[begin:end] = b""
        elif kind == 1:
            content[begin:begin] = chance.choice(TOKENS)
        elif kind == 2:
            content[begin:end] = chance.choice(TOKENS)
        elif kind == 3:
            content[begin:begin] = content[begin:end] * chance.choice((1, 2, 50))
        elif kind == 4 and begin < len(content):
            content[begin] ^= 1 << chance.randrange(8)
        elif chance.random() < 0.3:
            del content[begin:]
    return bytes(content)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=12)
NUMBERS = st.floats() | st.integers() | st.sampled_from(["", "x", "1e308", "-0", "1,5", "1_0"])
HEADER = "Delta,Time,PACKAGE_ENERGY (J),GPU0_POWER (mWatts)\n"
ROWS = st.lists(st.lists(NUMBERS, min_size=3, max_size=5), max_size=8)


def _row(place: int, row: list[Any]) -> str:
    return ",".join(map(str, [200, 1_700_000_000_000 + 200 * place, *row[: len(row) - 1]]))


TABLES = ROWS.map(lambda rows: HEADER + "".join(f"{_row(n, row)}\n" for n, row in enumerate(rows)))
INPUTS = JSON.map(json.dumps).map(str.encode) | TABLES.map(str.encode) | st.binary(max_size=200)


def _generated(tried: _Tried, count: int) -> None:
    """Inputs by hypothesis, which tries the edges of each type."""

    @settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(INPUTS)
    def run(content: bytes) -> None:
        tried.one(content)

    run()
