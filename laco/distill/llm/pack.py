"""Rows as one sequence each: the scene is read once, the states branch off it, and a peer's cache lies beside it.

Every token belongs to a segment; which segments a token sees is all there is to say. The states of a row follow the
same scene at the same positions and do not see each other. A peer whose cache is heard has read its own prompt, and is
seen in the upper layers only, from the second own token on: what the latent channel does, with gradients on both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from laco.agents.drivers.llm import SPEEDS, SYSTEM, asked
from laco.agents.drivers.prompt import render, tokenized
from laco.distill.llm.rows import Row
from laco.method.fusion import SINK

SOFT = 0.5  # [levels] width of the smoothed answer


@dataclass(frozen=True, eq=False)
class Packed:
    """One row. ids, positions, segment: int64 [T]. reads: int64 [A], the last token of each ask. levels: [A].

    peer: how many of the first tokens are a peer's, whose cache is heard.
    """

    ids: Tensor
    positions: Tensor
    segment: Tensor
    reads: Tensor
    levels: Tensor
    peer: int

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows side by side. ids, positions: [B, T]. low, high: bool [B, 1, T, T], what each token sees below the band of
    layers that hears peers, and in it. row, read: int64 [N], where the N asks end. target: [N, SPEEDS]."""

    ids: Tensor
    positions: Tensor
    low: Tensor
    high: Tensor
    row: Tensor
    read: Tensor
    target: Tensor


def prompt(tokenizer: object, told: Sequence[tuple[str, str]], seen: str, state: str) -> list[int]:
    """The ids that the driver reads in that situation."""
    lines = [f"{who} says:\n{what}" for who, what in told]
    return tokenized(tokenizer, render(tokenizer, SYSTEM, asked(lines, [seen], state)))


def pack(tokenizer: object, row: Row, latent: bool = False) -> Packed:
    """A row for training. latent: what the peer says is not read but heard, as the cache of its own prompt."""
    told = () if latent else row.told
    prompts = [prompt(tokenizer, told, row.seen, ask.state) for ask in row.asks]
    peer = prompt(tokenizer, (), row.told[0][1], row.asks[0].state) if latent else []
    shared = _common(prompts)
    ids, positions, segment, reads = [*peer], list(range(len(peer))), [0] * len(peer), []
    ids += prompts[0][:shared]
    positions += range(len(peer), len(peer) + shared)
    segment += [1] * shared
    for number, own in enumerate(prompts):
        ids += own[shared:]
        positions += range(len(peer) + shared, len(peer) + len(own))
        segment += [2 + number] * (len(own) - shared)
        reads.append(len(ids) - 1)
    levels = torch.tensor([ask.level for ask in row.asks])
    ints = [torch.tensor(part, dtype=torch.int64) for part in (ids, positions, segment, reads)]
    return Packed(ints[0], ints[1], ints[2], ints[3], levels, len(peer))


def _common(prompts: Sequence[list[int]]) -> int:
    """How many leading ids all prompts share; at least one is left to each."""
    columns = zip(*prompts, strict=False)
    same = next((i for i, column in enumerate(columns) if len(set(column)) > 1), len(prompts[0]))
    return min(same, min(map(len, prompts)) - 1)


def batched(rows: Sequence[Packed]) -> Batch:
    """Rows padded on the right to the longest."""
    longest = max(map(len, rows))
    ids, positions = torch.zeros(2, len(rows), longest, dtype=torch.int64)
    low, high = torch.zeros(2, len(rows), 1, longest, longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        n = len(row)
        ids[number, :n], positions[number, :n] = row.ids, row.positions
        low[number, 0, :n, :n], high[number, 0, :n, :n] = visible(row)
    padding = torch.arange(longest)
    for mask in (low, high):
        mask[:, 0, padding, padding] = True  # a token that sees nothing has no attention
    counts = torch.tensor([len(row.reads) for row in rows])
    return Batch(
        ids,
        positions,
        low,
        high,
        row=torch.arange(len(rows)).repeat_interleave(counts),
        read=torch.cat([row.reads for row in rows]),
        target=soft(torch.cat([row.levels for row in rows])),
    )


def visible(row: Packed) -> tuple[Tensor, Tensor]:
    """Who sees whom below the band and in it: bool [T, T] each."""
    one, other = row.segment[:, None], row.segment[None]
    index = torch.arange(len(row))
    before = index[None] <= index[:, None]
    same = (one == other) | ((other == 1) & (one > 1))
    low = before & same
    hears = (one >= 1) & (other == 0) & (index[:, None] >= row.peer + SINK)
    return low, low | hears


def soft(levels: Tensor) -> Tensor:
    """Distributions [N, SPEEDS] around levels [N]."""
    steps = torch.arange(SPEEDS, dtype=torch.float32)
    weight = torch.exp(-0.5 * ((steps - levels[:, None]) / SOFT) ** 2)
    return weight / weight.sum(1, keepdim=True)
