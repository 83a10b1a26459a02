import gzip
import hashlib

import pytest

from src.workloads.training.data.verify import verified_content
from src.errors import DatasetError
from src.workloads.training.data.dataset import IdxFileConfig

CONTENT = b"an image"
COMPRESSED = gzip.compress(CONTENT)
OF_CONTENT = hashlib.sha256(CONTENT).hexdigest()
OF_COMPRESSED = hashlib.sha256(COMPRESSED).hexdigest()


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
    assert verified_content(content, file, "here") == CONTENT


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
        verified_content(content, file, "here")
