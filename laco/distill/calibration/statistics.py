"""What the measurements amount to: areas under curves, paired wins, and paired bootstraps over scenes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def auc(hazard: Array, twin: Array) -> float:
    """How well scores [pairs, prompts] tell hazard from twin: the area under the ROC curve, mean over prompts.

    Scores of different prompts are never compared. 0.5 is chance; equal scores count one half.
    """
    above = np.sign(hazard[:, None] - twin[None])  # [pairs, pairs, prompts]
    return float(0.5 + 0.5 * above.mean())


def wins(hazard: Array, twin: Array) -> float:
    """Share of (pair, prompt) in which a scene's own hazard scores higher than its own twin."""
    return float(0.5 + 0.5 * np.sign(hazard - twin).mean())


def bootstrap(statistic: Callable[[NDArray[np.int64]], float], pairs: int, draws: int = 2000, seed: int = 0) -> Array:
    """The statistic on resampled scene pairs, sorted [draws]. statistic: takes indices [pairs] of pairs."""
    generator = np.random.default_rng(seed)
    return np.sort([statistic(generator.integers(0, pairs, pairs)) for _ in range(draws)])


def interval(sorted_draws: Array) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of sorted bootstrap draws."""
    low, high = np.quantile(sorted_draws, (0.025, 0.975))
    return float(low), float(high)
