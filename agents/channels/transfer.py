"""What a latent message carries: the cache itself, or the recipe for it; and what comes out at the other end.

Sending side: `pack`. Listening side: `unpack`. The names in `TRANSFERS` stand beside those of the KV codecs:

recompute: token ids, and float32 embeddings where there is no id (latent steps, objects); exact.
recompute-half: the same with embeddings in float16.
recompute-replay: the receiver takes the latent steps again, through all its layers; exact, nothing travels for them.
auto: int8, recompute or recompute-replay, whichever the budget says is heard first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from laco.agents.adapters import Adapters, decoded
from laco.agents.channels import TRANSFERS
from laco.comm import Chunk, Partial, WireError, air_bytes, decode_bytes, encode, encode_bytes, parse
from laco.comm.recipe import RECIPE, Ingredients
from laco.comm.recipe import pack as recipe_bytes
from laco.comm.recipe import unpack as read_recipe
from laco.config import LacoConfig, Realign
from laco.errors import ConfigError
from laco.method.backbone import Backbone
from laco.method.deliberation import Trace
from laco.method.recompute import Latents, Recipe, recipe_for, recompute
from laco.method.sharing import share

KV = "int8"
"""The codec that `auto` sends caches with."""
_LATENTS: dict[str, Latents] = {"recompute": "embeds", "recompute-half": "embeds", "recompute-replay": "replay"}


@dataclass(frozen=True)
class Budget:
    """What link and receiver can do, and what a message may cost at most.

    bits_per_second: of the link; 6 Mb/s is the common ITS-G5 rate. flops_per_second: of the receiver; two busy
    CPU cores. most_bytes, most_flops: hard limits, None for none.
    """

    bits_per_second: float = 6e6
    flops_per_second: float = 5e10
    most_bytes: int | None = None
    most_flops: float | None = None


class Offer(NamedTuple):
    """One way to send a message: its codec, its bytes in the air, and what the receiver computes for it."""

    codec: str
    nbytes: int
    flops: float

    def delay(self, budget: Budget) -> float:
        """Air and computing time [s]."""
        return 8 * self.nbytes / budget.bits_per_second + self.flops / budget.flops_per_second


def choose(offers: Sequence[Offer], budget: Budget) -> Offer:
    """The offer within the limits that is heard first; of equals the first. Raises: ConfigError if none fits."""
    most_bytes = float("inf") if budget.most_bytes is None else budget.most_bytes
    most_flops = float("inf") if budget.most_flops is None else budget.most_flops
    fitting = [offer for offer in offers if offer.nbytes <= most_bytes and offer.flops <= most_flops]
    if not fitting:
        found = ", ".join(f"{o.codec} {o.nbytes} B {o.flops:.2g} flop" for o in offers)
        raise ConfigError(f"no way to send fits {most_bytes} B and {most_flops:.2g} flop: {found}")
    return min(fitting, key=lambda offer: offer.delay(budget))


def pack(
    backbone: Backbone,
    trace: Trace,
    kept: Tensor,
    config: LacoConfig,
    codec: str,
    meta: Mapping[str, Any],
    budget: Budget | None = None,
) -> list[Chunk]:
    """The message of what `share` sends, by a KV codec or one of TRANSFERS.

    budget: for "auto"; None means the default one. Raises: WireError and ConfigError for what cannot be sent.
    """
    if codec == "auto":
        return _cheapest(backbone, trace, kept, config, meta, budget or Budget())
    if codec in TRANSFERS:
        recipe = recipe_for(backbone, trace, kept, config.depth, config.layers, latents=_LATENTS[codec])
        return _encoded(recipe, codec, meta)
    return encode(share(trace, kept, config.depth, config.layers), codec=codec, **meta)


def unpack(chunks: Sequence[Chunk], backbone: Backbone, adapters: Adapters) -> Partial:
    """The cache in a message, or that of its recipe, in the backbone's dtype and on its device.

    chunks: those that came; of a cache some may be missing, then it is the usable part.
    adapters: of the backbone, for caches of other models. Raises: WireError for what cannot be used.
    """
    if not chunks or parse(chunks[0].header).kind != RECIPE:
        part = decoded(chunks, adapters)
        return Partial(part.cache.to(backbone.dtype).to(backbone.device), part.share, part.missing)
    found = read_recipe(decode_bytes(chunks, kind=RECIPE, fingerprint=adapters.fingerprint))
    try:
        return Partial(recompute(backbone, to_recipe(found)), 1.0, "")
    except ConfigError as error:  # sound bytes, but of nothing this model can compute
        raise WireError(f"a recipe that cannot be followed: {error}") from error


def _cheapest(
    backbone: Backbone, trace: Trace, kept: Tensor, config: LacoConfig, meta: Mapping[str, Any], budget: Budget
) -> list[Chunk]:
    """The message that `choose` prefers among the exact recipes and the cache."""
    messages = {KV: encode(share(trace, kept, config.depth, config.layers), codec=KV, **meta)}
    flops = {KV: 0.0}
    for name in ("recompute", "recompute-replay") if trace.steps else ("recompute",):
        recipe = recipe_for(backbone, trace, kept, config.depth, config.layers, latents=_LATENTS[name])
        messages[name], flops[name] = _encoded(recipe, name, meta), recipe.cost(backbone).flops
    offers = [Offer(name, air_bytes(chunks).total, flops[name]) for name, chunks in messages.items()]
    return messages[choose(offers, budget).codec]


def _encoded(recipe: Recipe, codec: str, meta: Mapping[str, Any]) -> list[Chunk]:
    payload = recipe_bytes(to_ingredients(recipe), half=codec == "recompute-half")
    return encode_bytes(payload, **{**meta, "kind": RECIPE})


def to_ingredients(recipe: Recipe) -> Ingredients:
    """A recipe as the plain arrays that travel."""
    embeds = recipe.embeds.float().cpu().numpy()
    ids, positions, kept = (t.cpu().numpy() for t in (recipe.ids, recipe.positions, recipe.kept))
    return Ingredients(ids, embeds, positions, kept, recipe.layers, recipe.steps, recipe.realign)


def to_recipe(found: Ingredients) -> Recipe:
    """The recipe in arrays that travelled. Raises: ConfigError where they do not fit each other."""
    arrays = (found.ids, found.embeds, found.positions, found.kept)
    ids, embeds, positions, kept = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    realign: Realign = "ridge" if found.realign == "ridge" else "identity"
    return Recipe(ids, embeds, positions, kept, found.layers, found.steps, realign)
