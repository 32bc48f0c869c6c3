"""Controls: the true header, another payload. What a receiver still gains is not the message's doing."""

from collections.abc import Mapping
from typing import Any

import torch
import xxhash

from laco.agents.channels import PAYLOADS
from laco.agents.channels.sending import Swap
from laco.errors import ConfigError
from laco.method.cache import KVCache, LayerKV

Recorded = dict[tuple[str, int], KVCache]  # what was sent in an earlier run: (sender, decision time in ms)


def empty(part: KVCache, meta: Mapping[str, Any]) -> KVCache:
    """No token at all."""
    return part.select(torch.arange(0))


def random_like(seed: int) -> Swap:
    """Random directions with the true norm of every key and value of every head and token."""

    def swap(part: KVCache, meta: Mapping[str, Any]) -> KVCache:
        name = f"{seed}/{meta['sender']}/{meta['addressee']}/{meta['seq']}"
        generator = torch.Generator().manual_seed(xxhash.xxh3_64_intdigest(name.encode()))

        def like(tensor: torch.Tensor) -> torch.Tensor:
            noise = torch.randn(tensor.shape, generator=generator)
            true, drawn = (torch.linalg.vector_norm(t, dim=-1, keepdim=True) for t in (tensor, noise))
            return noise.mul(true / drawn)

        layers = tuple(LayerKV(like(layer.keys), like(layer.values)) for layer in part.layers)
        return KVCache(layers, part.layer_ids, part.positions)

    return swap


def replayed(recorded: Recorded) -> Swap:
    """What the same sender sent at the same time of another run; nothing where it sent nothing."""

    def swap(part: KVCache, meta: Mapping[str, Any]) -> KVCache:
        return recorded.get(_key(meta)) or empty(part, meta)

    return swap


def recorder(recorded: Recorded) -> Swap:
    """Sends the true payload and keeps it for `replayed`."""

    def swap(part: KVCache, meta: Mapping[str, Any]) -> KVCache:
        recorded[_key(meta)] = part
        return part

    return swap


def _key(meta: Mapping[str, Any]) -> tuple[str, int]:
    return meta["sender"], round(meta["sim_time"] * 1000)


def find(payload: str, seed: int, banks: dict[str, Recorded], record: str, other: str) -> Swap | None:
    """The swap that makes a control. Raises: ConfigError for one that is unknown or has nothing to replay."""
    if payload not in PAYLOADS:
        raise ConfigError(f"payload must be one of {', '.join(PAYLOADS)}, not {payload!r}")
    if payload == "other":
        if other not in banks:
            raise ConfigError(f"no recorded run {other!r} to take payloads from")
        return replayed(banks[other])
    if payload in ("empty", "random"):
        return empty if payload == "empty" else random_like(seed)
    return recorder(banks.setdefault(record, {})) if record else None
