import gzip
import hashlib
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from io import BufferedWriter, BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from src.workloads.training.data.download import download
from src.workloads.training.data.loaders import idx, synthetic
from src.workloads.training.data.prepared import Prepared, prepare
from src.errors import ConfigError, DatasetError
from src.workloads.training.data.dataset import DatasetConfig, IdxFileConfig
from tests.workloads.training.data.conftest import NAMES, Mirror

PutFiles = Callable[[Path, bool], None]


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def labels(prepared: Prepared) -> list[int]:
    return list(np.load(prepared.train_labels))


@pytest.mark.parametrize("compressed", [True, False], ids=["gz", "plain"])
def test_files_of_the_user(config: DatasetConfig, put_files: PutFiles, tmp_path: Path, compressed: bool) -> None:
    put_files(tmp_path / "mine", compressed)
    prepared = prepare(replace(config, path="mine"), tmp_path)
    images = np.load(prepared.train_images, mmap_mode="r")
    assert (images.shape, images.dtype) == ((6, 28, 28, 1), np.float32)
    assert 0 <= images.min() < 0.01
    assert 0.99 < images.max() <= 1
    assert labels(prepared) == [0, 1, 2, 9, 4, 5]
    assert np.load(prepared.test_labels).dtype == np.int64
    assert (prepared.train_size, prepared.test_size) == (6, 3)
    assert prepared.source == str(tmp_path / "mine")


def test_pixels_are_the_files_pixels(
    config: DatasetConfig, put_files: PutFiles, contents: dict[str, bytes], tmp_path: Path
) -> None:
    put_files(tmp_path / "mine", True)
    prepared = prepare(replace(config, path="mine"), tmp_path)
    pixels = np.frombuffer(contents["test_images"], np.uint8, offset=16).reshape(3, 28, 28, 1)
    np.testing.assert_allclose(np.load(prepared.test_images) * 255, pixels, atol=1e-4)


def test_the_cache_is_used_without_a_mirror(config: DatasetConfig, put_files: PutFiles, tmp_path: Path) -> None:
    put_files(tmp_path / "data" / "small", True)
    assert labels(prepare(config, tmp_path)) == [0, 1, 2, 9, 4, 5]


def test_a_mirror_fills_the_cache_once(config: DatasetConfig, mirror: Mirror, tmp_path: Path) -> None:
    config.mirrors = [mirror.address]
    prepared = prepare(config, tmp_path)
    assert everything_below(tmp_path / "data" / "small") == {f"{name}.gz" for name in NAMES.values()}
    assert prepared.source == mirror.address
    assert prepare(config, tmp_path) == prepared
    assert len(mirror.asked) == 4


def test_the_second_mirror_is_asked_when_the_first_is_down(
    config: DatasetConfig, mirror: Mirror, tmp_path: Path
) -> None:
    config.mirrors = ["http://127.0.0.1:9/", mirror.address]
    assert prepare(config, tmp_path).source == mirror.address


def wrong(mirror: Mirror, name: str) -> None:
    mirror.answers[name] = gzip.compress(b"something else")


def truncated(mirror: Mirror, name: str) -> None:
    mirror.answers[name] = mirror.answers[name][:-10]


def broken_off(mirror: Mirror, name: str) -> None:
    mirror.lies_bytes[name] = len(mirror.answers[name]) + 100


def web_page(mirror: Mirror, name: str) -> None:
    mirror.answers[name] = b"<html>Please log in</html>"


def missing(mirror: Mirror, name: str) -> None:
    del mirror.answers[name]


def bomb(mirror: Mirror, name: str) -> None:
    mirror.answers[name] = gzip.compress(bytes((1 << 26) + 1), 1)


def endless(mirror: Mirror, name: str) -> None:
    mirror.answers[name] = bytes((1 << 26) + 1)


FAILURES = [
    (bomb, "unpacks to more than"),
    (endless, "serves more than"),
    (wrong, "not the published file"),
    (truncated, "cut off or damaged"),
    (broken_off, "broke off after"),
    (web_page, "not the published file"),
    (missing, "answers 404"),
]


