"""What a latent message carries: the cache itself, or the recipe for it; and what comes out at the other end.

Sending side: `select`, `pack`, `cost`. Listening side: `unpack`, `usable`. The names in `RECIPES` stand beside those
of the KV codecs:

recompute: token ids, and float32 embeddings where there is no id (latent steps, objects); exact.
recompute-half: the same with embeddings in float16.
recompute-replay: the receiver takes the latent steps again, through all its layers; exact, nothing travels for them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from laco.agents.adapters import Adapters, adapted, decoded
from laco.agents.channels import RECIPES
from laco.comm import Chunk, Partial, WireError, decode_bytes, encode, encode_bytes, parse
from laco.comm.recipe import RECIPE, Ingredients
from laco.comm.recipe import pack as recipe_bytes
from laco.comm.recipe import unpack as read_recipe
from laco.config import LacoConfig, Realign
from laco.errors import ConfigError, HandshakeError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.deliberation import Trace
from laco.method.recompute import Latents, Recipe, recipe_for, recompute
from laco.method.saliency import attribute
from laco.method.sharing import share
from laco.profiling.spans import span

KV = "int8"
"""The codec for who cannot follow recipes, and of messages that deltas begin with."""
_LATENTS: dict[str, Latents] = {"recompute": "embeds", "recompute-half": "embeds", "recompute-replay": "replay"}


def select(trace: Trace, config: LacoConfig) -> Tensor:
    """The context tokens that are sent, int64 [n], ascending."""
    with span("share"):
        return attribute(trace, config.keep, horizon=config.horizon, latent=config.latent, selector=config.selector)


def readable(codec: str, known: Collection[str] | None, to: str) -> str:
    """The codec that is asked for, or the first that `to` knows of those which every version has.

    known: codecs that `to` said it knows; None if it did not. Raises: HandshakeError if it knows none of them.
    """
    if known is None or codec in known or (codec == "auto" and KV in known):
        return codec
    for other in (KV, "fp16", "fp32"):
        if other in known:
            return other
    raise HandshakeError(f"codec {codec} unknown to {to}, which knows {', '.join(sorted(known)) or 'none in common'}")


def pack(
    backbone: Backbone, trace: Trace, kept: Tensor, config: LacoConfig, codec: str, meta: Mapping[str, Any]
) -> list[Chunk]:
    """The message of what `share` sends, by a KV codec or one of RECIPES.

    Raises: WireError and ConfigError for what cannot be sent.
    """
    if codec in RECIPES:
        return _encoded(_recipe(backbone, trace, kept, config, codec), codec, meta)
    return encode(share(trace, kept, config.depth, config.layers), codec=codec, **meta)


def cost(backbone: Backbone, trace: Trace, kept: Tensor, config: LacoConfig, codec: str) -> float:
    """What the receiver of a recipe computes for it [flop]; nothing for a cache."""
    return _recipe(backbone, trace, kept, config, codec).cost(backbone).flops if codec in RECIPES else 0.0


def unpack(
    chunks: Sequence[Chunk], backbone: Backbone, adapters: Adapters, reference: KVCache | None = None
) -> Partial:
    """The cache in a message, or that of its recipe, as its sender shared it.

    chunks: those that came; of a cache some may be missing, then it is the usable part.
    adapters: of the backbone, for caches of other models. reference: what the message is coded against, if it is.
    Raises: WireError for what cannot be used.
    """
    if not chunks or parse(chunks[0].header).kind != RECIPE:
        return decoded(chunks, adapters, reference)
    found = read_recipe(decode_bytes(chunks, kind=RECIPE, fingerprint=adapters.fingerprint))
    try:
        return Partial(recompute(backbone, to_recipe(found)), 1.0, "")
    except ConfigError as error:  # sound bytes, but of nothing this model can compute
        raise WireError(f"a recipe that cannot be followed: {error}") from error


def usable(cache: KVCache, fingerprint: str, backbone: Backbone, adapters: Adapters) -> KVCache:
    """A cache out of `unpack` as the backbone takes it: adapted from the model with this fingerprint, if it is another,
    and in the backbone's dtype and on its device. Raises: WireError if it is not what the adapter reads."""
    return adapted(cache, adapters, fingerprint).to(backbone.dtype).to(backbone.device)


def _recipe(backbone: Backbone, trace: Trace, kept: Tensor, config: LacoConfig, codec: str) -> Recipe:
    return recipe_for(backbone, trace, kept, config.depth, config.layers, latents=_LATENTS[codec])


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
