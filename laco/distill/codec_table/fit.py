"""A codec table from the statistics of a model's caches.

With C the covariance of a layer's keys (values) and F the harm of errors in them, the transform is
A = E' F^(1/2), E the eigenvectors of F^(1/2) C F^(1/2): in these coordinates an error does harm by its length alone,
and the numbers do not correlate, so that one step everywhere is the best that a scalar quantiser can do (reverse
water-filling; docs/codecs.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from laco.comm.codecs import ans
from laco.comm.codecs.table import Table, inverse
from laco.distill.codec_table.sensitivity import Statistics

RIDGE = 1e-2  # of a layer's mean harm: directions that no gradient touched are not free
STEP = 2.0e-4  # of the quantiser at level 0: a standard error of a 1/12 step per number, in roots of nats
LEVELS = (-8, -4, 0, 4, 8)  # at which the symbols are counted
PRIOR = 200.0  # counts that the assumed shape is worth
TRUST = 30.0  # and for a centroid


@dataclass(frozen=True)
class Basis:
    """matrix, int8 [layers, sides, n, n], and scale [layers, sides, n] of its columns; deviation [layers, sides, n]
    of the coordinates, in steps."""

    matrix: Tensor
    scale: Tensor
    deviation: Tensor


def basis(statistics: Statistics, step: float = STEP, ridge: float = RIDGE) -> Basis:
    """The synthesis matrices, in whole numbers: their exact inverse analyses, so rounding them loses nothing."""
    covariance, harm = statistics.covariance, statistics.harm
    n = harm.shape[-1]
    harm = harm + torch.eye(n) * (ridge * harm.diagonal(dim1=2, dim2=3).mean(-1))[..., None, None]
    weights, axes = torch.linalg.eigh(harm)
    root = axes * weights.sqrt()[..., None, :] @ axes.transpose(-1, -2)
    unroot = axes / weights.sqrt()[..., None, :] @ axes.transpose(-1, -2)
    vectors = torch.linalg.eigh(root @ covariance @ root)[1].flip(-1)
    synthesis = unroot @ vectors * step
    scale = synthesis.abs().amax(-2) / 127
    matrix = (synthesis / scale[..., None, :]).round().to(torch.int8)
    scale = scale.float()
    analysis = inverse(matrix * scale.double()[..., None, :])
    variance = (analysis @ covariance @ analysis.transpose(-1, -2)).diagonal(dim1=2, dim2=3)
    return Basis(matrix, scale, variance.clamp(min=0).sqrt())


class Counts:
    """How often each symbol comes in each class, and the mean of what was rounded to it.

    hits: [CLASSES, REACH + 1] by magnitude; the last column of `beyond` counts what no model holds.
    """

    def __init__(self) -> None:
        self.hits = np.zeros((ans.CLASSES, ans.REACH + 1))
        self.sums = np.zeros_like(self.hits)
        self.beyond = np.zeros(ans.CLASSES)

    def add(self, coordinates: Tensor, classes: Tensor) -> None:
        """coordinates: [layers, sides, tokens, n] in steps; classes: [layers, sides, n] at this step."""
        magnitudes = coordinates.abs().numpy().astype(np.float64)
        kinds = np.broadcast_to(classes.numpy()[:, :, None] - ans.LOWEST, magnitudes.shape)
        held = np.rint(magnitudes).astype(np.int64)
        coded, inside = kinds >= 0, held <= ans.REACH
        chosen = coded & inside
        np.add.at(self.hits, (kinds[chosen], held[chosen]), 1.0)
        np.add.at(self.sums, (kinds[chosen], held[chosen]), magnitudes[chosen])
        np.add.at(self.beyond, kinds[coded & ~inside], 1.0)

    def frequencies(self) -> Tensor:
        """int32 [CLASSES, SYMBOLS], as `Models` takes them: counts, with a Laplace distribution as prior."""
        expected = np.stack([_laplace(2.0 ** ((k + ans.LOWEST) / ans.PER_OCTAVE)) for k in range(ans.CLASSES)])
        hits = self.hits + PRIOR * expected
        both = np.concatenate([hits[:, :0:-1] / 2, hits[:, :1], hits[:, 1:] / 2, self.beyond[:, None] + 0.1], 1)
        return torch.from_numpy(whole(both / both.sum(1, keepdims=True)))

    def centroids(self) -> Tensor:
        """float32 [CLASSES, REACH + 1]: what each magnitude stands for, in steps; 0 for 0."""
        magnitudes = np.arange(ans.REACH + 1.0)
        found = (self.sums + TRUST * magnitudes) / (self.hits + TRUST)
        found[:, 0] = 0.0
        return torch.from_numpy(found.astype(np.float32))


def _laplace(deviation: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probabilities of the magnitudes 0..REACH of a rounded Laplace variable."""
    decay = np.sqrt(2.0) / deviation
    edges = np.concatenate([[0.0], np.arange(ans.REACH + 1) + 0.5])
    return np.asarray(np.exp(-decay * edges[:-1]) - np.exp(-decay * edges[1:]))


def whole(probabilities: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> ans.Ints:
    """Rows of probabilities as positive whole numbers that sum to 2**PRECISION."""
    total = 1 << ans.PRECISION
    found = np.maximum(np.floor(probabilities * total).astype(np.int64), 1)
    for row in found:  # what rounding left over goes to the likeliest symbol
        row[row.argmax()] += total - row.sum()
    return found.astype(np.int32)


def table(found: Basis, statistics: Statistics, rotary: Tensor, flats: Iterable[Tensor], firsts: Tensor) -> Table:
    """flats: caches as `unrotated` gives them, first tokens left out, to count symbols on; firsts: first tokens."""
    classes = torch.from_numpy(ans.class_of(found.deviation.numpy())).to(torch.int16)
    analysis = inverse(found.matrix * found.scale.double()[..., None, :])
    mean, counts = statistics.mean, Counts()
    for flat in flats:
        coordinates = (flat.double() - mean[:, :, None]) @ analysis.transpose(2, 3)
        for level in LEVELS:
            at_level = (classes - level).clamp(max=ans.HIGHEST)
            counts.add(coordinates / 2.0 ** (level / ans.PER_OCTAVE), at_level)
    first_mean = firsts.double().mean(2)
    spread = ((firsts.double() - first_mean[:, :, None]) @ analysis.transpose(2, 3)).pow(2).mean(2).sqrt()
    return Table(
        basis=found.matrix,
        scale=found.scale,
        mean=mean.float(),
        classes=classes,
        first_mean=first_mean.float(),
        first_classes=torch.from_numpy(ans.class_of(spread.numpy())).to(torch.int16),
        frequencies=counts.frequencies(),
        centroids=counts.centroids(),
        rotary=rotary.double(),
    )


def dead(table: Table, levels: Sequence[int]) -> dict[int, float]:
    """Share of the coordinates that carry nothing, by level."""
    return {level: float((table.classes - level < ans.LOWEST).double().mean()) for level in levels}