@pytest.mark.parametrize(("spoil", "reason"), FAILURES, ids=[spoil.__name__ for spoil, _ in FAILURES])
def test_a_bad_download_is_refused_and_not_kept(
    config: DatasetConfig, mirror: Mirror, tmp_path: Path, spoil: Callable[[Mirror, str], None], reason: str
) -> None:
    name = NAMES["test_images"] + ".gz"
    spoil(mirror, name)
    config.mirrors = [mirror.address]
    with pytest.raises(DatasetError, match=reason) as caught:
        prepare(config, tmp_path)
    assert str(tmp_path / "data" / "small") in str(caught.value)
    assert "dataset=digits" in str(caught.value)
    kept = everything_below(tmp_path / "data" / "small")
    assert kept == {NAMES["train_images"] + ".gz", NAMES["train_labels"] + ".gz"}
    assert everything_below(tmp_path / "data") == {"small"} | {f"small/{file}" for file in kept}


def test_a_mirror_that_never_ends_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(BytesIO):
        headers = Message()
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            Endless.taken += size
            assert Endless.taken < 2_000_000
            return bytes(size)

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Endless())
    with pytest.raises(DatasetError, match="serves more than 1000000 bytes"):
        download("x.gz", ["http://mirror/"], Path("nowhere"), lambda *_: None, timeout_s=1, most_bytes=1_000_000)


def test_a_bad_first_mirror_is_replaced_by_the_second(
    config: DatasetConfig, mirror: Mirror, start_mirror: Callable[[], Mirror], tmp_path: Path
) -> None:
    bad = start_mirror()
    bad.answers = dict.fromkeys(mirror.answers, b"garbage")
    config.mirrors = [bad.address, mirror.address]
    assert labels(prepare(config, tmp_path)) == [0, 1, 2, 9, 4, 5]


def test_without_a_network_both_remedies_are_named_at_once(config: DatasetConfig, tmp_path: Path) -> None:
    config.mirrors = ["http://127.0.0.1:9/", "http://127.0.0.1:10/"]
    begin_s = time.monotonic()
    with pytest.raises(DatasetError) as caught:
        prepare(config, tmp_path)
    assert time.monotonic() - begin_s < 15
    message = str(caught.value)
    assert all(f"{name}.gz" in message for name in NAMES.values())
    for part in ("127.0.0.1:9", "127.0.0.1:10", str(tmp_path / "data" / "small"), "dataset=digits"):
        assert part in message


def test_a_silent_mirror_is_given_up(
    config: DatasetConfig, tmp_path: Path, mirror: Mirror, start_mirror: Callable[[], Mirror]
) -> None:
    silent = start_mirror()
    silent.answers = dict(mirror.answers)
    silent.lies_bytes = dict.fromkeys(mirror.answers, 10000000)
    config.mirrors, config.connect_timeout_s = [silent.address, mirror.address], 0.5
    assert labels(prepare(config, tmp_path)) == [0, 1, 2, 9, 4, 5]


def test_a_damaged_file_in_the_cache_is_fetched_again(
    config: DatasetConfig, put_files: PutFiles, mirror: Mirror, tmp_path: Path
) -> None:
    put_files(tmp_path / "data" / "small", True)
    damaged = tmp_path / "data" / "small" / (NAMES["train_labels"] + ".gz")
    damaged.write_bytes(damaged.read_bytes()[:-4])
    config.mirrors = [mirror.address]
    assert labels(prepare(config, tmp_path)) == [0, 1, 2, 9, 4, 5]
    assert mirror.asked == [damaged.name]


def test_a_damaged_file_does_not_stay_in_the_cache(config: DatasetConfig, put_files: PutFiles, tmp_path: Path) -> None:
    put_files(tmp_path / "data" / "small", False)
    damaged = tmp_path / "data" / "small" / NAMES["train_labels"]
    damaged.write_bytes(b"damaged")
    with pytest.raises(DatasetError, match="dataset=digits"):
        prepare(config, tmp_path)
    assert not damaged.exists()


