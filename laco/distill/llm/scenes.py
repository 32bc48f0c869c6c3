"""Layouts to learn on: training seeds only."""

from functools import cache

import numpy as np

from laco.distill.rollout import Rollout
from laco.distill.scenes import Approaches, all_approaches, random_layout


@cache
def _known() -> Approaches:
    return all_approaches()


def training_rollout(rng: np.random.Generator) -> Rollout:
    """A layout of the streets around the occluded crossing, wider than the scenario."""
    layout, lanes = random_layout(rng, _known())
    return Rollout(layout, lanes)
