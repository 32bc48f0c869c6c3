"""Labelled moments: a vehicle's own segment, its peers' segments as they would be told to it, and the expert's labels.

A sample is kept whole, so that one data set serves every way of hearing: alone, reading the peers' tokens, or hearing
what the peers' forward passes made of them. Segments are ragged; columns are flat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laco.agents.drivers.tokens import FEATURES
from laco.distill.labels import Label
from laco.errors import ConfigError

Segment = tuple[NDArray[np.float32], NDArray[np.int64]]
MOST_PEERS = 4
NO_PAIR = (-1, -1)
FAR = 10.0  # [s] time to a collision that is not in sight
COLUMNS = ("features", "kinds", "segment_at", "sample_at", "target", "curvature", "gap", "pair", "scenario")


@dataclass
class Samples:
    """A growing data set; `save` writes one .npz.

    features: [18] of each token. kinds: of each token. segment_at: first token of each segment, and their end.
    sample_at: first segment of each sample, and their end; a sample's own segment is its last, its peers' come before.
    target: [2], target-speed bins by the own view alone and by all views, -1 for the hard stop. curvature: [2, 5].
    gap: [s] until somebody in any of the views is met at constant velocity. pair: two peers, by their place among the
    sample's segments, who both see somebody that the own view does not hold; (-1, -1) for none. scenario: its id.
    """

    features: list[NDArray[np.float16]] = field(default_factory=list)
    kinds: list[NDArray[np.int8]] = field(default_factory=list)
    segment_at: list[int] = field(default_factory=lambda: [0])
    sample_at: list[int] = field(default_factory=lambda: [0])
    target: list[tuple[float, float]] = field(default_factory=list)
    curvature: list[tuple[tuple[float, ...], tuple[float, ...]]] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    pair: list[tuple[int, int]] = field(default_factory=list)
    scenario: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.target)

    def add(
        self,
        segments: Sequence[Segment],
        alone: Label,
        joint: Label,
        *,
        gap: float = FAR,
        pair: tuple[int, int] = NO_PAIR,
        scenario: str = "",
    ) -> None:
        """One sample: its own segment last."""
        for features, kinds in segments:
            self.features.append(features.astype(np.float16))
            self.kinds.append(kinds.astype(np.int8))
            self.segment_at.append(self.segment_at[-1] + len(kinds))
        self.sample_at.append(self.sample_at[-1] + len(segments))
        self.target.append((alone.bin, joint.bin))
        self.curvature.append((alone.curvature, joint.curvature))
        self.gap.append(gap)
        self.pair.append(pair)
        self.scenario.append(scenario)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Each column as an array. Raises: ConfigError if there is no sample."""
        if not self.target:
            raise ConfigError("there is no sample")
        return {
            "features": np.concatenate(self.features),
            "kinds": np.concatenate(self.kinds),
            "segment_at": np.array(self.segment_at),
            "sample_at": np.array(self.sample_at),
            "target": np.array(self.target, dtype=np.float32),
            "curvature": np.array(self.curvature, dtype=np.float32),
            "gap": np.array(self.gap, dtype=np.float32),
            "pair": np.array(self.pair, dtype=np.int8),
            "scenario": np.array(self.scenario),
        }

    def save(self, path: Path) -> None:
        """Write atomically."""
        part = path.with_suffix(".part.npz")
        columns: dict[str, Any] = self.columns()
        np.savez_compressed(part, **columns)
        part.replace(path)


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples, padded. P is the most peers of any of them.

    own, own_kinds: [N, To, 18], int64 [N, To], kind -1 is padding. peer, peer_kinds: of all M peers' segments,
    [M, Ts, 18], [M, Ts]. peers: int64 [N, P], a sample's rows of `peer` in order, -1 behind them. joint, joint_kinds:
    all segments in one row, the own last. mixed, mixed_kinds: the own segment where `alone` (bool [N]), else all.
    target, curvature, gap, pair: as in `Samples`. index: int64 [N], where in the data set they are.
    """

    own: Tensor
    own_kinds: Tensor
    peer: Tensor
    peer_kinds: Tensor
    peers: Tensor
    joint: Tensor
    joint_kinds: Tensor
    mixed: Tensor
    mixed_kinds: Tensor
    alone: Tensor
    target: Tensor
    curvature: Tensor
    gap: Tensor
    pair: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False)
class Data:
    """A data set in memory, the columns of `Samples` as arrays."""

    features: NDArray[np.float16]
    kinds: NDArray[np.int8]
    segment_at: NDArray[np.int64]
    sample_at: NDArray[np.int64]
    target: NDArray[np.float32]
    curvature: NDArray[np.float32]
    gap: NDArray[np.float32]
    pair: NDArray[np.int8]
    scenario: NDArray[np.str_]

    @classmethod
    def read(cls, paths: Sequence[Path]) -> "Data":
        """Join files that `Samples.save` wrote. Raises: ConfigError for none, or for other files."""
        if not paths:
            raise ConfigError("no data files to train on")
        parts = [_columns(path) for path in paths]
        joined = {name: np.concatenate([p[name] for p in parts]) for name in COLUMNS if not name.endswith("_at")}
        for name in ("segment_at", "sample_at"):
            joined[name] = _offsets([p[name] for p in parts])
        return cls(**joined)

    @classmethod
    def of(cls, samples: Samples) -> "Data":
        """A data set that was just made."""
        return cls(**samples.columns())

    def __len__(self) -> int:
        return len(self.target)

    @property
    def peers(self) -> NDArray[np.int64]:
        """How many peers each sample has [n]."""
        return np.diff(self.sample_at) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sample [n], all segments together."""
        return self.segment_at[self.sample_at[1:]] - self.segment_at[self.sample_at[:-1]]

    @property
    def own_lengths(self) -> NDArray[np.int64]:
        """Tokens of each sample's own segment [n]."""
        return self.segment_at[self.sample_at[1:]] - self.segment_at[self.sample_at[1:] - 1]

    def batch(self, index: NDArray[np.int64], alone: NDArray[np.bool_] | None = None) -> Batch:
        """These samples; alone: which of them are mixed in without their peers, none if not given."""
        alone = np.zeros(len(index), dtype=bool) if alone is None else alone
        first, ends = self.sample_at[index], self.sample_at[index + 1]
        peers, rows = _numbered(first, ends - 1)
        stop = self.segment_at[ends]
        own = self._padded(self.segment_at[ends - 1], stop)
        peer = self._padded(self.segment_at[rows], self.segment_at[rows + 1]) if len(rows) else (own[0][:0], own[1][:0])
        joint = self._padded(self.segment_at[first], stop)
        mixed = self._padded(self.segment_at[np.where(alone, ends - 1, first)], stop)
        target, curvature, gap = (torch.from_numpy(c[index]) for c in (self.target, self.curvature, self.gap))
        pair = torch.from_numpy(self.pair[index].astype(np.int64))
        rest = (torch.from_numpy(alone), target, curvature, gap, pair, torch.from_numpy(index))
        return Batch(*own, *peer, torch.from_numpy(peers), *joint, *mixed, *rest)

    def _padded(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Features [n, T, 18] and kinds [n, T] of token ranges, padded on the right with kind -1."""
        place = np.arange(int((stop - start).max()))
        there = place < (stop - start)[:, None]
        token = np.where(there, start[:, None] + place, 0)
        features = self.features[token].astype(np.float32) * there[..., None]
        kinds = np.where(there, self.kinds[token].astype(np.int64), -1)
        return torch.from_numpy(features), torch.from_numpy(kinds)


def _numbered(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Segments first..last of each sample as rows of one list: their numbers [N, P], -1 behind them, and the list."""
    count = last - first
    start = np.cumsum(count) - count
    place = np.arange(max(1, int(count.max(initial=0))))
    there = place < count[:, None]
    numbers = np.where(there, start[:, None] + place, -1)
    return numbers, (first[:, None] + place)[there]


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    """A file's columns. Raises: ConfigError for what `Samples.save` did not write."""
    try:
        with np.load(path) as file:
            found = {name: file[name] for name in COLUMNS}
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is not a data file of this version: {error}") from error
    if found["features"].ndim != 2 or found["features"].shape[1] != FEATURES:
        raise ConfigError(f"{path} holds tokens of another layout")
    return found


def _offsets(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Starts (and the end) of ragged rows that were put behind each other."""
    joined, end = [np.zeros(1, dtype=np.int64)], 0
    for part in parts:
        joined.append(part[1:] + end)
        end += int(part[-1])
    return np.concatenate(joined)