def test_a_wrong_file_of_the_user_is_refused_and_stays(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path
) -> None:
    put_files(tmp_path / "mine", False)
    wrong_file = tmp_path / "mine" / NAMES["train_images"]
    wrong_file.write_bytes(b"x" * 100)
    with pytest.raises(DatasetError, match="not the published file") as caught:
        prepare(replace(config, path="mine"), tmp_path)
    assert str(wrong_file) in str(caught.value)
    assert wrong_file.exists()


def test_a_missing_file_of_the_user_is_named_even_if_the_data_is_prepared(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path
) -> None:
    put_files(tmp_path / "mine", True)
    config.path = str(tmp_path / "mine")
    prepare(config, tmp_path)
    (tmp_path / "mine" / (NAMES["test_labels"] + ".gz")).unlink()
    with pytest.raises(DatasetError, match=f"has no {NAMES['test_labels']}"):
        prepare(config, tmp_path)


def cut_off(content: bytes) -> bytes:
    return content[:-3]


def foreign(content: bytes) -> bytes:
    return content[:-1] + bytes([8])


@pytest.mark.parametrize("spoil", [cut_off, foreign])
@pytest.mark.parametrize("compressed_checksums", [False, True], ids=["sha256", "sha256_gz"])
def test_the_files_of_the_user_are_looked_into_even_if_the_data_is_prepared(
    config: DatasetConfig,
    put_files: PutFiles,
    tmp_path: Path,
    spoil: Callable[[bytes], bytes],
    compressed_checksums: bool,
) -> None:
    put_files(tmp_path / "mine", True)
    path = tmp_path / "mine" / (NAMES["train_labels"] + ".gz")
    if compressed_checksums:
        config.files = {
            key: IdxFileConfig(name, sha256_gz=hashlib.sha256((path.parent / f"{name}.gz").read_bytes()).hexdigest())
            for key, name in NAMES.items()
        }
    config.path = str(tmp_path / "mine")
    prepare(config, tmp_path)
    path.write_bytes(gzip.compress(spoil(gzip.decompress(path.read_bytes()))))
    with pytest.raises(DatasetError, match="not the published file"):
        prepare(config, tmp_path)


def test_own_files_without_checksums_are_told_apart_by_content(
    config: DatasetConfig, put_files: PutFiles, contents: dict[str, bytes], tmp_path: Path
) -> None:
    config.files = {key: IdxFileConfig(name) for key, name in NAMES.items()}
    config.path = str(tmp_path)
    put_files(tmp_path, False)
    first = prepare(config, tmp_path)
    changed = contents["train_labels"][:-1] + bytes([8])
    (tmp_path / NAMES["train_labels"]).write_bytes(changed)
    second = prepare(config, tmp_path)
    assert labels(first) == [0, 1, 2, 9, 4, 5]
    assert labels(second) == [0, 1, 2, 9, 4, 8]
    assert first.checksum != second.checksum


def test_a_subset_shares_the_prepared_files(config: DatasetConfig, put_files: PutFiles, tmp_path: Path) -> None:
    put_files(tmp_path / "data" / "small", True)
    everything = prepare(config, tmp_path)
    subset = prepare(replace(config, train_size=4, test_size=1), tmp_path)
    assert (subset.train_size, subset.test_size) == (4, 1)
    assert subset.train_images == everything.train_images


