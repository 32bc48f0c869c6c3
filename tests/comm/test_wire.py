"""The format: golden bytes, versions, and every way in which a message can be unusable."""

import math

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.comm import (
    Chunk,
    WireError,
    decode,
    decode_bytes,
    encode,
    encode_bytes,
    encode_parts,
    parse,
    verify,
)
from laco.comm import message as limits
from laco.comm.codecs import general
from laco.method.cache import KVCache, LayerKV

META = {
    "fingerprint": "f00d",
    "sender": "v1",
    "addressee": "v2",
    "seq": 7,
    "sim_time": 1.5,
    "pose": (10.0, -2.0, 0.25),
}
# Version 1.0, as its writers made them: still read.
GOLDEN_BEACON_10 = (
    "4c41434f010000003f0000007e1f09d89d8d0666dc0010a0a27631a003cb3fe000000000000093cb"
    "0000000000000000cb0000000000000000cb0000000000000000a6626561636f6e00019102a09000"
    "0000906869"
)
GOLDEN_CACHE_10 = (
    "4c41434f010000004c0000009cb30333f8f172fedc0010a466303064a27631a2763207cb3ff80000"
    "0000000093cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760001940404"
    "0404a4696e7438910401020291920a02013c813c7f81407f813c813cc07fe081"
)
# Version 1.1, as `encode` and `encode_bytes` make them.
GOLDEN = {
    "beacon": (
        "4c41434f0101000037000000288b4af09bac0a6d9aa0a27631a003cb3fe000000000000093cb0000"
        "000000000000cb0000000000000000cb0000000000000000a6626561636f6e000191026869"
    ),
    "int8": (
        "4c41434f010100004c000000452f26a2b5500f5ddc0010a466303064a27631a2763207cb3ff80000"
        "0000000093cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760001940404"
        "0404a4696e7438910401020291920a02013c813c7f81407f813c813cc07fe081"
    ),
    "base": (
        "4c41434f010100004d0000004b6eed60182fd969dc0011a466303064a27631a2763207cb3ff80000"
        "0000000093cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760001940404"
        "0404a4696e7438910401020291920a0205013c813c7f81407f813c813cc07fe081"
    ),
    "no checksum": (
        "4c41434f010101004a0000000000000000000000dc0010a466303064a27631a2763207cb3ff80000"
        "0000000093cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760001920808"
        "a466703136910401020291920a02003c00c00038004000bc004000b800c0"
    ),
}
GOLDEN_CHUNKS = [
    (
        "4c41434f010102004e0000003e715296c1e73edfdc0015a0a27631a2763207cb3ff8000000000000"
        "93cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760002921010a4667033"
        "3292040501020191910aff900002c402f00d0000803f000000c0000080bf00000040000080bf0000"
        "00400000803f000000c0"
    ),
    (
        "4c41434f010102004e0000000e68e420c12191f2dc0015a0a27631a2763207cb3ff8000000000000"
        "93cb4024000000000000cbc000000000000000cb3fd0000000000000a26b760102921010a4667033"
        "3292040501020191910cff900102c402f00d0000003f00000040000000bf000000c0000000bf0000"
        "00c00000003f00000040"
    ),
]


def small() -> KVCache:
    keys = torch.tensor([[[1.0, -2.0], [0.5, 2.0]]])
    return KVCache((LayerKV(keys, -keys),), (4,), torch.tensor([[10, 12]]))


def fields(**changes) -> list:
    """The header's fields in their order, those of `small` as fp32, with changes."""
    known = {
        "fingerprint": "f00d", "sender": "v1", "addressee": "v2", "seq": 7, "sim_time": 1.5,
        "pose": [10.0, -2.0, 0.25], "kind": "kv", "index": 0, "count": 1, "sizes": [16, 16], "codec": "fp32",
        "layers": [4], "kv_heads": 1, "head_dim": 2, "tokens": 2, "positions": [[10, 2]],
    }  # fmt: skip
    return list({**known, **changes}.values())


BUFFERS = (b"\0" * 16, b"\0" * 16)


def pair() -> KVCache:
    (layer,) = small().layers
    return KVCache((layer, LayerKV(-layer.keys, layer.keys)), (4, 5), small().positions)


def test_golden_bytes() -> None:
    made = {
        "beacon": encode_bytes(b"hi", kind="beacon", sender="v1", seq=3, sim_time=0.5),
        "int8": encode(small(), "int8", **META),
        "base": encode(small(), "int8", base=5, **META),
        "no checksum": encode(small(), "fp16", checksum=False, **META),
    }
    assert {name: chunk.tobytes().hex() for name, (chunk,) in made.items()} == GOLDEN


