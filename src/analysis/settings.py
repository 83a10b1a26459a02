"""What the report decides by: the `analysis` group of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from src.errors import ConfigError
from src.rules import ABOVE_ZERO, Rule, at_least, check_fields, one_of

OUTLIER_RULES = ("none", "3sigma", "iqr")
BLOCKS, PUBLISHED = "blocks", "published"
SAYS = "{key}={value} cannot be used; it must be {wanted}"


@dataclass
class AnalysisConfig:
    """Thresholds, prices and the seed of the resampling; a report prints them beside its results."""

    # Significance level of every test; intervals have the confidence 1 - alpha.
    alpha: Annotated[float, Rule("between 0 and 0.5, usually 0.05", lambda value: 0 < value < 0.5)] = 0.05
    # blocks | published: what decides, the comparison within blocks or the published study's rule (Shapiro-Wilk, then
    # Welch's t or Mann-Whitney's U); a report shows both.
    decision: Annotated[str, one_of(BLOCKS, PUBLISHED)] = BLOCKS
    # The smallest difference that matters, in percent of the pair's first treatment (its mean or median).
    relevant_percent: Annotated[float, ABOVE_ZERO] = 5.0
    # none | 3sigma | iqr: which values are left out, judged per treatment and metric; all are listed either
    # way.
    outliers: Annotated[str, one_of(*OUTLIER_RULES)] = "none"
    # Keys (or groups of keys) that may differ because they are what is being compared, as in [hardware.name].
    compare: list[str] = field(default_factory=list)
    # Resamples of each median; 9999 is enough for an interval's limits (Efron and Tibshirani, 1993, ch. 14).
    bootstrap_samples: Annotated[int, at_least(100, ", usually 9999")] = 9999
    # Decides the bootstrap's resamples, so that a report can be made again to the last digit.
    seed: Annotated[int, at_least(0)] = 1
    # A coefficient of variation above this is worth a warning.
    spread_warning_percent: Annotated[float, ABOVE_ZERO] = 5.0
    # Fewer runs of a treatment are worth a warning; 30 is what Cruz (2021, "Green software engineering done
    # right: a scientific guide to set up energy efficiency experiments") asks for.
    minimum_runs: Annotated[int, at_least(1)] = 30
    # The power wanted for the smallest difference that matters (Cohen, 1988, convention).
    target_power: float = 0.8
    # What a kWh costs. Households of the European Union, all taxes included, first half of 2025.
    price_per_kwh: Annotated[float, at_least(0)] = 0.2872
    # What the price is told in.
    currency: str = "EUR"
    # Where the price comes from.
    price_source: str = "Eurostat, dataset nrg_pc_204, household electricity prices, EU average, 1st half of 2025"
    # Grams of CO2 equivalents for a kWh. Average of the European Union's grid in 2024, life cycle.
    grid_gco2e_per_kwh: Annotated[float, at_least(0)] = 213.0
    # Where that comes from.
    grid_source: str = "Ember, Global Electricity Review 2025, EU average of 2024"
    # How many runs to work cost and emissions out for, beside the usual 1 000.
    scale: Annotated[int, at_least(1)] = 1_000_000


def check(config: AnalysisConfig) -> None:
    """Raise ConfigError for a value that types allow but no analysis can use."""
    check_fields(config, "analysis", SAYS)
    if not config.alpha < config.target_power < 1:
        wanted = "above analysis.alpha and below 1, usually 0.8"
        raise ConfigError(SAYS.format(key="analysis.target_power", value=config.target_power, wanted=wanted))
