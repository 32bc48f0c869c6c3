"""`Header`: what a chunk says about itself, the limits of every number in it, and its bytes (docs/wire.md).

One MessagePack **array** and not a map, because a chunk on a lossy radio is at most an MTU and the names of the
fields would cost 150 of its bytes; it stays forward compatible because fields are only ever appended within a
major version, and a reader ignores the ones it does not know.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from laco.comm.structs import read_struct
from laco.errors import WireError

# Hard limits, each checked before anything of that size is allocated.
MAX_HEADER = 1 << 20  # [bytes]
MAX_HEADERS = 1 << 24  # [bytes] all headers of one message: as objects they take about ten times as much
MAX_PAYLOAD = 1 << 28  # [bytes] all buffers of one message
MAX_CACHE = 1 << 30  # [bytes] one message, decoded to float32
# A cache may decode to FREE bytes whatever its size, and to so many for each byte of its buffers beyond that: int2
# needs 16, the best codecs measured 30. Otherwise a hundred bytes could make a reader allocate MAX_CACHE.
FREE = 1 << 26  # [bytes]
MAX_EXPANSION = 256
MAX_NAME = 64  # [characters]
MAX_BUFFERS = 64
MAX_CHUNKS = 4096
MAX_LAYERS = 512
MAX_LAYER = (1 << 16) - 1
MAX_HEADS = 1024
MAX_HEAD_DIM = 4096
MAX_TOKENS = 1 << 15
MAX_AXES = 4
MAX_POSITION = 1 << 31

# NUL ends a topic, so no name may hold one.
Name = Annotated[str, Meta(max_length=MAX_NAME, pattern=r"\A[^\x00]*\Z")]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Tokens = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]
Layer = Annotated[int, Meta(ge=0, le=MAX_LAYER)]
Layers = Annotated[tuple[Layer, ...], Meta(max_length=MAX_LAYERS)]
Runs = Annotated[tuple[Layer, ...], Meta(max_length=2 * MAX_LAYERS)]  # first, how many, first, how many, ...
Step = Annotated[int, Meta(ge=-MAX_POSITION, le=MAX_POSITION)]
Steps = Annotated[tuple[Step, ...], Meta(max_length=MAX_TOKENS)]


class Header(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What a chunk says about itself. The order of the fields is the format: append, never reorder.

    fingerprint: of the model whose cache this is; "" where no model is involved.
    sender, addressee: names of vehicles; addressee "" means all.
    seq: number of the message, unique per sender within a run.
    sim_time: simulation time at which it was spoken [s].
    pose: x [m], y [m], yaw [rad] of the sender at that time.
    kind: "kv", "observation", "beacon", ...
    index, count: this chunk among the chunks of the message.
    sizes: length of each buffer [bytes].
    codec: name of the codec; "" for a payload of plain bytes, for which the fields below stay empty.
    layers: numbers of the carried layers, ascending.
    kv_heads, head_dim, tokens: with the number of layers, the shape [layers, kv_heads, tokens, head_dim]
        of the keys, and of the values.
    positions: per axis the first position, then differences: kept tokens are near each other, so a
        difference takes one byte.

    Since 1.1:
    base: number of the sender's earlier message against which this one is coded; -1 for none.
    band: all layers of the message, as runs; empty where this chunk carries them all.
    start, total: index of this chunk's first token among the tokens of the message, and how many these are; total is 0
        where this chunk carries them all.
    digest, runs: fingerprint and layers in a shorter form (see `shortened`); empty once parsed.
    """

    fingerprint: Name = ""
    sender: Name = ""
    addressee: Name = ""
    seq: Count = 0
    sim_time: float = 0.0
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    kind: Name = "kv"
    index: Annotated[int, Meta(ge=0, lt=MAX_CHUNKS)] = 0
    count: Annotated[int, Meta(ge=1, le=MAX_CHUNKS)] = 1
    sizes: Annotated[tuple[Count, ...], Meta(max_length=MAX_BUFFERS)] = ()
    codec: Name = ""
    layers: Layers = ()
    kv_heads: Annotated[int, Meta(ge=0, le=MAX_HEADS)] = 0
    head_dim: Annotated[int, Meta(ge=0, le=MAX_HEAD_DIM)] = 0
    tokens: Tokens = 0
    positions: Annotated[tuple[Steps, ...], Meta(max_length=MAX_AXES)] = ()
    base: Annotated[int, Meta(ge=-1, le=(1 << 63) - 1)] = -1
    band: Runs = ()
    start: Tokens = 0
    total: Tokens = 0
    digest: Annotated[bytes, Meta(max_length=MAX_NAME // 2)] = b""
    runs: Runs = ()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[layers, kv_heads, tokens, head_dim]."""
        return len(self.layers), self.kv_heads, self.tokens, self.head_dim

    @property
    def decoded(self) -> int:
        """Size of keys and values in float32 [bytes]."""
        return 2 * 4 * math.prod(self.shape)

    @property
    def payload(self) -> int:
        """Size of the buffers [bytes]."""
        return sum(self.sizes)


_EMPTY = Header()
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def pack(header: Header) -> bytes:
    """The body of a header. Fields at the end that have their defaults are left out. Raises WireError."""
    names = header.__struct_fields__
    values = [getattr(header, name) for name in names]
    while values and values[-1] == getattr(_EMPTY, names[len(values) - 1]):
        values.pop()
    try:
        return msgspec.msgpack.encode(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"a header field cannot be sent: {error}") from error


def unpack(body: memoryview, short: bool) -> Header:
    """The header in its body, every limit checked. short: written by `shortened`. Raises WireError."""
    found = read_struct(body, Header, "the header")
    if short:
        found = _lengthened(found)
    elif found.digest or found.runs:
        raise WireError("damaged: short fields without their flag")
    if fault := _fault(found):
        raise WireError(f"damaged: {fault}")
    return found


def shortened(header: Header) -> Header:
    """The same with the fingerprint as bytes, where it is of hexadecimal digits, and the layers as runs.

    Of a chunk of 1,200 bytes that is 40 or more bytes for a fingerprint of 32 digits and 30 layers.
    """
    changes: dict[str, Any] = {}
    if _HEX.fullmatch(header.fingerprint):
        changes |= {"fingerprint": "", "digest": bytes.fromhex(header.fingerprint)}
    if len(runs := to_runs(header.layers)) < len(header.layers):
        changes |= {"layers": (), "runs": runs}
    return msgspec.structs.replace(header, **changes)


def to_runs(layers: Sequence[int]) -> tuple[int, ...]:
    """Ascending numbers as first, how many, first, how many, ..."""
    runs: list[int] = []
    for number in layers:
        if runs and number == runs[-2] + runs[-1]:
            runs[-1] += 1
        else:
            runs += (number, 1)
    return tuple(runs)


def from_runs(runs: Sequence[int]) -> tuple[int, ...]:
    """The numbers again. Raises WireError where they are too many, too large, or not ascending."""
    pairs = list(zip(runs[::2], runs[1::2], strict=False))
    ends = [first + many for first, many in pairs]
    ascending = all(a <= b for a, (b, _) in zip(ends, pairs[1:], strict=False)) and all(many for _, many in pairs)
    if len(runs) % 2 or not ascending:
        raise WireError("damaged: layers that are no runs")
    if sum(runs[1::2]) > MAX_LAYERS or (ends and ends[-1] > MAX_LAYER + 1):
        raise WireError(f"oversized: {sum(runs[1::2])} layers")
    return tuple(number for first, many in pairs for number in range(first, first + many))


def _lengthened(header: Header) -> Header:
    """What `shortened` was given. Raises WireError."""
    if not (header.digest or header.runs):
        raise WireError("damaged: the flag of short fields, and none is there")
    if (header.digest and header.fingerprint) or (header.runs and header.layers):
        raise WireError("damaged: a field in both of its forms")
    return msgspec.structs.replace(
        header,
        fingerprint=header.digest.hex() or header.fingerprint,
        layers=from_runs(header.runs) or header.layers,
        digest=b"",
        runs=(),
    )


def _fault(header: Header) -> str:
    """What the types of the fields cannot say; "" for nothing. On the way of every message, so no list of checks."""
    payload, decoded, tokens = header.payload, header.decoded, header.tokens
    if not all(map(math.isfinite, (header.sim_time, *header.pose))):
        return "time or pose is no finite number"
    if header.index >= header.count:
        return f"chunk {header.index} of {header.count}"
    if payload > MAX_PAYLOAD:
        return f"oversized: {payload} bytes, limit {MAX_PAYLOAD}"
    if decoded > min(MAX_CACHE, FREE + MAX_EXPANSION * payload):
        return f"oversized: {decoded} bytes decoded of {payload}, limit {MAX_CACHE} and {MAX_EXPANSION} times as many"
    if any(len(axis) != tokens for axis in header.positions):
        return f"positions do not fit {tokens} tokens"
    if header.start + tokens > (header.total or tokens):
        return "tokens outside its message"
    return _fault_of_layers(header)


def _fault_of_layers(header: Header) -> str:
    if any(a >= b for a, b in pairwise(header.layers)):
        return "layers are not ascending"
    if header.band and not set(header.layers) <= set(from_runs(header.band)):
        return "layers outside its message"
    if header.codec and not (header.layers and header.positions):
        return "a cache without layers or positions"
    if header.codec and not (header.kv_heads and header.head_dim):
        return "a cache without heads"
    return ""
