"""Messages cut to fit the air: never too large, well filled, whole again; and what is usable of a part."""

import random
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.comm import Chunk, WireError, decode, decode_bytes, decode_partial, encode, encode_bytes, encode_parts, verify
from laco.comm import message as limits
from laco.comm.codecs import find, general
from laco.comm.rectangle import bits, block, gaps, largest, ranges
from laco.method.cache import KVCache

META = {
    "fingerprint": "0123456789abcdef" * 2, "sender": "v12", "addressee": "v7", "seq": 300, "sim_time": 12.35,
    "pose": (1.5, 2.5, 3.5),
}  # fmt: skip
MTU = 1200


def sizes(chunks: list[Chunk]) -> list[int]:
    return [len(chunk.tobytes()) for chunk in chunks]


def same(one: KVCache, two: KVCache) -> bool:
    tensors = zip((t for layer in one.layers for t in layer), (t for layer in two.layers for t in layer), strict=True)
    known = one.layer_ids == two.layer_ids and torch.equal(one.positions, two.positions)
    return known and all(torch.equal(a, b) for a, b in tensors)


# --- cutting


@pytest.mark.parametrize("name", general())
@pytest.mark.parametrize("chunk_bytes", [2000, 4000, 30_000, 1 << 30])
def test_no_chunk_is_too_large_and_all_together_are_the_cache(name, chunk_bytes, make_cache) -> None:
    cache = make_cache(layers=5, heads=2, tokens=37, dim=32, axes=3)
    chunks = encode(cache, name, chunk_bytes=chunk_bytes, **META)
    assert max(sizes(chunks)) <= chunk_bytes
    random.Random(0).shuffle(chunks)
    heard = decode(chunks, fingerprint=META["fingerprint"])
    assert heard.layer_ids == cache.layer_ids
    assert torch.equal(heard.positions, cache.positions)
    whole = decode(encode(cache, name))
    for ours, theirs in zip(heard.layers, whole.layers, strict=True):
        assert torch.allclose(ours.values, theirs.values, atol=float(theirs.values.abs().max()))
    if name in ("fp32", "fp16"):  # others scale per chunk
        assert same(heard, whole)


@pytest.mark.parametrize("name", general())
def test_every_chunk_is_decoded_without_the_others(name, make_cache) -> None:
    cache = make_cache(layers=3, heads=2, tokens=20, dim=16)
    chunks = encode(cache, name, chunk_bytes=MTU, **META)
    assert len(chunks) > 1
    for chunk in chunks:
        header, part = verify(chunk), decode_partial([chunk], fingerprint=META["fingerprint"]).cache
        assert part.layer_ids == header.layers
        assert torch.equal(part.positions, cache.positions[:, header.start : header.start + header.tokens])


@pytest.mark.parametrize("name", general())
def test_chunks_are_few_and_well_filled(name, make_cache) -> None:
    """Where a token of one layer is small against a chunk, chunks are nearly full and headers cost little."""
    chunks = encode(make_cache(layers=6, heads=2, tokens=200, dim=16), name, chunk_bytes=8000, **META)
    filled = sizes(chunks)
    assert sum(filled[:-1]) > 0.85 * 8000 * (len(chunks) - 1)  # the last one holds what is left
    assert sum(len(chunk.header) for chunk in chunks) < 0.04 * sum(filled)


def test_a_chunk_takes_whole_tokens_where_they_fit(make_cache) -> None:
    """What is lost with it is then its own tokens and no more."""
    chunks = encode(make_cache(layers=6, heads=2, tokens=60, dim=16), "fp16", chunk_bytes=4000, **META)
    assert {verify(chunk).layers for chunk in chunks} == {tuple(range(3, 9))}
    assert len(chunks) == 12  # a token is 768 bytes: 5 of them beside a header


def test_one_chunk_if_everything_fits(make_cache) -> None:
    (chunk,) = encode(make_cache(), "int8", chunk_bytes=1 << 20, **META)
    header = verify(chunk)
    assert (header.band, header.start, header.total) == ((), 0, 0)


