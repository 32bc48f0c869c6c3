"""What a hostile message can cost: nothing is made before its size is checked; a damaged header byte harms nobody."""

import importlib
import resource
import tracemalloc
import zlib

import pytest
import torch

from laco.comm import Chunk, WireError, decode, decode_bytes, decode_partial, encode, encode_bytes, parse
from laco.comm import header as limits
from laco.comm.codecs import available
from laco.comm.packing import varint
from laco.comm.recipe import unpack

META = {"fingerprint": "f00d" * 8, "sender": "v1", "addressee": "v2", "seq": 7, "sim_time": 1.5}
SPARE = 64 << 20  # [bytes] what a refusal may cost at most


def cost_of(refused) -> int:
    """Bytes that a refusal takes at its peak: Python's, and how much more the process ever held (tensors)."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    with pytest.raises(WireError):
        refused()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return max(peak, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def claim(codec: str, sizes: list[int], **changes) -> list:
    """The fields of a cache that claims more than its bytes can be."""
    known = {
        "fingerprint": "", "sender": "v1", "addressee": "", "seq": 0, "sim_time": 0.0, "pose": [0.0] * 3, "kind": "kv",
        "index": 0, "count": 1, "sizes": sizes, "codec": codec, "layers": [4], "kv_heads": 1, "head_dim": 64,
        "tokens": 1, "positions": [[0]],
    }  # fmt: skip
    return list({**known, **changes}.values())


LARGE = {"layers": list(range(64)), "kv_heads": 8, "head_dim": 128, "tokens": 2048, "positions": [[0] * 2048]}  # 1 GiB
WIDE = {"layers": list(range(512)), "kv_heads": 1024, "head_dim": 4096, "tokens": 32768, "positions": [[1] * 32768]}
FLAT = {"layers": list(range(512)), "kv_heads": 1024, "head_dim": 0, "tokens": 32768, "positions": [[1] * 32768]}


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("shape", [LARGE, WIDE, FLAT])
def test_a_small_message_that_claims_a_large_cache(name, shape, make_cache, forge) -> None:
    """A few bytes for up to 1 GiB, whatever the codec would make of them; 140 TiB; and a shape whose product is 0."""
    honest = encode(make_cache(1, 1, 1, 64), name)[0]
    buffers = [bytes(buffer) for buffer in honest.buffers]
    chunk = forge(claim(name, [len(b) for b in buffers], **shape), *buffers)
    assert cost_of(lambda: decode([chunk])) < SPARE


@pytest.mark.parametrize("name", available())
def test_a_codec_refuses_buffers_of_another_shape(name, make_cache, forge) -> None:
    """Within what any message may claim (64 MiB); a codec must not take long or much to find out."""
    honest = encode(make_cache(1, 2, 8, 16), name)[0]
    buffers = [bytes(buffer) for buffer in honest.buffers]
    shape = {"layers": list(range(32)), "kv_heads": 16, "head_dim": 16, "tokens": 1024, "positions": [[1] * 1024]}
    chunk = forge(claim(name, [len(b) for b in buffers], **shape), *buffers)
    assert cost_of(lambda: decode([chunk])) < 4 * limits.FREE


def test_many_small_chunks_are_one_message(forge) -> None:
    """Each may be large for its bytes, but not all of them."""
    shape = {"layers": list(range(16)), "kv_heads": 8, "head_dim": 64, "tokens": 512, "positions": [[1] * 512]}
    chunks = [forge(claim("fp16", [4, 4], count=40, index=i, **shape), bytes(4), bytes(4)) for i in range(40)]
    assert cost_of(lambda: decode(chunks)) < SPARE
    with pytest.raises(WireError, match="the message decodes from 320 to"):
        decode_partial(chunks)


def test_headers_of_a_message_are_bounded_before_they_are_read(forge) -> None:
    positions = [[3] * 32768] * 4
    one = forge(claim("fp16", [4, 4], count=4096, tokens=32768, positions=positions), bytes(4), bytes(4))
    assert len(one.header) > 4 * 32768
    chunks = [Chunk(one.header, one.buffers) for _ in range(4096)]
    with pytest.raises(WireError, match="bytes of headers"):
        decode(chunks)
    assert not any("info" in vars(chunk) for chunk in chunks)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"band": [4, 2, 5, 1]}, "no runs"),
        ({"band": [4]}, "no runs"),
        ({"band": [4, 0]}, "no runs"),
        ({"band": [0, 513]}, "oversized: 513 layers"),
        ({"band": [65535, 2]}, "oversized"),
        ({"band": [5, 1]}, "layers outside its message"),
        ({"band": [1] * 1026}, "cannot be read"),
        ({"start": 2, "total": 2}, "tokens outside its message"),
        ({"start": 1, "total": 0}, "tokens outside its message"),
        ({"total": 32769}, "cannot be read"),
        ({"base": -2}, "cannot be read"),
        ({"digest": b"\1\2"}, "short fields without their flag"),
        ({"runs": [4, 1]}, "short fields without their flag"),
    ],
)
def test_what_version_1_1_added_is_held_to_its_limits(changes, why, forge) -> None:
    known = {"base": -1, "band": [], "start": 0, "total": 0, "digest": b"", "runs": []}
    fields = [*claim("fp16", [128, 128]), *{**known, **changes}.values()]
    with pytest.raises(WireError, match=why):
        decode([forge(fields, bytes(128), bytes(128), version=(1, 1))])


@pytest.mark.parametrize(
    ("short", "why"),
    [
        ({}, "and none is there"),
        ({"digest": b"\1\2", "runs": [4, 1]}, "both of its forms"),
        ({"layers": [], "runs": [4, 600]}, "oversized: 600 layers"),
        ({"layers": [], "runs": [4, 1], "fingerprint": "a", "digest": b"\1"}, "both of its forms"),
        ({"layers": [], "digest": b"\1" * 33}, "cannot be read"),
    ],
)
def test_the_short_form_is_held_to_the_same(short, why, forge) -> None:
    added = {"base": -1, "band": [], "start": 0, "total": 0, "digest": b"", "runs": []}
    changed = {name: short.get(name, value) for name, value in added.items()}
    fields = [*claim("fp16", [128, 128], **{k: v for k, v in short.items() if k not in added}), *changed.values()]
    with pytest.raises(WireError, match=why):
        decode([forge(fields, bytes(128), bytes(128), version=(1, 1), flags=2)])


# --- every byte of the header


def header_bytes(chunk: Chunk):
    """The chunk with each byte of its header replaced by each of the other 255."""
    whole = chunk.tobytes()
    for at in range(len(chunk.header)):
        for value in range(256):
            if value != whole[at]:
                data = bytearray(whole)
                data[at] = value
                yield at, data


def is_refused(data: bytearray, read) -> bool:
    try:
        read([Chunk.frombytes(data)])
    except WireError:
        return True
    return False


def test_every_byte_of_a_header_changed_is_refused(make_cache) -> None:
    cache = encode(make_cache(1, 1, 2, 4), "int8", chunk_bytes=1200, **META)[0]
    beacon = encode_bytes(b"hi", "beacon", **META)[0]
    for chunk, read in ((cache, decode), (beacon, decode_bytes)):
        assert all(is_refused(data, read) for _, data in header_bytes(chunk))


def test_every_byte_of_a_header_without_checksum_is_refused_or_harmless(make_cache) -> None:
    """Harmless: what comes out is a cache of numbers, or those bytes, of the size that was sent."""
    cache = encode(make_cache(1, 1, 2, 4), "fp16", checksum=False, **META)[0]
    passed = set()
    for at, data in header_bytes(cache):
        try:
            heard = decode([Chunk.frombytes(data)])
        except WireError:
            continue
        passed.add(at)
        assert heard.nbytes == 2 * 4 * 2 * 4
        assert all(torch.isfinite(tensor).all() for layer in heard.layers for tensor in layer)
    assert passed.isdisjoint(range(5))  # magic and major version: never
    assert passed.isdisjoint(range(6, 20))  # flags, length, a checksum that is not 0: never
    beacon = encode_bytes(b"hi", "beacon", checksum=False, **META)[0]
    for _, data in header_bytes(beacon):
        assert is_refused(data, decode_bytes) or decode_bytes([Chunk.frombytes(data)]) == b"hi"


def test_limits_hold_for_the_sender_too(make_cache) -> None:
    with pytest.raises(WireError, match="Expected `int` <= 4096"):
        encode(make_cache(1, 1, 1, limits.MAX_HEAD_DIM + 1))
    with pytest.raises(WireError, match="Expected `int` <= 1024"):
        encode(make_cache(1, limits.MAX_HEADS + 1, 1, 1), chunk_bytes=1 << 20)
    assert parse(encode(make_cache(1, limits.MAX_HEADS, 1, 1))[0].header).kv_heads == limits.MAX_HEADS


def test_a_message_of_bytes_has_a_limit_as_a_whole(monkeypatch) -> None:
    """Each chunk within its own, but not all together; on both sides."""
    chunks = encode_bytes(bytes(5000), "x", chunk_bytes=1200)
    for module in ("decoding", "encoding"):
        monkeypatch.setattr(importlib.import_module(f"laco.comm.{module}"), "MAX_PAYLOAD", 4999)
    with pytest.raises(WireError, match="oversized: the message carries more than 4999 bytes"):
        decode_bytes(chunks)
    with pytest.raises(WireError, match="oversized: 5000 bytes in 5 chunks"):
        encode_bytes(bytes(5000), "x", chunk_bytes=1200)


def test_a_deflated_list_cannot_grow() -> None:
    """16 MiB of zeros in 16 KB: no more is inflated than the numbers that were announced take."""
    bomb = zlib.compress(bytes(16 << 20), 9, -15)
    payload = bytes((1,)) + varint(8192) + varint(1) + bytes((0, 1)) + varint(len(bomb)) + bomb
    assert cost_of(lambda: unpack(payload)) < 4 << 20
