"""A model's table for the `transform` codec: a small file, made once by `laco distill codec`, that both sides have.

Looked up by the model's fingerprint, in the user's cache folder first and then among those that ship.
"""

import os
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from laco.comm.codecs.ans import CLASSES, REACH, Models
from laco.errors import ConfigError

VERSION = "1"
FOLDER = "codec_tables"
SIDES = 2  # keys, values


@dataclass(frozen=True, eq=False)
class Table:
    """What is known of a model's caches before a message comes. n: kv_heads * head_dim; sides: keys, values.

    A layer's keys, rotated back to position 0, or its values are written as mean + (step * basis) @ symbols.

    basis: int8 [layers, sides, n, n] and scale: float32 [layers, sides, n], of its columns. mean: float32
    [layers, sides, n]. classes: int16 [layers, sides, n], of every symbol at a step of 1. first_mean, first_classes:
    the same for the first token of a sequence. frequencies: int32 [CLASSES, SYMBOLS], of the symbols. centroids:
    float32 [CLASSES, REACH + 1], what a magnitude stands for, in steps. rotary: float64 [layers, pairs], of a head
    [rad/position].
    """

    basis: Tensor
    scale: Tensor
    mean: Tensor
    classes: Tensor
    first_mean: Tensor
    first_classes: Tensor
    frequencies: Tensor
    centroids: Tensor
    rotary: Tensor

    def __post_init__(self) -> None:
        """Raises: ConfigError for tensors that do not fit each other."""
        layers, sides, n, _ = wide = self.basis.shape
        finite = (self.scale, self.mean, self.first_mean, self.centroids, self.rotary)
        fit = (
            wide == (layers, SIDES, n, n)
            and all(t.shape == (layers, sides, n) for t in (self.scale, self.mean, self.first_mean))
            and all(t.shape == (layers, sides, n) for t in (self.classes, self.first_classes))
            and self.centroids.shape == (CLASSES, REACH + 1)
            and self.rotary.shape[:1] == (layers,)
            and self.rotary.ndim == 2
            and all(bool(torch.isfinite(t).all()) for t in finite)
        )
        if not fit:
            raise ConfigError("the tensors of a codec table do not fit each other")

    @cached_property
    def models(self) -> Models:
        """For the entropy coder."""
        return Models(np.ascontiguousarray(self.frequencies.numpy()))

    @cached_property
    def synthesis(self) -> Tensor:
        """From symbols times step to what they stand for: float32 [layers, sides, n, n]."""
        return self.basis.float() * self.scale[:, :, None]

    @cached_property
    def analysis(self) -> Tensor:
        """Its inverse. Only the sender needs it, so it need not be alike on two machines."""
        return inverse(self.synthesis).float()

    @property
    def nbytes(self) -> int:
        """Of the tensors [bytes]."""
        return sum(tensor.nbytes for tensor in vars(self).values() if isinstance(tensor, Tensor))

    def tensors(self) -> dict[str, Tensor]:
        """By name, as the file holds them."""
        return {name: getattr(self, name) for name in Table.__dataclass_fields__}


def inverse(matrices: Tensor) -> Tensor:
    """Inverses [..., n, n], float64. NumPy's: torch's fails on batches where MKL has several threads."""
    return torch.from_numpy(np.linalg.inv(matrices.double().numpy()))


@cache
def find(fingerprint: str) -> Table:
    """The table of a model. Raises: ConfigError where there is none, saying how to make it, or it cannot be read."""
    if not re.fullmatch(r"[0-9a-f]{1,64}", fingerprint):
        raise ConfigError("the codec `transform` needs to know the cache's model, and no fingerprint was given")
    name = f"{fingerprint}.safetensors"
    shipped = Path(str(files("laco.comm.codecs"))) / "tables" / name
    for path in (folder() / name, shipped):
        if path.is_file():
            return read(path, fingerprint)
    raise ConfigError(f"no codec table for the model {fingerprint}; `laco distill codec` makes a language model's")


def folder() -> Path:
    """Where the user's own tables are: below LACO_CACHE, or ~/.cache/laco."""
    return Path(os.environ.get("LACO_CACHE") or Path.home() / ".cache" / "laco") / FOLDER


def read(path: Path, fingerprint: str) -> Table:
    """The table in a file. Raises: ConfigError for a file that is none, or of another version or model."""
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            names = set(file.keys())
            found = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"cannot read the codec table {path}: {error}") from error
    if said.get("version") != VERSION:
        raise ConfigError(f"{path} is a codec table of version {said.get('version')}, this reader takes {VERSION}")
    if said.get("fingerprint") != fingerprint:
        raise ConfigError(f"{path} is the codec table of another model, {said.get('fingerprint')}")
    try:
        return Table(**found)
    except TypeError as error:
        raise ConfigError(f"{path} is no codec table: {error}") from error
