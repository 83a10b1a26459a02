"""Nothing but one framework may be loaded in the measured process."""

from __future__ import annotations

import sys

import pytest

from src.workloads.training.worker.foreign import ForeignModuleError, refuse_foreign_modules


def test_what_is_not_loaded_is_not_refused() -> None:
    refuse_foreign_modules(("torch",), ["a_package_that_is_not_there"])


@pytest.mark.parametrize(
    ("own", "foreign", "loaded", "says"),
    [
        (("torch",), ["jax", "mlflow"], {"mlflow", "torch"}, r"^mlflow loaded beside torch would .*make setup"),
        (
            ("tensorflow", "keras"),
            ["torch", "pandas"],
            {"torch", "pandas"},
            "^pandas, torch loaded beside tensorflow, k",
        ),
        ((), ["torch"], {"torch"}, "^torch loaded beside the framework would"),
    ],
    ids=["alone", "two", "a framework without packages"],
)
def test_refusal_names_module_and_remedy(
    monkeypatch: pytest.MonkeyPatch, own: tuple[str, ...], foreign: list[str], loaded: set[str], says: str
) -> None:
    for name in foreign:
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in loaded:
        monkeypatch.setitem(sys.modules, name, sys)
    with pytest.raises(ForeignModuleError, match=says):
        refuse_foreign_modules(own, foreign)
