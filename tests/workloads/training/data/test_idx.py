import gzip
import struct

import numpy as np
import pytest

from src.workloads.training.data.idx import decompressed, parse_idx
from src.errors import DatasetError

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
    assert decompressed(gzip.compress(LABELS), "here") == decompressed(LABELS, "here") == LABELS


@pytest.mark.parametrize("damage", [lambda gz: gz[:-5], lambda gz: gz[:20] + b"\0\0\0" + gz[23:]], ids=["cut", "bits"])
def test_damaged_compression_is_refused(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(DatasetError, match=r"^here is cut off or damaged"):
        decompressed(damage(gzip.compress(bytes(range(256)))), "here")
