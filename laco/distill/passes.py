"""What a batch is put through, each way once and only if a loss asks: alone, reading, hearing, and the teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from laco.agents.drivers.vector_model import VectorModel
from laco.distill.ledger import Ledger
from laco.distill.network import Cache, Rows, attach, keep, read, think
from laco.distill.samples import Batch

GAP = 3  # largest random gap between neighbouring positions


@dataclass(frozen=True, eq=False)
class Way:
    """How peers are heard in one batch: latent steps, layer band, the first own token that hears, and of each peer's
    row the share of its context that is kept (float [M], or one for all). gaps: draw random gaps between positions."""

    steps: int
    layers: tuple[int, ...]
    keep: Tensor | float
    first: int = 0
    gaps: bool = False


@dataclass(frozen=True, eq=False)
class Decided:
    """What N rows come to: speed logits [N, 32], curvatures [N, 5] (deg/m), the plan token's last hidden state [N, D],
    and the caches of the rows' own tokens."""

    logits: Tensor
    bend: Tensor
    hidden: Tensor
    cache: Cache


class Passes:
    """One batch's passes, made when first asked for.

    student: is trained. teacher: None for the student itself, as it is. way: how it hears. ledger: takes the
    teacher's time apart.
    """

    def __init__(
        self,
        student: VectorModel,
        teacher: VectorModel | None,
        batch: Batch,
        way: Way,
        input_norm: float,
        ledger: Ledger | None = None,
    ) -> None:
        self.student, self.batch, self.way, self.input_norm = student, batch, way, input_norm
        self._teacher = student if teacher is None else teacher
        self._ledger = ledger or Ledger()

    @cached_property
    def alone(self) -> Decided:
        """The student on its own view."""
        return self._decided(self.student, self.batch.own, self.batch.own_kinds)

    @cached_property
    def joint(self) -> Decided:
        """The student reading its peers' tokens in front of its own."""
        return self._decided(self.student, self.batch.joint, self.batch.joint_kinds)

    @cached_property
    def mixed(self) -> Decided:
        """The student alone or reading, as the batch says."""
        return self._decided(self.student, self.batch.mixed, self.batch.mixed_kinds)

    @cached_property
    def teacher(self) -> Decided:
        """The teacher reading the peers' tokens; no gradient."""
        with torch.no_grad(), self._ledger.teacher():
            return self._decided(self._teacher, self.batch.joint, self.batch.joint_kinds)

    @cached_property
    def heard(self) -> Decided:
        """The student hearing what its peers' rows became."""
        return self.hear(self.batch.peers)

    @cached_property
    def said(self) -> tuple[Cache, Tensor]:
        """The caches of the peers' rows, and which of their tokens are sent, bool [M, Ts + m]."""
        rows = self._rows(self.student, self.batch.peer, self.batch.peer_kinds)
        _, cache = think(self.student, rows, self.way.steps, self.input_norm)
        share = torch.as_tensor(self.way.keep).expand(len(rows.there))
        return cache, keep(cache, rows.there.shape[1], share)

    def hear(self, peers: Tensor) -> Decided:
        """The student hearing rows `peers` [N, P] of the batch's peers, -1 for none."""
        if not len(self.batch.peer):
            return self.alone
        own, first = self._rows(self.student, self.batch.own, self.batch.own_kinds), self.way.first
        cache, sent = self.said
        foreign, after = attach(cache, sent, peers, self.way.layers, own.there.shape[1], first % own.there.shape[1])
        rows = Rows(own.embeds, own.there, own.positions + after[:, None])
        hidden, made = read(self.student, rows, foreign)
        return _decision(self.student, rows, hidden, made)

    def _rows(self, model: VectorModel, features: Tensor, kinds: Tensor) -> Rows:
        there = kinds >= 0
        return Rows(model.embed(features, kinds.clamp(min=0)), there, positions(kinds.shape, self.way.gaps))

    def _decided(self, model: VectorModel, features: Tensor, kinds: Tensor) -> Decided:
        rows = self._rows(model, features, kinds)
        hidden, cache = read(model, rows)
        return _decision(model, rows, hidden, cache)


def positions(shape: Sequence[int], gaps: bool) -> Tensor:
    """Ascending positions [N, T], with random gaps on demand, so that distance between tokens means little."""
    if not gaps:
        return torch.arange(shape[1]).repeat(shape[0], 1)
    return torch.randint(1, GAP + 1, tuple(shape)).cumsum(1) - 1


def _decision(model: VectorModel, rows: Rows, hidden: Tensor, cache: Cache) -> Decided:
    state = hidden[torch.arange(len(rows.last)), rows.last]
    return Decided(*model.heads(state), state, cache)
