"""Several machines: what each says of a pair, whether they agree, and what they say together.

A random-effects model on log ratios: a machine's ratio is one drawn from those of machines like these, and known as
well as its blocks tell. Together they say the plain mean of the machines' log ratios, with Student's t between them
(`ratios.of_levels`; Hartung and Knapp, 2001, for machines that count alike; Bonett, 2009; Shuster, 2010), so a machine
counts once, however many blocks it has or how calm it is. The usual weights (DerSimonian and Laird, 1986), which are
the inverse of variances that few blocks tell badly, claimed a difference among equals in up to 41 % of simulated
studies, with Hartung, Knapp, Sidik and Jonkman's interval too (IntHout et al., 2014, foresaw it):
docs/results/statistics.md.

With two machines Student's t has 1 degree of freedom. That is honest, and so wide that two machines seldom show
anything of a third one: what holds on each of them is told beside it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from src.analysis.ratios import as_percent
from src.analysis.values import Interval, Sample
from src.contract.record import MACHINE

FEWEST_TO_PREDICT = 3
PREDICTION = "t of machines, for the next one's ratio, for all pairs at once"
BISECTIONS = 60


@dataclass(frozen=True)
class Heterogeneity:
    """Whether machines differ more than their blocks explain.

    `q` is Cochran's (1954) with its `p_value` from chi square, `tau_percent` the standard deviation of the machines'
    true ratios (Paule and Mandel, 1982), `i2_percent` the share of what is seen that it makes (Higgins and Thompson,
    2002). The blocks' own errors allow for memory, so that `q` is rather too small than too large.
    """

    q: float
    df: int
    p_value: float
    tau_percent: float
    i2_percent: float


def heterogeneity(estimates: Sample, variances: Sample) -> Heterogeneity | None:
    """Of log ratios (k,) with the variances (k,) of their errors; None below two, or where one has no error."""
    if estimates.size < 2 or not np.all(variances > 0):
        return None
    df = estimates.size - 1
    q = _q(estimates, variances, 0.0)
    tau = math.sqrt(between(estimates, variances))
    return Heterogeneity(q, df, float(special.chdtrc(df, q)), as_percent(tau), 100 * max(0.0, (q - df) / q) if q else 0)


def between(estimates: Sample, variances: Sample) -> float:
    """Paule and Mandel's (1982) variance between machines: with it Q is what it is expected to be, k - 1."""
    df = estimates.size - 1
    if _q(estimates, variances, 0.0) <= df:
        return 0.0
    low, high = 0.0, float(np.square(estimates - estimates.mean()).sum()) / df + float(variances.max())
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _q(estimates, variances, middle) > df else (low, middle)
    return (low + high) / 2


def _q(estimates: Sample, variances: Sample, between_machines: float) -> float:
    weights = 1 / (variances + between_machines)
    mean = float((weights * estimates).sum() / weights.sum())
    return float((weights * np.square(estimates - mean)).sum())


def prediction(estimates: Sample, alpha: float, pairs: int) -> Interval | None:
    """Where a next machine's ratio lies, measured alike, in percent; None below three machines.

    Higgins, Thompson and Spiegelhalter's (2009) interval, with the whole variance of the machines' estimates in place
    of tau squared: what the blocks within a machine do is in it, so it holds its level with few blocks too.
    """
    k = estimates.size
    if k < FEWEST_TO_PREDICT:
        return None
    reach = float(special.stdtrit(k - 1, 1 - alpha / pairs / 2)) * math.sqrt(float(estimates.var(ddof=1)) * (1 + 1 / k))
    centre = float(estimates.mean())
    return Interval(as_percent(centre - reach), as_percent(centre + reach), 1 - alpha, PREDICTION)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts `node2` before `node10`."""
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]{1,18})", name))


def machines_compared(runs: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """The machines within which is compared, as each measured several treatments; none where there are not several."""
    known = runs[runs[metric].notna()]
    counts = known.groupby(MACHINE)["treatment"].nunique()
    found = tuple(sorted(map(str, counts.index[counts > 1]), key=natural))
    return found if len(found) > 1 else ()


def typical(runs: pd.DataFrame, metric: str) -> pd.Series:
    """Each treatment's mean on a typical machine: least squares of log means in treatments and machines.

    So a treatment that ran more often on a thrifty machine is no thriftier for it. The plain mean where one is not
    above 0.
    """
    means = runs.groupby(["treatment", MACHINE])[metric].mean().dropna()
    if not (means > 0).all():
        return runs.groupby("treatment")[metric].mean()
    treatments, machines = (pd.get_dummies(means.index.get_level_values(level), dtype=float) for level in (0, 1))
    design = np.hstack([treatments.to_numpy(), machines.to_numpy() - 1 / machines.shape[1]])
    effects, *_ = np.linalg.lstsq(design, np.log(means.to_numpy()), rcond=None)
    found = pd.Series(np.exp(effects[: treatments.shape[1]]), treatments.columns)
    return found.reindex(sorted(runs["treatment"].unique()))


def levelled(runs: pd.DataFrame, metric: str) -> pd.Series:
    """The values as if each machine had the treatment's own median: what is left is what runs within a machine do."""
    own = runs.groupby(["treatment", MACHINE])[metric].transform("median")
    return runs[metric] * (runs.groupby("treatment")[metric].transform("median") / own.where(own != 0)).fillna(1.0)