def test_no_tokens_are_one_chunk(make_cache) -> None:
    chunks = encode(make_cache(tokens=0), "fp16", chunk_bytes=MTU)
    assert decode(chunks).num_tokens == 0
    assert decode_partial(chunks).share == 1.0


def test_the_least_size_is_told(make_cache) -> None:
    cache = make_cache(layers=3, heads=4, tokens=8, dim=128)
    with pytest.raises(WireError, match=r"one layer of one token takes (\d+) bytes, a chunk at most 1200") as told:
        encode(cache, "fp16", chunk_bytes=MTU)
    least = int(str(told.value).split("takes ")[1].split()[0])
    assert max(sizes(encode(cache, "fp16", chunk_bytes=least))) <= least


def test_too_many_chunks_are_refused(make_cache) -> None:
    cache = make_cache(layers=5, heads=1, tokens=1000, dim=32)
    with pytest.raises(WireError, match="more than 4096 chunks of 250 bytes"):
        encode(cache, "fp16", chunk_bytes=250)
    with pytest.raises(WireError, match="more than 4096 chunks"):
        encode_bytes(bytes(1 << 20), "x", chunk_bytes=100)


def test_sizes_that_cannot_be_told_in_advance_are_kept(make_cache, monkeypatch) -> None:
    """A coder whose tokens cost from nothing to a lot, and one layer of which fits only a token at a time."""
    coder = find("fp16")
    encoded = type(coder).encode

    def erratic(self, keys, values, origin):
        padding = int(origin.positions.sum()) * 7919 % 900 + 400 * (4 in origin.layers)
        return (*encoded(self, keys, values, origin), bytes(padding))

    cache = make_cache(layers=4, heads=2, tokens=50, dim=16)
    monkeypatch.setattr(type(coder), "encode", erratic)
    chunks = encode(cache, "fp16", chunk_bytes=1700, **META)
    assert max(sizes(chunks)) <= 1700
    bare = [Chunk(chunk.header, chunk.buffers) for chunk in chunks]
    covered = sum(len(h.layers) * h.tokens for h in map(verify, bare))
    assert covered == 4 * 50


def test_short_form_of_the_header(make_cache) -> None:
    """A fingerprint of 32 digits as 16 bytes, 30 layers as one run; what is read is the same."""
    cache = make_cache(layers=30, heads=1, tokens=2, dim=4)
    (long,), (short,) = encode(cache, "fp16", **META), encode(cache, "fp16", chunk_bytes=9000, **META)
    assert len(long.header) - len(short.header) == 40
    assert verify(short) == verify(long)


def test_gaps_between_layers_survive(make_cache) -> None:
    cache = make_cache(layers=9, heads=1, tokens=6, dim=16).cut([3, 4, 6, 9, 10, 11])
    assert same(decode(encode(cache, "fp32", chunk_bytes=500, **META)), cache)


# --- plain bytes


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(1, 400))
def test_bytes_are_cut_and_joined(payload, chunk_bytes) -> None:
    if chunk_bytes < 117:
        with pytest.raises(WireError, match="a chunk takes at least 117 bytes"):
            encode_bytes(payload, "recipe", chunk_bytes=chunk_bytes, **META)
        return
    chunks = encode_bytes(payload, "recipe", chunk_bytes=chunk_bytes, **META)
    assert max(sizes(chunks)) <= chunk_bytes
    assert all(size > chunk_bytes - 7 for size in sizes(chunks)[:-1])
    assert decode_bytes(chunks[::-1], kind="recipe", fingerprint=META["fingerprint"]) == payload
    if len(chunks) > 1:
        with pytest.raises(WireError, match="missing: chunk 0"):
            decode_bytes(chunks[1:])


# --- options


@pytest.mark.parametrize("chunk_bytes", [None, MTU])
def test_without_a_checksum(chunk_bytes, make_cache) -> None:
    cache = make_cache()
    chunks = encode(cache, "fp32", checksum=False, chunk_bytes=chunk_bytes, base=41, **META)
    assert all(chunk.header[12:20] == bytes(8) for chunk in chunks)
    assert same(decode(chunks), cache)
    assert {verify(chunk).base for chunk in chunks} == {41}
    damaged = bytearray(chunks[0].tobytes())
    damaged[-1] ^= 1
    decode_partial([Chunk.frombytes(damaged)])  # nobody notices: that is what the flag means
    damaged[15] = 1
    with pytest.raises(WireError, match="checksum"):
        Chunk.frombytes(damaged).verified  # noqa: B018


