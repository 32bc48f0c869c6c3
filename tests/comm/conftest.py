"""Caches to send, messages no honest sender makes, and sockets that must close."""

import struct
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
import xxhash

from laco.comm import Chunk
from laco.method.cache import KVCache, LayerKV

MakeCache = Callable[..., KVCache]


@pytest.fixture(scope="session")
def make_cache() -> MakeCache:
    """Gaussian caches: layers, kv_heads, tokens, head_dim, axes, seed."""

    def make(
        layers: int = 2, heads: int = 4, tokens: int = 16, dim: int = 32, axes: int = 1, seed: int = 0
    ) -> KVCache:
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(layers, 2, heads, tokens, dim, generator=generator)
        positions = torch.arange(tokens).expand(axes, tokens) * 3 + torch.arange(axes)[:, None]
        return KVCache(tuple(LayerKV(k, v) for k, v in drawn), tuple(range(3, 3 + layers)), positions)

    return make


@pytest.fixture(scope="session")
def forge() -> Callable[..., Chunk]:
    """A chunk with any fields at all and a right checksum, made from docs/wire.md, not with our code."""

    def make(fields: list[Any], *buffers: bytes, version: tuple[int, int] = (1, 0), flags: int = 0) -> Chunk:
        body = msgspec.msgpack.encode(fields)
        start = struct.pack("<4sBBHI", b"LACO", *version, flags, len(body))
        digest = xxhash.xxh3_64_intdigest(start + body + b"".join(buffers))
        return Chunk(start + struct.pack("<Q", digest) + body, buffers)

    return make
