"""The symbol frequencies that `entropy` ships with: of rounded normal variables.

A channel of a cache is nearly normal once its mean is taken away: on SmolLM2 these models are within 0.2 % of the
entropy of the symbols, Laplace's within 2 %. They ship as a file, since two machines may round a function differently.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from laco.comm.codecs import ans
from laco.distill.codec_table.fit import whole

LEAST = 1e-7  # probability of any symbol, the escape included


def frequencies() -> ans.Ints:
    """int32 [CLASSES, SYMBOLS], as `Models` takes them."""
    return whole(np.stack([_normal(2.0 ** (number / ans.PER_OCTAVE)) for number in range(ans.LOWEST, ans.HIGHEST + 1)]))


def _normal(deviation: float) -> NDArray[np.float64]:
    """Probabilities of the symbols of a variable with this standard deviation, in steps."""
    edges = np.arange(-ans.REACH, ans.REACH + 2) - 0.5
    below = np.array([math.erf(edge / deviation / math.sqrt(2.0)) for edge in edges]) / 2
    found = np.append(np.diff(below), 0.0) + LEAST
    return np.asarray(found / found.sum())


def write(path: Path) -> None:
    """The frequencies as a file."""
    path.write_bytes(save({"frequencies": frequencies()}))
