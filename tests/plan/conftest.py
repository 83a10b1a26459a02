from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir

from src.paths import CONF
from src.plan.schema import Config, register, typed


@pytest.fixture
def composed() -> Callable[..., Config]:
    """Composes the real configuration with overrides."""

    def compose_with(*overrides: str) -> Config:
        register()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return typed(compose("config", overrides=list(overrides)))

    return compose_with
