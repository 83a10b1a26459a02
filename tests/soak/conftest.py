"""What the long tests share: `make soak` runs them at full size, the suite a small one."""

import os

import pytest

SOAK_VARIABLE = "JOULEBENCH_SOAK"


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether this is `make soak`."""
    return bool(os.environ.get(SOAK_VARIABLE))


@pytest.fixture(scope="session")
def soak(full_size: bool) -> None:
    """Skips a test that only `make soak` has the time for."""
    if not full_size:
        pytest.skip(f"takes long: run `make soak`, which sets {SOAK_VARIABLE}")
