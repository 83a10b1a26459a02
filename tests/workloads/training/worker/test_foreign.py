"""Nothing but one framework may be loaded in the measured process."""

from __future__ import annotations

import sys

import pytest

from src.workloads.training.worker.foreign import ForeignModuleError, foreign_modules, refuse_foreign_modules


@pytest.mark.parametrize(
    ("own", "loaded", "foreign"),
    [
        pytest.param(("torch",), {"torch", "numpy", "json"}, [], id="alone"),
        pytest.param(("jax", "jaxlib"), {"jax", "jaxlib", "optax"}, ["optax"], id="a part that is not its own"),
        pytest.param(("tensorflow", "keras"), {"keras", "torch", "pandas"}, ["pandas", "torch"], id="two"),
    ],
)
def test_foreign_modules(own: tuple[str, ...], loaded: set[str], foreign: list[str]) -> None:
    assert foreign_modules(own, loaded) == foreign


def test_refusal_names_module_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", sys)
    with pytest.raises(ForeignModuleError, match=r"mlflow.*make setup"):
        refuse_foreign_modules(("torch",))
