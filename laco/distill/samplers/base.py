"""`Sampler`: which samples a batch holds. A subclass says its name and how often it draws each sample."""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.distill.samples import Data

GROUP = 8  # batches that are drawn at once and sorted by length, so that little is padding
Scores = Callable[[NDArray[np.int64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Of samples, the teacher's entropy [nats] and the student's divergence from it [nats]."""


class Sampler(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="sampler", kw_only=True):
    """alone: share of samples that are mixed in without their peers."""

    alone: float = 0.4

    def odds(self, data: Data, scores: Scores) -> NDArray[np.float64]:
        """How often each sample is drawn, up to a factor, [n] and positive. Asked once per stage."""
        raise NotImplementedError

    def batches(
        self, data: Data, odds: NDArray[np.float64], size: int, rng: np.random.Generator
    ) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """GROUP batches of sample numbers and of which go alone; the samples of one are about equally long."""
        bounds = np.cumsum(odds)
        drawn = np.searchsorted(bounds, rng.random(size * GROUP) * bounds[-1], side="right").clip(max=len(data) - 1)
        alone = (rng.random(len(drawn)) < self.alone) | (data.peers[drawn] == 0)
        length = np.where(alone, data.own_lengths[drawn], data.lengths[drawn])
        parts = np.array_split(np.argsort(length, kind="stable"), GROUP)
        return [(drawn[parts[i]], alone[parts[i]]) for i in rng.permutation(GROUP)]
