"""Values of the analysis group that no analysis can use."""

import pytest
from omegaconf import OmegaConf

from src.analysis.settings import AnalysisConfig, check
from src.errors import ConfigError


def test_the_defaults_can_be_used_and_hydra_takes_them() -> None:
    config = OmegaConf.to_object(OmegaConf.structured(AnalysisConfig))
    assert isinstance(config, AnalysisConfig)
    check(config)
    assert (config.alpha, config.relevant_percent, config.outliers) == (0.05, 5.0, "none")
    assert config.price_source
    assert config.grid_source


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alpha", 0.0),
        ("alpha", 0.6),
        ("relevant_percent", 0.0),
        ("outliers", "2sigma"),
        ("bootstrap_samples", 10),
        ("seed", -1),
        ("spread_warning_percent", 0.0),
        ("minimum_runs", 0),
        ("target_power", 1.0),
        ("target_power", 0.01),
        ("price_per_kwh", -1.0),
        ("grid_gco2e_per_kwh", -1.0),
        ("scale", 0),
    ],
)
def test_an_unusable_value_is_named_with_the_remedy(key: str, value: float | str) -> None:
    config = AnalysisConfig()
    setattr(config, key, value)
    with pytest.raises(ConfigError, match=rf"analysis\.{key}={value} cannot be used; it must be"):
        check(config)


def test_infinite_thresholds_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"analysis\.relevant_percent=inf: must be a finite number"):
        check(AnalysisConfig(relevant_percent=float("inf")))
