"""Layouts to learn on: every scenario of the catalogue, and streets around its first; training seeds only."""

from functools import cache

import numpy as np

from laco.distill.rollout import Rollout
from laco.distill.scenes import FIRST_SEED, Approaches, all_approaches, random_layout
from laco.scenarios.catalog import SCENARIOS

WIDE = 0.3  # share of layouts that are wider than any scenario
MOST_EGOS = 4  # scenes with more connected vehicles are left out: they are slow, and teach little more


@cache
def _known() -> Approaches:
    return all_approaches()


def training_rollout(rng: np.random.Generator) -> Rollout:
    """A layout; half of all have their hazards, as in the tests (each seed has a hazard-free twin)."""
    if rng.random() < WIDE:
        layout, lanes = random_layout(rng, _known())
        return Rollout(layout, lanes)
    scenario = SCENARIOS[int(rng.integers(len(SCENARIOS)))]
    layout = scenario.layout(FIRST_SEED + int(rng.integers(1, 2**31)))
    if len(layout.egos) > MOST_EGOS:
        return training_rollout(rng)
    return Rollout.of(layout if rng.random() < 0.5 else layout.twin())
