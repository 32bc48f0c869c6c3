"""Stage 1: the receiver's own keys and values of the same text, out of the sender's.

The map is affine at this stage, so its best weights need no descent: sums over all tokens, and one solution.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from laco.distill.adapter.align import Reading, aligned, has_chat, read, read_in_chat
from laco.distill.adapter.listening import spoken
from laco.method.adapter import CacheAdapter, LayerMap, unrotated
from laco.method.backbone import Backbone

Pairs = Mapping[int, tuple[Tensor, Tensor]]  # per target layer: features [n, inputs], what they should become
Sums = dict[str, Tensor]  # of one layer, float64


def sent(source: Backbone, text: str, chat: bool) -> Reading:
    """The text as the sender reads it; in its chat template if that is asked for and there is one."""
    return read_in_chat(source, text) if chat and has_chat(source) else read(source, text)


@torch.no_grad()
def pairs(adapter: CacheAdapter, source: Backbone, target: Backbone, text: str, chat: bool = False) -> Pairs:
    """What each map sees at the tokens that both models end at the same character, and what it should give."""
    theirs, ours = sent(source, text, chat), read(target, text)
    which = aligned(theirs.ends, ours.ends)
    heard = spoken(source, theirs).select(which[:, 0])
    wanted = spoken(target, ours).cut(tuple(adapter.layers)).select(which[:, 1]).to(torch.float32)
    goal = unrotated(wanted, adapter.target_frequencies)
    return {layer: (features, goal[layer]) for layer, features in adapter.features(heard).items()}


def empty_sums(layer: LayerMap) -> Sums:
    """Sums of nothing, for one map."""
    inputs, outputs = layer.linear.in_features, layer.linear.out_features
    shapes = {"n": (), "x": (inputs,), "y": (outputs,), "xx": (inputs, inputs), "xy": (inputs, outputs)}
    return {name: torch.zeros(shape, dtype=torch.float64) for name, shape in {**shapes, "yy": (outputs,)}.items()}


def add(sums: Sums, features: Tensor, goal: Tensor) -> None:
    """Takes in tokens: features [n, inputs], goal [n, outputs]."""
    x, y = features.double(), goal.double()
    new = {"n": torch.tensor(float(len(x))), "x": x.sum(0), "y": y.sum(0), "xx": x.T @ x, "xy": x.T @ y}
    for name, value in {**new, "yy": (y * y).sum(0)}.items():
        sums[name] += value


@torch.no_grad()
def solve(layer: LayerMap, sums: Sums, ridge: float) -> None:
    """The best affine map for what the sums hold, in place.

    ridge: added to every standardised input's variance of 1.
    """
    n = sums["n"]
    mean, goal = sums["x"] / n, sums["y"] / n
    covariance = sums["xx"] / n - mean[:, None] * mean
    cross = sums["xy"] / n - mean[:, None] * goal
    spread = covariance.diagonal().clamp_min(1e-12).sqrt()
    goal_spread = (sums["yy"] / n - goal * goal).clamp_min(1e-12).sqrt()
    correlation = covariance / (spread[:, None] * spread) + ridge * torch.eye(len(spread), dtype=torch.float64)
    weight = torch.linalg.solve(correlation, cross / (spread[:, None] * goal_spread))
    layer.linear.weight.copy_(weight.T)
    layer.linear.bias.zero_()
    for buffer, value in (
        (layer.centre, mean), (layer.spread, spread), (layer.target_centre, goal), (layer.target_spread, goal_spread),
    ):  # fmt: skip
        buffer.copy_(value)


@torch.no_grad()
def unexplained(adapter: CacheAdapter, held: Iterable[Pairs]) -> float:
    """Share of the variance of the receiver's keys and values, mean over layers, that the maps miss on `held`.

    0 is perfect; 1 is what the mean of the held-out tokens would do.
    """
    examples = list(held)
    shares = []
    for layer, module in zip(adapter.layers, adapter.maps, strict=True):
        features, goal = (torch.cat([example[layer][i] for example in examples]) for i in (0, 1))
        missed = (module(features) - goal).square().sum()
        shares.append(float(missed / (goal - goal.mean(0)).square().sum()))
    return sum(shares) / len(shares)