def test_more_images_than_the_files_hold(config: DatasetConfig, put_files: PutFiles, tmp_path: Path) -> None:
    put_files(tmp_path / "data" / "small", True)
    with pytest.raises(ConfigError, match="train_size=7: there are only 6"):
        prepare(replace(config, train_available=None, train_size=7), tmp_path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"classes": 9}, "labels go from 0 to 9, but dataset.classes=9", id="label out of range"),
        pytest.param({"image_shape": [32, 32, 1]}, "dataset.image_shape=\\[32, 32, 1\\]", id="shape"),
    ],
)
def test_data_that_is_not_as_configured_is_refused(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    put_files(tmp_path / "data" / "small", True)
    with pytest.raises(DatasetError, match=complaint):
        prepare(replace(config, **changes), tmp_path)  # type: ignore[arg-type]
    assert everything_below(tmp_path / "data") == {"small"} | {f"small/{name}.gz" for name in NAMES.values()}


def test_a_crash_while_writing_leaves_nothing_that_is_trusted(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_files(tmp_path / "data" / "small", True)
    real_save = np.save
    saved: list[str] = []

    def save_two(file: BufferedWriter, array: NDArray[np.float32]) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(file.name)
        real_save(file, array)

    monkeypatch.setattr(np, "save", save_two)
    with pytest.raises(KeyboardInterrupt):
        prepare(config, tmp_path)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["small"]
    assert labels(prepare(config, tmp_path)) == [0, 1, 2, 9, 4, 5]


def test_a_full_disk_is_told_in_the_words_there_are(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_part(*_: object) -> None:
        raise OSError("3136 requested and 1024 written")  # NumPy's, which has no number

    put_files(tmp_path / "data" / "small", True)
    monkeypatch.setattr(np, "save", save_part)
    with pytest.raises(DatasetError, match=r"3136 requested and 1024 written\); check disk space"):
        prepare(config, tmp_path)


def spoil_length(folder: Path) -> None:
    os.truncate(folder / "train_images.npy", 200)


def spoil_missing(folder: Path) -> None:
    (folder / "test_labels.npy").unlink()


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def spoil_one_bit(folder: Path) -> None:
    path = folder / "train_images.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [spoil_length, spoil_missing, spoil_manifest, spoil_one_bit])
def test_prepared_files_that_were_spoilt_are_made_again(
    config: DatasetConfig,
    put_files: PutFiles,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    put_files(tmp_path / "data" / "small", True)
    first = prepare(config, tmp_path)
    sound = first.train_images.read_bytes()
    assert not caplog.messages
    spoil(first.train_images.parent)
    again = prepare(config, tmp_path)
    assert "is damaged, or of another version; its data is prepared anew" in caplog.text
    assert again.checksum == first.checksum
    assert again.train_images.read_bytes() == sound
    assert np.load(again.train_images).shape == (6, 28, 28, 1)
    assert labels(again) == [0, 1, 2, 9, 4, 5]
    assert len(np.load(again.test_labels)) == 3


def test_prepared_data_is_not_loaded_again(
    config: DatasetConfig, put_files: PutFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_files(tmp_path / "data" / "small", True)
    first = prepare(config, tmp_path)
    monkeypatch.setattr(idx, "load", None)
    assert prepare(config, tmp_path) == first


def test_the_real_mnist(mnist_dir: Path, tmp_path: Path, mnist_config: DatasetConfig) -> None:
    mnist_config.path = str(mnist_dir)
    prepared = prepare(mnist_config, tmp_path)
    assert np.load(prepared.train_images, mmap_mode="r").shape == (60000, 28, 28, 1)
    assert np.bincount(np.load(prepared.test_labels)).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert prepared.train_size == 60000


def test_sources_have_folders_of_their_own(tmp_path: Path) -> None:
    small = DatasetConfig(
        "s", "synthetic", cache="data", classes=3, image_shape=[8, 8, 2], train_size=5, test_size=4
    )
    folders = {
        prepare(each, tmp_path).train_images.parent
        for each in (small, replace(small, seed=1), replace(small, train_size=6), replace(small, classes=4))
    }
    assert len(folders) == 4


@pytest.mark.parametrize(
    "changes",
    [{"train_size": 10**12}, {"test_size": 10**20}, {"image_shape": [10**6, 10**6, 1]}],
    ids=["train_size", "test_size", "image_shape"],
)
def test_a_dataset_larger_than_memory_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    config = DatasetConfig(
        "s", "synthetic", cache="data", classes=3, image_shape=[8, 8, 2], train_size=5, test_size=4
    )
    with pytest.raises(ConfigError, match=r"dataset.train_size=.* GiB, more than this machine has free; take fewer"):
        prepare(replace(config, **changes), tmp_path)  # type: ignore[arg-type]
    assert everything_below(tmp_path) == set()


def test_memory_that_the_system_refuses_is_told_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(synthetic, "make_synthetic", refuse)
    config = DatasetConfig(
        "s", "synthetic", cache="data", classes=3, image_shape=[8, 8, 2], train_size=5, test_size=4
    )
    with pytest.raises(ConfigError, match="more than this machine has free"):
        prepare(config, tmp_path)
