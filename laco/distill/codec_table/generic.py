"""The symbol frequencies that `entropy` ships with: counted on caches as `entropy` quantises them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from laco.comm.codecs import ans
from laco.comm.codecs.entropy import SIDES, quantised
from laco.comm.codecs.sinks import FIRST
from laco.distill.codec_table.fit import Counts
from laco.method.cache import KVCache

COARSER = (0.5, 1.0, 2.0, 4.0, 8.0)  # than the codec's step: so that every class is met


def count(caches: Iterable[KVCache]) -> Counts:
    """Symbols of the channels of caches at several steps, each channel in the class of its own spread."""
    counts = Counts()
    for cache in caches:
        keys, values = (torch.stack([layer[side][:, FIRST:].float() for layer in cache.layers]) for side in range(SIDES))
        _, _, rows = quantised(keys, values)
        for coarser in COARSER:
            numbers = rows / coarser
            deviation = np.sqrt(np.square(np.rint(numbers)).mean(1))
            classes = torch.from_numpy(np.maximum(ans.class_of(deviation), ans.LOWEST))
            counts.add(torch.from_numpy(numbers).T[None, None], classes[None, None])
    return counts


def write(path: Path, counts: Counts) -> None:
    """The frequencies as a file."""
    path.write_bytes(save({"frequencies": counts.frequencies().numpy()}))
