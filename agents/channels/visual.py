"""`visual`: the embeddings of what the sender observed, as they enter its decoder; nothing has been thought yet.

For a language model these are the input embeddings of the observation's words, for a vision-language model those of
its camera image, for the built-in driver its object tokens. On the wire: number of tokens and width, then fp16.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from laco.agents.channels.base import Attended, Channel, decoded
from laco.agents.drivers.base import Said
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError, decode_bytes, encode_bytes, parse
from laco.profiling.spans import span

SHAPE = struct.Struct("<II")  # tokens, width
MOST = 4096  # [tokens] that are read of one message


class Visual(Channel):
    """Embeddings, read by the receiver in front of its own."""

    name = "visual"

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        with span("embed"):
            rows = self.driver.embed(Frame.of(to), view, self.caution)
        with span("encode"):
            return encode_bytes(pack(rows), kind=self.name, **meta)

    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        told, refused = decoded(messages, self._decode)
        return self.read(view, list(told.values()), refused)

    def _decode(self, chunks: list[Chunk]) -> Said:
        """The peer's embeddings. Raises: WireError, also for those of another model."""
        payload = decode_bytes(chunks, kind=self.name, fingerprint=self.driver.fingerprint)
        return Said(parse(chunks[0].header).sender, unpack(payload, self.driver.backbone.width))


def pack(rows: Tensor) -> bytes:
    """Embeddings [T, D] as bytes. Raises: WireError if not finite; too large a number saturates."""
    if not bool(torch.isfinite(rows).all()):
        raise WireError("embeddings that cannot be sent: they hold NaN or infinity")
    limit = torch.finfo(torch.float16).max
    halves = rows.detach().cpu().float().clamp(-limit, limit).to(torch.float16)
    return SHAPE.pack(*rows.shape) + halves.contiguous().numpy().tobytes()


def unpack(payload: bytes, width: int) -> Tensor:
    """Float32 embeddings [T, width]. Raises: WireError for what is none of that width, or too many."""
    if len(payload) < SHAPE.size:
        raise WireError(f"truncated: {len(payload)} bytes are no embeddings")
    tokens, found = SHAPE.unpack_from(payload)
    if found != width or not 0 < tokens <= MOST:
        raise WireError(f"wrong shape for this model: {tokens} embeddings of width {found}")
    if len(payload) != SHAPE.size + 2 * tokens * width:
        raise WireError(f"wrong size: {len(payload)} bytes for {tokens} embeddings of width {width}")
    halves = np.frombuffer(payload, dtype="<f2", offset=SHAPE.size).reshape(tokens, width)
    rows = torch.from_numpy(halves.astype(np.float32))
    if not bool(torch.isfinite(rows).all()):
        raise WireError("damaged: embeddings that hold NaN or infinity")
    return rows
