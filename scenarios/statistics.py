"""Paired comparisons over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DRAWS = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Percentile bootstrap of the mean; the values are one per seed, paired differences for instance."""
    return pooled([values], seed)


def pooled(groups: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """The mean of the groups' means: a group per scenario, seeds are drawn in each."""
    samples = [np.asarray(values, dtype=float) for values in groups]
    rng = np.random.default_rng(seed)
    means = np.mean([_draw(sample, rng).mean(axis=1) for sample in samples], axis=0)
    return _interval(float(np.mean([sample.mean() for sample in samples])), means)


def ratio(groups: Sequence[Sequence[tuple[float, float]]], seed: int = 0) -> Interval:
    """The sum of the first over the sum of the second of all pairs, seeds drawn in each group as in `pooled`."""
    samples = [np.asarray(pairs, dtype=float) for pairs in groups]
    rng = np.random.default_rng(seed)
    drawn = np.sum([_draw(sample, rng).sum(axis=1) for sample in samples], axis=0)
    above, below = np.sum([sample.sum(axis=0) for sample in samples], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _interval(float(above / below), np.nan_to_num(drawn[:, 0] / drawn[:, 1]))


def _draw(sample: Array, rng: np.random.Generator) -> Array:
    """[DRAWS, n, ...] of a sample [n, ...], with replacement."""
    drawn: Array = sample[rng.integers(0, len(sample), (DRAWS, len(sample)))]
    return drawn


def _interval(value: float, draws: Array) -> Interval:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(value, float(low), float(high))