def test_golden_chunks() -> None:
    """136 bytes each, so two layers of one token at a time do not fit, and one layer of two does."""
    made = encode(pair(), "fp32", chunk_bytes=136, **META)
    assert [chunk.tobytes().hex() for chunk in made] == GOLDEN_CHUNKS
    heard = decode([Chunk.frombytes(bytes.fromhex(golden)) for golden in GOLDEN_CHUNKS], fingerprint="f00d")
    assert torch.equal(heard.positions, small().positions)
    assert torch.equal(heard.layers[1].keys, -small().layers[0].keys)


@pytest.mark.parametrize("golden", [GOLDEN["int8"], GOLDEN["base"], GOLDEN["no checksum"], GOLDEN_CACHE_10])
def test_golden_caches_are_read(golden) -> None:
    heard = decode([Chunk.frombytes(bytes.fromhex(golden))], fingerprint="f00d")
    assert torch.allclose(heard.layers[0].keys, small().layers[0].keys, rtol=0.01)
    assert torch.equal(heard.positions, small().positions)


@pytest.mark.parametrize("golden", [GOLDEN["beacon"], GOLDEN_BEACON_10])
def test_golden_beacons_are_read(golden) -> None:
    chunk = Chunk.frombytes(bytes.fromhex(golden))
    assert decode_bytes([chunk], kind="beacon") == b"hi"
    assert (chunk.info.sender, chunk.info.seq, chunk.info.sim_time, chunk.info.base) == ("v1", 3, 0.5, -1)


def test_forged_header_is_the_real_one(forge) -> None:
    (chunk,) = encode(small(), "fp32", **META)
    assert forge(fields(), *chunk.buffers, version=(1, 1)).header == chunk.header


def test_header_says_what_was_said() -> None:
    header = verify(encode(small(), **META, kind="thought")[0])
    assert (header.sender, header.addressee, header.seq) == ("v1", "v2", 7)
    assert (header.sim_time, header.pose, header.fingerprint) == (1.5, (10.0, -2.0, 0.25), "f00d")
    assert (header.kind, header.codec, header.layers, header.shape) == ("thought", "int8", (4,), (1, 1, 2, 2))


def test_negative_and_unordered_positions_come_back() -> None:
    positions = torch.tensor([[-5, 3, 2**31], [0, 0, 0], [9, 8, 7]])
    keys = torch.ones(1, 3, 2)
    assert torch.equal(decode(encode(KVCache((LayerKV(keys, keys),), (0,), positions))).positions, positions)


# --- versions


def test_a_newer_minor_version_is_read(forge) -> None:
    since_11 = [-1, [], 0, 0, b"", []]
    chunk = forge([*fields(), *since_11, {"new": [1, 2]}, "more"], *BUFFERS, version=(1, 9))
    assert decode([chunk]).num_tokens == 2


def test_an_older_message_with_fewer_fields_is_read(forge) -> None:
    assert decode_bytes([forge(fields(kind="beacon", sizes=[2])[:10], b"hi")]) == b"hi"


@pytest.mark.parametrize("major", [0, 2, 255])
def test_another_major_version_is_refused(major, forge) -> None:
    with pytest.raises(WireError, match=f"format version {major}.0"):
        decode([forge(fields(), *BUFFERS, version=(major, 0))])


def test_an_unknown_flag_is_refused(forge) -> None:
    with pytest.raises(WireError, match="features this reader lacks: flags 0x8000"):
        decode([forge(fields(), *BUFFERS, flags=0x8001)])


