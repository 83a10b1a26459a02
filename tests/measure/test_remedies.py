"""What EnergiBridge's panics really mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.measure.meters.energibridge import fails
from src.measure.meters.remedies import real_cause

PANIC = "thread 'main' panicked at src/cpu/intel.rs:38:74:\n"
NOT_PERMITTED = 'called `Result::unwrap()`: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }'
NO_PP1 = 'failed to read PP1: Os { code: 5, kind: Uncategorized, message: "Input/output error" }'
DENIED = 'called `Result::unwrap()`: Os { code: 13, kind: PermissionDenied, message: "Permission denied" }'


@pytest.mark.parametrize(
    ("said", "lockdown", "means"),
    [
        pytest.param(PANIC + NO_PP1, "[none] integrity confidentiality\n", "no right helps. meter=native", id="no PP1"),
        pytest.param(PANIC + NOT_PERMITTED, "none [integrity] confidentiality\n", "Secure Boot", id="locked down"),
        pytest.param(PANIC + NOT_PERMITTED, "none integrity [confidentiality]\n", "(confidentiality)", id="more so"),
        pytest.param(PANIC + NOT_PERMITTED, "[none] integrity confidentiality\n", "", id="without the capability"),
        pytest.param(PANIC + NOT_PERMITTED, None, "", id="a kernel without lockdown"),
        pytest.param(PANIC + DENIED, "none [integrity] confidentiality\n", "", id="a file's rights"),
        pytest.param("rm: Operation not permitted", "none [integrity] confidentiality\n", "", id="no panic"),
    ],
)
def test_the_real_cause(tmp_path: Path, said: str, lockdown: str | None, means: str) -> None:
    if lockdown is not None:
        (tmp_path / "lockdown").write_text(lockdown)
    cause = real_cause(said, tmp_path / "lockdown")
    assert means in cause
    assert bool(cause) == bool(means)


@pytest.mark.parametrize(
    ("platform", "says"),
    [
        ("linux", ("usermod -aG energy", "/etc/udev/rules.d/", "/etc/modules-load.d/msr.conf", "--cap-add SYS_RAWIO")),
        ("win32", ("sc.exe start rapl", "Windows Defender has removed it")),
    ],
)
def test_the_least_rights_that_work(platform: str, says: tuple[str, ...]) -> None:
    remedy = fails("/bin/eb", platform)
    assert [text for text in says if text not in remedy] == []
    assert "a+r /dev" not in remedy
