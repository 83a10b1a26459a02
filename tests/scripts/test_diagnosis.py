from pathlib import Path

import pytest

from scripts.diagnosis import explain_failed_install

COLLECTING = "2026-01-01T10:00:00 Collecting numpy==2.0 (from -r lock.txt (line 3))\n"
NO_VERSION = "ERROR: No matching distribution found for torch==2.13.0\n"
DNS = "WARNING: NewConnectionError: Temporary failure in name resolution\n"


@pytest.mark.parametrize(
    ("log", "package", "remedy"),
    [
        pytest.param(NO_VERSION, "torch==2.13.0", "3.11 to 3.13", id="no such version"),
        pytest.param(DNS + NO_VERSION, "torch==2.13.0", "the network failed", id="no network"),
        pytest.param("ReadTimeoutError: Read timed out.\n", "numpy==2.0", "the network failed", id="slow"),
        pytest.param("ERROR: [Errno 28] No space left on device\n", "numpy==2.0", "disk is full", id="disk"),
        pytest.param("ProxyError('Cannot connect.')\n", "numpy==2.0", "HTTPS_PROXY", id="proxy"),
        pytest.param("SSLError: CERTIFICATE_VERIFY_FAILED\n", "numpy==2.0", "PIP_CERT", id="certificate"),
        pytest.param("ERROR: HTTP error 401 while getting x\n", "numpy==2.0", "PIP_INDEX_URL", id="login"),
        pytest.param("ERROR: DO NOT MATCH THE HASHES", "numpy==2.0", "pip cache purge", id="damaged"),
        pytest.param("ERROR: Failed building wheel for uvloop\n", "uvloop", "compiled", id="compiler"),
        pytest.param("", "numpy==2.0", "pip's log", id="unknown cause"),
    ],
)
def test_a_failure_names_the_package_and_the_remedy(log: str, package: str, remedy: str) -> None:
    message = explain_failed_install("jax", COLLECTING + log, Path("pip.log"))
    assert f"stopped at the package {package}:" in message
    assert remedy in message
    assert "run the same command again" in message


def test_a_failure_before_any_package_says_so() -> None:
    assert "stopped at the package (unknown):" in explain_failed_install("jax", "", Path("pip.log"))
