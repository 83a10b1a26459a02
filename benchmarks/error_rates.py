"""How often the decision errs, by simulation: `python -m benchmarks.error_rates [STUDIES]`, a few minutes, fixed seeds.

Every cell is many made-up studies of three treatments a, b, c in shuffled blocks, in which a and b are equal and c
takes as much, 5 % more (the margin) or 10 % more; analysed with the product's own functions.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from src.analysis.decision import Claims, claims
from src.analysis.hypothesis_tests import HypothesisTest, compare_blocks, holm
from src.analysis.machines import between, heterogeneity, prediction
from src.analysis.ratios import as_percent, bill, bill_terms, log_margin, of_levels, usual
from src.analysis.stopping import alpha_of_a_look, looks
from src.analysis.values import Sample

STUDIES = 2000
SEED = 2013
SIZES = (5, 10, 30)
TRUTHS = {"equal": 1.0, "margin": 1.05, "twice": 1.10}
MARGIN = log_margin(5.0)
ALPHA = 0.05
SPREAD = 0.01
"""The coefficient of variation of one treatment's runs, in the situations that do not say otherwise."""
BLOCK, DRIFT, OUTLIER, UNEQUAL = 0.05, 0.1, 0.3, (0.5, 1.0, 3.0)
PAIRS = ((0, 1), (0, 2), (1, 2))
MINIMUM, PRECISION = 10, 0.05
MACHINES = (2, 3, 4, 8)
UNEVEN = (0.3, 3.0, 1.0, 2.0)
"""How much more the runs of some machines spread than those of others."""
SITUATIONS = (
    "normal", "lognormal", "outliers", "ar 0.5", "drift", "blocks", "unequal", "bimodal", "ties",
    "ar 0.8", "c remembers", "c skewed", "c rarely costly",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """Shares of studies: any difference claimed between equals, any claim in the wrong direction, c called practically
    the same as another, all intervals holding the truth (bill, usual run), c told from a; and the mean of the blocks.
    """

    false: float
    wrong: float
    same: float
    covers_bill: float
    covers_usual: float
    power: float
    runs: float

    def row(self) -> list[str]:
        """In percent."""
        shares = (self.false, self.wrong, self.same, self.covers_bill, self.covers_usual, self.power)
        return [*(f"{100 * share:.1f}" for share in shares), f"{self.runs:.0f}"]


def noise(kind: str, rng: np.random.Generator, shape: tuple[int, int, int]) -> Sample:
    """Standardised errors (studies, treatments, blocks)."""
    normal = rng.standard_normal(shape)
    if kind == "lognormal":
        return (np.exp(normal) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    if kind == "bimodal":
        return np.where(rng.random(shape) < 0.5, -0.95, 0.95) + np.sqrt(1 - 0.95**2) * normal
    if kind == "ties":
        return np.round(normal)
    if kind.startswith("ar "):
        return remembering(normal, float(kind.removeprefix("ar ")))
    if kind == "c remembers":
        normal[:, 2] = remembering(normal[:, 2], 0.8)
    return normal


def remembering(normal: Sample, rho: float) -> Sample:
    """An AR(1) course of variance 1 from independent values (..., n)."""
    course = normal.copy()
    for place in range(1, course.shape[-1]):
        course[..., place] = rho * course[..., place - 1] + np.sqrt(1 - rho**2) * normal[..., place]
    return course


def energies(kind: str, rng: np.random.Generator, studies: int, n: int, ratio: float) -> Sample:
    """Made-up energies (studies, treatments, blocks); c is `ratio` times as costly."""
    errors = SPREAD * noise(kind, rng, (studies, 3, n))
    if kind == "unequal":
        errors *= np.array(UNEQUAL)[:, None]
    values = 1 + errors
    if kind == "outliers":
        values *= 1 + OUTLIER * (rng.random(values.shape) < 0.05)
    if kind == "blocks":
        values *= np.exp(BLOCK * rng.standard_normal((studies, 1, n)))
    if kind == "drift":
        position = rng.random((studies, n, 3)).argsort(-1).argsort(-1).transpose(0, 2, 1)
        values *= 1 + DRIFT * (3 * np.arange(n) + position) / (3 * n)
    if kind == "c skewed":
        values[:, 2] = 0.9 + 0.1 * np.exp(rng.standard_normal((studies, n)) - 0.5)
    if kind == "c rarely costly":
        values[:, 2] *= 1 + (rng.random((studies, n)) < 0.1)
    values[:, 2] *= ratio
    return values


def truths(kind: str, ratio: float) -> tuple[Sample, Sample]:
    """The true log ratios of the pairs (pairs,), on the bill and of the usual run."""
    of_bill = np.array([0.0, 0.0, np.log(ratio * (1.1 if kind == "c rarely costly" else 1.0))])
    of_usual = np.array([0.0, 0.0, np.log(ratio) + (_usual_of_skewed() if kind == "c skewed" else 0.0)])
    first, second = (np.array([pair[side] for pair in PAIRS]) for side in (0, 1))
    return of_bill[second] - of_bill[first], of_usual[second] - of_usual[first]


@cache
def _usual_of_skewed() -> float:
    """The trimmed mean of log(0.9 + 0.1 X), X lognormal of mean 1, less that of a's runs."""
    rng = np.random.default_rng(SEED)
    many = rng.standard_normal((2, 10**6))
    ratios = np.sort(np.log((0.9 + 0.1 * np.exp(many[0] - 0.5)) / (1 + SPREAD * many[1])))
    return float(ratios[200_000:-200_000].mean())


def decide(values: Sample, alpha: float = ALPHA) -> tuple[tuple[Sample, Claims], tuple[Sample, Claims]]:
    """Estimates (studies, pairs) and claims, on the bill and of the usual run."""
    first, second = (np.stack([values[:, pair[side]] for pair in PAIRS], 1) for side in (0, 1))
    found = []
    for estimator in (bill, usual):
        estimate, spread = estimator(first, second)
        found.append((estimate, claims(estimate, spread, MARGIN, alpha, len(PAIRS))))
    return found[0], found[1]


def cell(kind: str, n: int, ratio: float, studies: int, stopping: bool = False) -> Cell:
    """One cell of the table; with `stopping`, `n` is the most blocks there can be."""
    rng = np.random.default_rng([SEED, n, round(1000 * ratio), SITUATIONS.index(kind)])
    values = energies(kind, rng, studies, n, ratio)
    parts = stopped(values) if stopping else [(values, ALPHA)]
    rows = np.concatenate([outcomes(kind, part, ratio, alpha) for part, alpha in parts])
    return Cell(*rows.mean(0).tolist())


def stopped(values: Sample) -> Iterator[tuple[Sample, float]]:
    """The studies (studies, treatments, blocks) as far as each went, and the error its last look may spend."""
    places = looks(MINIMUM, values.shape[-1])
    alpha = alpha_of_a_look(ALPHA, len(places))
    for place in places[:-1]:
        (_, on_bill), (_, in_usual) = decide(values[..., :place], alpha)
        narrow = 2 * np.maximum(on_bill.half_width, in_usual.half_width) < np.log1p(PRECISION)
        settled = (on_bill.same & in_usual.same) | (on_bill.relevant & in_usual.relevant)
        done = (narrow | settled).all(1)
        yield values[done, :, :place], alpha
        values = values[~done]
    yield values, alpha


def outcomes(kind: str, values: Sample, ratio: float, alpha: float) -> Sample:
    """One row of Cell's fields a study."""
    false = wrong = np.zeros(len(values), dtype=bool)
    covers = []
    found = decide(values, alpha) if len(values) else ()
    for (estimate, claim), truth in zip(found, truths(kind, ratio), strict=False):
        false = false | (claim.differs & (truth == 0)).any(1)
        wrong = wrong | (claim.differs & (estimate * truth < 0)).any(1)
        covers.append((np.abs(estimate - truth) <= claim.half_width).all(1))
    if not found:
        return np.empty((0, 7))
    (_, on_bill), (_, in_usual) = found
    same = (on_bill.same & in_usual.same)[:, 1:].any(1)
    told = (on_bill.differs | in_usual.differs)[:, 1]
    return np.column_stack([false, wrong, same, *covers, told, np.full(len(values), values.shape[-1])])


def paired_test(kind: str, n: int, ratio: float, studies: int) -> tuple[float, float]:
    """The paired t, or signed ranks, with Holm's correction: any difference between equals; c told from a."""
    rng = np.random.default_rng([SEED, n, round(1000 * ratio), SITUATIONS.index(kind)])
    values = energies(kind, rng, studies, n, ratio)
    truth = truths(kind, ratio)[0]
    shown = np.array([[_rejects(test.p_holm) for test in _family(study)] for study in values])
    return float((shown & (truth == 0)).any(1).mean()), float(shown[:, 1].mean())


def _family(study: Sample) -> list[HypothesisTest]:
    return holm([compare_blocks(study[first].copy(), study[second].copy()).test for first, second in PAIRS])


def _rejects(p_holm: float | None) -> bool:
    return p_holm is not None and p_holm < ALPHA


def between_sweeps(spread: float, sweeps: int, n: int, studies: int) -> tuple[float, float]:
    """Any difference claimed between equals whose level moves from sweep to sweep: by all sweeps, by the first."""
    rng = np.random.default_rng([SEED, sweeps, n, round(1000 * spread)])
    level = np.exp(spread * rng.standard_normal((studies, 3, sweeps, 1)))
    values = level * (1 + SPREAD * rng.standard_normal((studies, 3, sweeps, n)))
    first, second = (np.stack([values[:, pair[side]] for pair in PAIRS], 1) for side in (0, 1))
    whole = claims(*of_levels(bill_terms(first, second)[0]), MARGIN, ALPHA, len(PAIRS))
    one = claims(*bill(first[:, :, 0], second[:, :, 0]), MARGIN, ALPHA, len(PAIRS))
    return float(whole.differs.any(1).mean()), float(one.differs.any(1).mean())


def between_machines(
    tau: float, machines: int, n: int, studies: int, uneven: bool = False
) -> tuple[float, float, float, float]:
    """Equals whose levels move by `tau` from machine to machine: shares of studies with a difference claimed over all
    machines, with one claimed as the usual weights and interval would (see `weighted`), with the prediction interval
    of a pair missing a next machine's true ratio, and with machines called different (any pair's Q, p < ALPHA).

    With `uneven`, runs spread by 0.3 to 3 % from machine to machine.
    """
    rng = np.random.default_rng([SEED, machines, n, round(1000 * tau), uneven])
    calm = np.resize(UNEVEN if uneven else (1.0,), machines)[:, None]
    level = np.exp(tau * rng.standard_normal((studies, 3, machines, 1)))
    values = level * (1 + SPREAD * calm * rng.standard_normal((studies, 3, machines, n)))
    first, second = (np.stack([values[:, pair[side]] for pair in PAIRS], 1) for side in (0, 1))
    estimates, spread = bill(first, second)
    together = claims(*of_levels(estimates), MARGIN, ALPHA, len(PAIRS)).differs.any(1)
    usual_way = weighted(estimates, spread.variance).any(1)
    next_one = np.sqrt(2) * tau * rng.standard_normal(estimates.shape[:2])
    missed, apart = np.zeros(studies, dtype=bool), np.zeros(studies, dtype=bool)
    for study, pair in np.ndindex(estimates.shape[:2]):
        told = prediction(estimates[study, pair], ALPHA, len(PAIRS))
        missed[study] |= told is not None and not told.low <= as_percent(next_one[study, pair]) <= told.high
        seen = heterogeneity(estimates[study, pair], spread.variance[study, pair])
        apart[study] |= seen is not None and seen.p_value < ALPHA / len(PAIRS)
    return float(together.mean()), float(usual_way.mean()), float(missed.mean()), float(apart.mean())


def weighted(estimates: Sample, variances: Sample) -> Sample:
    """What was not chosen: Paule and Mandel's weights and Hartung, Knapp, Sidik and Jonkman's interval."""
    found = np.zeros(estimates.shape[:2], dtype=bool)
    k = estimates.shape[-1]
    reach = float(special.stdtrit(k - 1, 1 - ALPHA / len(PAIRS) / 2))
    for place in np.ndindex(found.shape):
        y, v = estimates[place], variances[place]
        weights = 1 / (v + between(y, v))
        mean = float((weights * y).sum() / weights.sum())
        error = np.sqrt((weights * (y - mean) ** 2).sum() / (k - 1) / weights.sum())
        found[place] = abs(mean) > reach * error
    return found


def main() -> None:
    """Print the tables as Markdown; with the word `machines`, only the last one."""
    studies = next((int(word) for word in sys.argv[1:] if word.isdigit()), STUDIES)
    if "machines" not in sys.argv[1:]:
        _within_one_machine(studies)
    print("\nEqual treatments whose level moves from machine to machine:\n")
    _head(("moves by", "machines", "blocks", "spread", "false %", "usual weights: false %", "next one missed %",
           "called different %"))  # fmt: skip
    for machines, tau, n in itertools.product(MACHINES, (0.0, 0.01, 0.03), (5, 30)):
        for uneven in (False, True):
            found = between_machines(tau, machines, n, studies, uneven)
            spread = "uneven" if uneven else "1 %"
            _row(f"{100 * tau:g} %", str(machines), str(n), spread, *(f"{100 * share:.1f}" for share in found))


def _within_one_machine(studies: int) -> None:
    names = ("situation", "n", "c takes", "false %", "wrong way %", "same %", "bill covers %", "usual covers %",
             "c told %", "paired test: false %", "told %")  # fmt: skip
    _head(names)
    for kind in SITUATIONS:
        for n in SIZES:
            for truth, ratio in TRUTHS.items():
                today = paired_test(kind, n, ratio, max(1, studies // 4))
                own = cell(kind, n, ratio, studies).row()[:-1]
                _row(kind, str(n), truth, *own, *(f"{100 * share:.1f}" for share in today))
    print("\nStopping by precision, at most 30 blocks:\n")
    _head((*names[:2], *names[2:9], "blocks"))
    for kind in SITUATIONS:
        for truth, ratio in TRUTHS.items():
            _row(kind, "30", truth, *cell(kind, 30, ratio, studies, stopping=True).row())
    print("\nEqual treatments whose level moves from sweep to sweep, 30 blocks each:\n")
    _head(("moves by", "sweeps", "false by sweeps %", "false by one sweep %"))
    for spread in (0.01, 0.02, 0.03):
        for sweeps in (3, 5):
            found = between_sweeps(spread, sweeps, 30, studies)
            _row(f"{100 * spread:g} %", str(sweeps), *(f"{100 * share:.1f}" for share in found))


def _head(names: tuple[str, ...]) -> None:
    _row(*names)
    _row(*("---" for _ in names))


def _row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
