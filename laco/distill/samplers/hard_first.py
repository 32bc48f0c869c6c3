"""`hard-first`: uncertainty-guided selection: near misses, unsure teachers and disagreeing students come more often."""

import numpy as np
from numpy.typing import NDArray

from laco.distill.samplers.base import Sampler, Scores
from laco.distill.samples import FAR, Data


class HardFirst(Sampler, tag="hard-first", frozen=True, kw_only=True):
    """Odds 1 + near n + told t + unsure H / H_max + wrong d / d_max, where
    n = 1 - gap / 10 s (how near a collision is), t: whether the peers change the expert's answer, H: the teacher's
    entropy, d: its divergence from the student; H_max and d_max are 95 % quantiles, and ratios end at 1.
    """

    near: float = 1.0
    told: float = 2.0
    unsure: float = 1.0
    wrong: float = 2.0

    def odds(self, data: Data, scores: Scores) -> NDArray[np.float64]:
        near = 1.0 - np.clip(data.gap.astype(np.float64), 0.0, FAR) / FAR
        told = np.abs(data.target[:, 0] - data.target[:, 1]) >= 1.0
        odds: NDArray[np.float64] = 1.0 + self.near * near + self.told * told
        if self.unsure or self.wrong:
            entropy, apart = scores(np.arange(len(data)))
            odds = odds + self.unsure * _ratio(entropy) + self.wrong * _ratio(apart)
        return odds


def _ratio(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values over their 95 % quantile, in [0, 1]."""
    return np.asarray(np.clip(values / max(float(np.quantile(values, 0.95)), 1e-9), 0.0, 1.0))