# --- what cannot be used, and why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"codec": "int9"}, "unknown codec 'int9'"),
        ({"codec": "int8"}, "wrong size: int8 buffers"),
        ({"tokens": 3, "positions": [[1, 1, 1]]}, "wrong size: fp32 buffers"),
        ({"tokens": 3}, "positions do not fit"),
        ({"positions": []}, "without layers or positions"),
        ({"positions": [[1, 1], [1]]}, "positions do not fit"),
        ({"positions": [[2**31, 2**31]]}, "a position beyond"),
        ({"positions": [[2**40, 0]]}, "cannot be read"),
        ({"positions": [[0, 0]] * 5}, "cannot be read"),
        ({"layers": []}, "without layers or positions"),
        ({"layers": [4, 4]}, "not ascending"),
        ({"layers": [-1]}, "cannot be read"),
        ({"layers": list(range(513))}, "cannot be read"),
        ({"kv_heads": 2}, "wrong size: fp32 buffers"),
        ({"kv_heads": 1 << 20}, "cannot be read"),
        ({"layers": list(range(512)), "kv_heads": 1024, "head_dim": 4096}, "oversized"),
        ({"sizes": [16, 17]}, "wrong size: buffers"),
        ({"sizes": [16]}, "wrong size: buffers"),
        ({"sizes": [2**62, 2**62]}, "oversized"),
        ({"sizes": [-16, 48]}, "cannot be read"),
        ({"index": 1}, "chunk 1 of 1"),
        ({"count": 0}, "cannot be read"),
        ({"count": 2}, "missing: chunk 1 of 2"),
        ({"count": 1 << 30}, "cannot be read"),
        ({"sender": "a\0b"}, "cannot be read"),
        ({"sender": "v" * 65}, "cannot be read"),
        ({"sender": 7}, "cannot be read"),
        ({"seq": -1}, "cannot be read"),
        ({"sim_time": math.nan}, "no finite number"),
        ({"pose": [0.0, math.inf, 0.0]}, "no finite number"),
        ({"pose": [0.0]}, "cannot be read"),
        ({"fingerprint": "beef"}, "another model: its fingerprint is 'beef'"),
        ({"codec": ""}, "carries bytes, not a cache"),
    ],
)
def test_refused_with_its_reason(changes, why, forge) -> None:
    with pytest.raises(WireError, match=why):
        decode([forge(fields(**changes), *BUFFERS)], fingerprint="f00d")


@pytest.mark.parametrize("body", [7, "text", None, {}, [[[]]], [1] * 50])
def test_a_body_that_is_no_header(body, forge) -> None:
    with pytest.raises(WireError, match="cannot be read"):
        decode([forge(body)])


def test_a_deep_body_is_refused_or_skipped(forge) -> None:
    chunk = forge([], *BUFFERS)
    raw = b"\xdc\x00\x11" + msgspec.msgpack.encode(fields())[3:] + b"\x91" * 100_000
    start = chunk.header[:8] + len(raw).to_bytes(4, "little") + bytes(8)
    with pytest.raises(WireError, match="cannot be read"):
        parse(start + raw)


def test_nan_in_a_buffer_is_refused(forge) -> None:
    bad = torch.tensor([1.0, math.nan, 0.0, 0.0]).numpy().tobytes()
    for buffers in ((bad, BUFFERS[0]), (BUFFERS[0], bad)):
        with pytest.raises(WireError, match="NaN or infinity"):
            decode([forge(fields(), *buffers)])


def test_huge_lengths_are_refused_before_anything_is_made() -> None:
    for length, why in ((0xFFFFFFFF, "oversized"), (limits.MAX_HEADER, "truncated")):
        data = b"LACO\x01\x00\x00\x00" + length.to_bytes(4, "little") + bytes(64)
        with pytest.raises(WireError, match=why):
            Chunk.frombytes(data)


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({"sender": "a\0"}, "cannot be read"),
        ({"sender": "\ud800"}, "cannot be sent"),
        ({"seq": 2**80}, "cannot be sent"),
        ({"seq": -1}, "cannot be read"),
        ({"sim_time": math.inf}, "no finite number"),
        ({"pose": object()}, "cannot be sent"),
    ],
)
def test_the_sender_is_held_to_the_same(meta, why) -> None:
    with pytest.raises(WireError, match=why):
        encode(small(), **meta)


def test_too_many_tokens_cannot_be_sent(make_cache) -> None:
    with pytest.raises(WireError, match="Expected `int` <= 32768"):
        encode(make_cache(1, 1, limits.MAX_TOKENS + 1, 1))


def test_bytes_and_caches_are_not_mixed_up() -> None:
    beacon = encode_bytes(b"{}", kind="beacon")
    assert decode_bytes(beacon, kind="beacon") == b"{}"
    assert decode_bytes(encode_bytes(b"", kind="beacon")) == b""
    with pytest.raises(WireError, match="kind 'beacon' carries bytes"):
        decode(beacon)
    with pytest.raises(WireError, match="'kv' carries a cache"):
        decode_bytes(encode(small()))
    with pytest.raises(WireError, match="'beacon', not 'observation'"):
        decode_bytes(beacon, kind="observation")


# --- several chunks


def parts_of(cache: KVCache) -> list[KVCache]:
    return [cache.cut(ids).select(block) for ids in ([3, 4], [5]) for block in (range(10), range(10, 16))]


