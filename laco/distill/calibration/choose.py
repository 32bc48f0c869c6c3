"""From samples to figures per configuration, and from those to the one that is used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from laco.config import LacoConfig
from laco.distill.calibration.measure import Sample
from laco.distill.calibration.statistics import auc, wins
from laco.errors import ConfigError

DRIFT_LIMIT = 0.5
"""Drift on messages that say nothing new, as a share of what the same message as text does."""


@dataclass(frozen=True)
class Figures:
    """What set A says about one configuration.

    content: AUC of hazard against twin, mean over prompts. wins: paired wins. drift: mean KL on messages that
    say nothing new [nat]. moved: mean KL on the others. nbytes: per message [bytes]; 0 for text and silence.
    """

    content: float
    wins: float
    drift: float
    moved: float
    nbytes: float


def figures(samples: Sequence[Sample]) -> Figures:
    """Samples of one configuration, one per scene."""
    hazard, twin = (np.array([getattr(s, name) for s in samples]) for name in ("hazard", "twin"))
    return Figures(
        content=auc(hazard, twin),
        wins=wins(hazard, twin),
        drift=float(np.mean([s.idle for s in samples])),
        moved=float(np.mean([s.moved for s in samples])),
        nbytes=float(np.mean([s.nbytes for s in samples])),
    )


def best(
    measured: Sequence[tuple[LacoConfig, Figures]], text_drift: float, budget: float | None
) -> tuple[LacoConfig, Figures]:
    """The most content within the byte budget [bytes] and `DRIFT_LIMIT`; of equals the smaller message.

    Where everything within the budget drifts more than the limit, the least drifting is taken.
    Raises: ConfigError if nothing fits the budget.
    """
    fitting = [one for one in measured if budget is None or one[1].nbytes <= budget]
    if not fitting:
        least = min(found.nbytes for _, found in measured)
        raise ConfigError(f"no configuration fits {budget:.0f} bytes a message; the smallest needs {least:.0f}")
    calm = [one for one in fitting if one[1].drift <= DRIFT_LIMIT * text_drift]
    if not calm:
        return min(fitting, key=lambda one: one[1].drift)
    return max(calm, key=lambda one: (round(one[1].content, 3), -one[1].nbytes))