def test_half_precision_travels_without_a_conversion(make_cache) -> None:
    cache = make_cache().to(torch.float16)
    chunks = encode(cache, "fp16")
    assert same(decode(chunks, dtype=None), cache)
    assert decode(chunks).dtype is torch.float32
    assert decode(chunks, dtype=torch.bfloat16).dtype is torch.bfloat16
    assert decode(encode(cache, "int8"), dtype=None).dtype is torch.float32
    cut = encode(cache, "fp16", chunk_bytes=2000)
    assert same(decode(cut, dtype=None), cache)
    bad = cache.layers[0].keys.clone()
    bad[0, 0, 0] = float("inf")
    with pytest.raises(WireError, match="NaN or infinity"):
        encode(KVCache((type(cache.layers[0])(bad, bad),), (0,), cache.positions), "fp16")


def test_only_the_fast_path_shares_memory(make_cache) -> None:
    chunk = encode(make_cache(), "fp16", checksum=False)[0]
    writable = Chunk(chunk.header, tuple(bytearray(buffer) for buffer in chunk.buffers))
    for dtype, shared in ((torch.float32, False), (None, True)):
        heard = decode([writable], dtype=dtype).layers[0].keys
        before = writable.tobytes()
        heard.zero_()
        assert (writable.tobytes() != before) is shared
    readonly = Chunk(chunk.header, tuple(bytes(buffer) for buffer in chunk.buffers))
    decode([readonly], dtype=None).layers[0].keys.zero_()
    assert readonly.tobytes() == chunk.tobytes()


# --- what is missing


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([500, 700, 1300, 2500]), st.floats(0.05, 0.9))
def test_any_subset_gives_a_right_rectangle(make_cache, seed, chunk_bytes, lost) -> None:
    cache = make_cache(layers=5, heads=2, tokens=23, dim=16, axes=2)
    chunks = encode(cache, "fp32", chunk_bytes=chunk_bytes, **META)
    rng = random.Random(seed)
    kept = [chunk for chunk in chunks if rng.random() > lost]
    if not kept:
        with pytest.raises(WireError, match="0 chunks are no message"):
            decode_partial(kept)
        return
    rng.shuffle(kept)
    part = decode_partial(kept, fingerprint=META["fingerprint"])
    tokens = [(cache.positions[0] == p).nonzero().item() for p in part.cache.positions[0]]
    assert same(part.cache, cache.cut(part.cache.layer_ids).select(tokens))  # also the positions
    assert part.share == pytest.approx(len(tokens) * len(part.cache.layers) / (5 * 23))
    assert part.share <= sum(len(h.layers) * h.tokens for h in map(verify, kept)) / (5 * 23)
    assert bool(part.missing) == (len(kept) < len(chunks))


def test_missing_in_words(make_cache) -> None:
    cache = make_cache(layers=3, tokens=16)
    parts = [cache.cut(ids).select(b) for ids in ([3, 4], [5]) for b in (range(10), range(10, 16))]
    chunks = encode_parts(parts, "fp32", **META)
    part = decode_partial([chunks[i] for i in (3, 0, 2)])
    assert part.missing == "chunk 1 of 4: tokens 10-15 of layers 3-4"
    assert (part.cache.layer_ids, part.cache.num_tokens, part.share) == ((3, 4, 5), 10, 30 / 48)
    part = decode_partial(chunks[:1])
    assert part.missing == "chunks 1-3 of 4: tokens 10-15 of layers 3-4; tokens 0-15 of layer 5"
    assert decode_partial(chunks)[1:] == (1.0, "")