def test_chunks_tile_layers_and_tokens_in_any_order(make_cache) -> None:
    cache = make_cache(layers=3)
    chunks = encode_parts(parts_of(cache), "fp32", **META)
    heard = decode([chunks[i] for i in (2, 0, 3, 1)])
    assert heard.layer_ids == (3, 4, 5)
    assert torch.equal(heard.positions, cache.positions)
    assert all(torch.equal(a.values, b.values) for a, b in zip(heard.layers, cache.layers, strict=True))


def test_missing_repeated_and_mixed_chunks(make_cache) -> None:
    cache = make_cache(layers=3)
    chunks = encode_parts(parts_of(cache), "fp32", **META)
    other = encode_parts(parts_of(cache), "fp32", **{**META, "seq": 8})
    for given_chunks, why in (
        ([], "0 chunks are no message"),
        (chunks[:3], "missing: chunk 3 of 4"),
        ([*chunks, chunks[1]], "repeated"),
        ([*chunks[:3], other[3]], "different messages"),
    ):
        with pytest.raises(WireError, match=why):
            decode(given_chunks)
    for parts in (parts_of(cache)[:3], [cache.cut([3, 4]), cache.cut([4, 5])]):
        with pytest.raises(WireError, match="wrong shape"):
            encode_parts(parts, "fp32")


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"layers": [5]}, ""),  # two layers of the same tokens
        ({"positions": [[14, 2]]}, ""),  # more tokens of the same layer
        ({"layers": [5], "positions": [[10, 3]]}, "the layers carry different tokens"),
        ({"layers": [4, 5], "sizes": [32, 32]}, "two chunks carry the same tokens of layer 4"),
        ({"layers": [5], "tokens": 1, "positions": [[10]], "sizes": [8, 8]}, "the layers carry different tokens"),
    ],
)
def test_chunks_of_version_1_0_tile_by_their_order(second, why, forge) -> None:
    changes = {"count": 2, "index": 1, **second}
    buffers = [bytes(size) for size in changes.get("sizes", [16, 16])]
    chunks = [forge(fields(**changes), *buffers), forge(fields(count=2), *BUFFERS)]
    if why:
        with pytest.raises(WireError, match=why):
            decode(chunks)
        return
    assert decode(chunks).num_tokens * len(decode(chunks).layers) == 4


# --- damage anywhere

WHOLE = {name: encode(small(), name, **META)[0].tobytes() for name in general()}


@pytest.mark.parametrize("name", general())
def test_every_flipped_bit_is_found(name) -> None:
    for bit in range(8 * len(WHOLE[name])):
        data = bytearray(WHOLE[name])
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            decode([Chunk.frombytes(data)])


@pytest.mark.parametrize("name", general())
def test_every_truncation_is_found(name) -> None:
    for length in range(len(WHOLE[name])):
        with pytest.raises(WireError):
            decode([Chunk.frombytes(WHOLE[name][:length])])
    with pytest.raises(WireError, match="wrong size"):
        Chunk.frombytes(WHOLE[name] + b"\0")


def only_wire_errors(chunk_of) -> None:
    try:
        decode([chunk_of()])
    except WireError:
        return


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise(data) -> None:
    only_wire_errors(lambda: Chunk.frombytes(data))
    only_wire_errors(lambda: Chunk.frombytes(WHOLE["int8"][:20] + data))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(general()), st.data())
def test_mutations_under_a_right_checksum(forge, name, data) -> None:
    """An insider can checksum anything: what passes must still be a cache of numbers."""
    fitting = verify(Chunk.frombytes(WHOLE[name]))
    values = list(msgspec.to_builtins(fitting))
    small_ints = st.integers(-2, 5)
    anything = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(values) - 1))
        values[at] = data.draw(small_ints | st.lists(small_ints, max_size=3) | anything)
    buffers = tuple(data.draw(st.binary(min_size=size, max_size=size)) for size in fitting.sizes)
    try:
        heard = decode([forge(values, *buffers)])
    except WireError:
        return
    assert all(torch.isfinite(tensor).all() for layer in heard.layers for tensor in layer)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_edited_bytes_are_found(data) -> None:
    raw = bytearray(WHOLE["int8"])
    start = data.draw(st.integers(0, len(raw)))
    raw[start : data.draw(st.integers(start, len(raw)))] = data.draw(st.binary(max_size=30))
    if bytes(raw) != WHOLE["int8"]:
        with pytest.raises(WireError):
            decode([Chunk.frombytes(raw)])
