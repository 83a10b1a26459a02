import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest

from src.errors import DatasetError
from src.workloads.training.data.dataset import IdxFileConfig
from src.workloads.training.data.idx_files import decompressed, parse_idx, verified_content

MOST = 1000
CONTENT = b"an image"
COMPRESSED = gzip.compress(CONTENT)
OF_CONTENT = hashlib.sha256(CONTENT).hexdigest()
OF_COMPRESSED = hashlib.sha256(COMPRESSED).hexdigest()

LABELS = struct.pack(">HBBI", 0, 8, 1, 3) + bytes([7, 0, 9])


def test_labels_are_read() -> None:
    assert parse_idx(LABELS, "labels", dimensions=1).tolist() == [7, 0, 9]


def test_images_keep_rows_and_columns() -> None:
    content = struct.pack(">HBB3I", 0, 8, 3, 2, 2, 3) + bytes(range(12))
    np.testing.assert_array_equal(parse_idx(content, "images", dimensions=3), np.arange(12).reshape(2, 2, 3))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", "only 0 bytes", id="empty"),
        pytest.param(LABELS[:6], "only 6 bytes", id="header cut off"),
        pytest.param(LABELS[:-1], "promises 3 bytes of .* but 2 follow", id="cut off"),
        pytest.param(LABELS + b"x", "promises 3 bytes of .* but 4 follow", id="too long"),
        pytest.param(b"<htm" + LABELS[4:], "begins with 3c68746d", id="a web page"),
        pytest.param(struct.pack(">HBBI", 0, 0x0D, 1, 3) + LABELS[8:], "unsigned bytes", id="floats"),
        pytest.param(struct.pack(">HBB2I", 0, 8, 2, 1, 3) + LABELS[8:], "1 dimension", id="two dimensions"),
    ],
)
def test_what_is_not_idx_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(DatasetError, match=f"^here .*{complaint}"):
        parse_idx(content, "here", dimensions=1)


def test_compressed_and_plain_content_are_the_same() -> None:
    assert decompressed(gzip.compress(LABELS), "here", MOST) == decompressed(LABELS, "here", MOST) == LABELS


@pytest.mark.parametrize("damage", [lambda gz: gz[:-5], lambda gz: gz[:20] + b"\0\0\0" + gz[23:]], ids=["cut", "bits"])
def test_damaged_compression_is_refused(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(DatasetError, match=r"^here is cut off or damaged"):
        decompressed(damage(gzip.compress(bytes(range(256)))), "here", MOST)


@pytest.mark.parametrize(("length", "fits"), [(MOST, True), (MOST + 1, False), (300_000_000, False)])
def test_what_unpacks_to_more_than_there_can_be_is_refused_before_it_takes_memory(length: int, fits: bool) -> None:
    content = gzip.compress(bytes(length))
    tracemalloc.start()
    try:
        if fits:
            assert len(decompressed(content, "here", MOST)) == length
        else:
            with pytest.raises(DatasetError, match=r"^here unpacks to more than 1000 bytes"):
                decompressed(content, "here", MOST)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_file_of_two_compressed_parts_is_one_file() -> None:
    assert decompressed(gzip.compress(b"one") + gzip.compress(b"two"), "here", MOST) == b"onetwo"



@pytest.mark.parametrize(
    ("content", "file"),
    [
        pytest.param(CONTENT, IdxFileConfig("f", sha256=OF_CONTENT), id="plain"),
        pytest.param(COMPRESSED, IdxFileConfig("f", sha256=OF_CONTENT), id="compressed"),
        pytest.param(gzip.compress(CONTENT, 1), IdxFileConfig("f", sha256=OF_CONTENT), id="compressed by another"),
        pytest.param(COMPRESSED, IdxFileConfig("f", sha256_gz=OF_COMPRESSED), id="checksum of the gz"),
        pytest.param(COMPRESSED, IdxFileConfig("f"), id="no checksum known"),
    ],
)
def test_the_published_file_is_accepted(content: bytes, file: IdxFileConfig) -> None:
    assert verified_content(content, file, "here", MOST) == CONTENT


@pytest.mark.parametrize(
    ("content", "file", "complaint"),
    [
        pytest.param(b"other", IdxFileConfig("f", sha256=OF_CONTENT), f"expected {OF_CONTENT}", id="other"),
        pytest.param(gzip.compress(b"other"), IdxFileConfig("f", sha256_gz=OF_COMPRESSED), "expected", id="other gz"),
        pytest.param(CONTENT, IdxFileConfig("f", sha256_gz=OF_COMPRESSED), "put that there", id="only gz verifiable"),
        pytest.param(COMPRESSED[:-3], IdxFileConfig("f", sha256=OF_CONTENT), "cut off", id="cut off"),
    ],
)
def test_another_file_is_refused(content: bytes, file: IdxFileConfig, complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        verified_content(content, file, "here", MOST)