def test_a_partial_message_is_still_checked(make_cache) -> None:
    cache = make_cache(layers=3, tokens=16)
    chunks = encode(cache, "fp32", chunk_bytes=3000, **META)
    other = encode(cache, "fp32", chunk_bytes=3000, **{**META, "seq": 8})
    damaged = bytearray(chunks[1].tobytes())
    damaged[-1] ^= 1
    for given_chunks, why in (
        ([chunks[0], chunks[0]], "repeated"),
        ([chunks[0], other[1]], "different messages"),
        ([chunks[0], Chunk.frombytes(damaged)], "checksum"),
        (encode_bytes(bytes(100), "beacon", chunk_bytes=100)[:1], "carries bytes"),
    ):
        with pytest.raises(WireError, match=why):
            decode_partial(given_chunks)
    with pytest.raises(WireError, match="another model"):
        decode_partial(chunks[:2], fingerprint="other")


def test_part_of_a_message_of_version_1_0_cannot_be_placed(forge) -> None:
    fields = ["", "v1", "", 0, 0.0, [0, 0, 0], "kv", 0, 2, [8, 8], "fp32", [4], 1, 2, 1, [[0]]]
    with pytest.raises(WireError, match="do not tell where they belong"):
        decode_partial([forge(fields, bytes(8), bytes(8))])


def every_choice(rows: list[int]) -> int:
    best = 0
    for many in range(1, len(rows) + 1):
        for chosen in combinations(rows, many):
            common = -1
            for row in chosen:
                common &= row
            best = max(best, many * common.bit_count())
    return best


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**10 - 1), max_size=9))
def test_the_rectangle_is_the_largest(rows) -> None:
    chosen, common = largest(rows)
    assert all(rows[i] & common == common for i in chosen)
    assert len(chosen) * common.bit_count() == every_choice(rows)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**24 - 1), min_size=13, max_size=40), st.integers(0, 5))
def test_of_many_rows_never_less_than_whole_rows_or_columns(rows, full) -> None:
    rows = [*rows, *[2**24 - 1] * full]
    chosen, common = largest(rows)
    columns = rows[0]
    for row in rows:
        columns &= row
    assert all(rows[i] & common == common for i in chosen)
    fullest = max(row.bit_count() for row in rows)
    assert len(chosen) * common.bit_count() >= max(len(rows) * columns.bit_count(), full * 24, fullest)


def test_words_for_ranges() -> None:
    assert ranges([3]) == "3"
    assert ranges([3, 5, 6, 7, 9, 10]) == "3, 5-7, 9-10"
    assert ranges(range(0, 40, 2)) == "0, 2, 4, 6, 8, 10 and 14 more"
    assert bits(block(2, 3)) == [2, 3, 4]
    assert gaps([4, 5, 9], [0b11, 0b11, 0b10], 4) == "tokens 2-3 of layers 4-5; tokens 0, 2-3 of layer 9"
    assert gaps([4], [0b1], 2) == "token 1 of layer 4"
    assert limits.MAX_CHUNKS == 4096


def test_nothing_of_a_message_is_there(forge) -> None:
    """A chunk of a sound message may carry no token at all."""
    fields = [
        "", "v1", "", 0, 0.0, [0, 0, 0], "kv", 0, 2, [0, 0], "fp32", [4], 1, 2, 0, [[]], -1, [4, 2], 3, 9,
    ]  # fmt: skip
    with pytest.raises(WireError, match="nothing of the cache is there"):
        decode_partial([forge(fields, b"", b"", version=(1, 1))])


@pytest.mark.parametrize("bits", [0x7C00, 0x7C01, 0x7E00, 0x7FFF, 0xFC00, 0xFC01, 0xFE00, 0xFFFF])
def test_no_half_that_is_no_number_is_taken(bits, forge) -> None:
    """Infinity and NaN of either sign, quiet or not; their neighbours 0x7BFF and 0xFBFF are the largest numbers."""
    fields = ["", "v1", "", 0, 0.0, [0, 0, 0], "kv", 0, 1, [4, 4], "fp16", [4], 1, 2, 1, [[0]]]
    largest_numbers = bytes.fromhex("ff7bfffb")
    assert decode([forge(fields, largest_numbers, largest_numbers)]).layers[0].keys.tolist() == [[[65504.0, -65504.0]]]
    for dtype in (None, torch.float32):
        with pytest.raises(WireError, match="NaN or infinity"):
            decode([forge(fields, bytes(4), bytes(2) + bits.to_bytes(2, "little"))], dtype=dtype)
