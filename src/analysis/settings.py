"""What the report decides by: the `analysis` group of the configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from src.errors import ConfigError

OUTLIER_RULES = ("none", "3sigma", "iqr")


@dataclass
class AnalysisConfig:
    """Thresholds, prices and the seed of the resampling; a report prints them beside its results."""

    # Significance level of every test; intervals have the confidence 1 - alpha.
    alpha: float = 0.05
    # The smallest difference that matters, in percent of the pair's first treatment (its mean or median).
    relevant_percent: float = 5.0
    # none | 3sigma | iqr: which values are left out, judged per treatment and metric; all are listed either
    # way.
    outliers: str = "none"
    # Keys (or groups of keys) that may differ because they are what is being compared, as in [hardware.name].
    compare: list[str] = field(default_factory=list)
    # Resamples of each bootstrap; 9999 is enough for BCa limits (Efron and Tibshirani, 1993, ch. 14).
    bootstrap_samples: int = 9999
    # Decides the bootstrap's resamples, so that a report can be made again to the last digit.
    seed: int = 1
    # A coefficient of variation above this is worth a warning.
    spread_warning_percent: float = 5.0
    # Fewer runs of a treatment are worth a warning; 30 is what Cruz (2021, "Green software engineering done
    # right: a scientific guide to set up energy efficiency experiments") asks for.
    minimum_runs: int = 30
    # The power wanted for the smallest difference that matters (Cohen, 1988, convention).
    target_power: float = 0.8
    # Households of the European Union, all taxes included, first half of 2025.
    price_per_kwh: float = 0.2872
    currency: str = "EUR"
    price_source: str = "Eurostat, dataset nrg_pc_204, household electricity prices, EU average, 1st half of 2025"
    # Average of the European Union's grid in 2024, life cycle.
    grid_gco2e_per_kwh: float = 213.0
    grid_source: str = "Ember, Global Electricity Review 2025, EU average of 2024"
    # How many runs to work cost and emissions out for, beside the usual 1 000.
    scale: int = 1_000_000


def check(config: AnalysisConfig) -> None:
    """Raise ConfigError for a value that types allow but no analysis can use."""
    for key, value in vars(config).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"analysis.{key}={value}: must be a finite number")
    rules = {
        "alpha": (0 < config.alpha < 0.5, "between 0 and 0.5, usually 0.05"),
        "relevant_percent": (config.relevant_percent > 0, "above 0"),
        "outliers": (config.outliers in OUTLIER_RULES, f"one of {', '.join(OUTLIER_RULES)}"),
        "bootstrap_samples": (config.bootstrap_samples >= 100, "at least 100, usually 9999"),
        "seed": (config.seed >= 0, "at least 0"),
        "spread_warning_percent": (config.spread_warning_percent > 0, "above 0"),
        "minimum_runs": (config.minimum_runs >= 1, "at least 1"),
        "target_power": (
            config.alpha < config.target_power < 1,
            "above analysis.alpha and below 1, usually 0.8",
        ),
        "price_per_kwh": (config.price_per_kwh >= 0, "at least 0"),
        "grid_gco2e_per_kwh": (config.grid_gco2e_per_kwh >= 0, "at least 0"),
        "scale": (config.scale >= 1, "at least 1"),
    }
    for key, (holds, wanted) in rules.items():
        if not holds:
            raise ConfigError(f"analysis.{key}={getattr(config, key)} cannot be used; it must be {wanted}")
