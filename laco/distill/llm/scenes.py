"""Layouts to learn on: the training generator's, without the largest fleets."""

import numpy as np

from laco.distill.generator import draw, kinds
from laco.distill.rollout import Rollout

MOST_EGOS = 4  # scenes with more connected vehicles are left out: they are slow, and teach little more


def training_rollout(rng: np.random.Generator) -> Rollout:
    """A layout of any kind, on seeds that are not the tests'; half of all have their hazards."""
    layout = draw(rng, kinds(()))
    while len(layout.egos) > MOST_EGOS:
        layout = draw(rng, kinds(()))
    return Rollout.of(layout)
