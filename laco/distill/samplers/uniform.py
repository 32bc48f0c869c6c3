"""`uniform`: every sample as often."""

import numpy as np
from numpy.typing import NDArray

from laco.distill.samplers.base import Sampler, Scores
from laco.distill.samples import Data


class Uniform(Sampler, tag="uniform", frozen=True, kw_only=True):
    """No sample before another."""

    def odds(self, data: Data, scores: Scores) -> NDArray[np.float64]:
        return np.ones(len(data))
