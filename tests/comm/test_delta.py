"""Messages coded against earlier ones: the codec, and who has what, whatever is lost on the way."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import pytest
import torch
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laco.comm import Chunk, WireError, air_bytes, decode, decode_partial, encode, parse
from laco.comm.codecs import Origin
from laco.comm.codecs.delta import COARSE, FINE, Delta
from laco.comm.delta import DEPTH, Kept, Said
from laco.method.cache import KVCache, LayerKV

MakeCache = Callable[..., KVCache]
META: dict[str, Any] = {"sender": "S", "fingerprint": "f00d"}


def changed(cache: KVCache, tokens: list[int], size: float, seed: int = 1) -> KVCache:
    """The same cache with some tokens moved by Gaussian noise."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for layer in cache.layers:
        keys, values = (x.clone() for x in layer)
        for x in (keys, values):
            x[:, tokens] += size * torch.randn(x[:, tokens].shape, generator=generator)
        layers.append(LayerKV(keys, values))
    return replace(cache, layers=tuple(layers))


def error(one: KVCache, two: KVCache) -> float:
    """Root mean square of the difference, relative to that of the first."""
    a, b = (torch.stack([torch.stack(tuple(layer)) for layer in cache.layers]) for cache in (one, two))
    return float((a - b).norm() / a.norm())


def equal(one: KVCache, two: KVCache) -> bool:
    if one.layer_ids != two.layer_ids or not torch.equal(one.positions, two.positions):
        return False
    pairs = zip(one.layers, two.layers, strict=True)
    return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x, y, strict=True))


@pytest.fixture(scope="module")
def first(make_cache: MakeCache) -> KVCache:
    """A message as its receiver decoded it."""
    return decode(encode(make_cache(), "int8"))


class TestCodec:
    def test_what_has_not_changed_costs_next_to_nothing(self, make_cache: MakeCache, first: KVCache) -> None:
        chunks = encode(make_cache(), Delta(first), base=3)
        assert air_bytes(chunks).payload < 10
        assert equal(decode(chunks, reference=first), first)

    @pytest.mark.parametrize("tokens", [[0], [5, 6], [15]])
    def test_only_changed_tokens_are_coded(self, make_cache: MakeCache, first: KVCache, tokens: list[int]) -> None:
        cache = changed(make_cache(), tokens, 0.5)
        chunks = encode(cache, Delta(first), base=3)
        whole = air_bytes(encode(cache, "int8")).payload
        assert air_bytes(chunks).payload < 1.1 * whole * len(tokens) / 16
        found = decode(chunks, reference=first)
        rest = [i for i in range(16) if i not in tokens]
        assert equal(found.select(rest), first.select(rest))
        assert error(cache.select(tokens), found.select(tokens)) < 0.01

    def test_small_changes_take_few_bits(self, make_cache: MakeCache, first: KVCache) -> None:
        sizes = [
            air_bytes(encode(changed(make_cache(), list(range(16)), size), Delta(first), base=3)).payload
            for size in (0.02, 0.1, 0.5)
        ]
        assert sizes == sorted(sizes)
        assert sizes[0] < 0.3 * air_bytes(encode(first, "int8")).payload

    @pytest.mark.parametrize(("levels", "most"), [(FINE, 0.01), (COARSE, 0.2)])
    def test_the_error_is_that_of_the_steps(
        self, make_cache: MakeCache, first: KVCache, levels: int, most: float
    ) -> None:
        cache = changed(make_cache(), list(range(16)), 0.3)
        found = decode(encode(cache, Delta(first, levels), base=3), reference=first)
        assert most / 4 < error(cache, found) < most

    def test_tokens_that_are_new_or_far_from_their_match(self, make_cache: MakeCache, first: KVCache) -> None:
        more = make_cache(tokens=20)  # positions 0, 3, ..., 57: the first 16 match, their numbers do not
        found = decode(encode(more, Delta(first), base=3), reference=first)
        assert error(more, found) < 0.01
        moved = replace(make_cache(), positions=first.positions + 1)  # no match at all
        assert error(moved, decode(encode(moved, Delta(first), base=3), reference=first)) < 0.01

    def test_fewer_layers_than_the_reference(self, make_cache: MakeCache, first: KVCache) -> None:
        part = make_cache().cut([4])
        assert equal(decode(encode(part, Delta(first), base=3), reference=first), first.cut([4]))

    def test_each_chunk_can_be_decoded_on_its_own(self, make_cache: MakeCache, first: KVCache) -> None:
        cache = changed(make_cache(), list(range(16)), 0.3)
        chunks = encode(cache, Delta(first), base=3, chunk_bytes=1000)
        whole = decode(chunks, reference=first)
        assert len(chunks) > 3
        part = decode_partial(chunks[1:], reference=first)
        assert 0 < part.share < 1
        assert part.missing
        tokens = [whole.positions[0].tolist().index(p) for p in part.cache.positions[0].tolist()]
        assert equal(part.cache, whole.cut(part.cache.layer_ids).select(tokens))

    def test_many_axes(self, make_cache: MakeCache) -> None:
        cache = make_cache(axes=3)
        base = decode(encode(cache, "int8"))
        assert equal(decode(encode(cache, Delta(base), base=3), reference=base), base)

    def test_nothing_at_all(self, make_cache: MakeCache, first: KVCache) -> None:
        none = make_cache().select([])
        assert decode(encode(none, Delta(first), base=3), reference=first).num_tokens == 0

    @pytest.mark.parametrize("shape", [{"heads": 2}, {"dim": 16}, {"axes": 3}, {"layers": 3}])
    def test_another_shape_is_refused(self, make_cache: MakeCache, first: KVCache, shape: dict[str, int]) -> None:
        with pytest.raises(WireError, match=r"base has not|does not fit its base"):
            encode(make_cache(**shape), Delta(first), base=3)

    def test_too_far_from_the_reference(self, make_cache: MakeCache, first: KVCache) -> None:
        large = replace(make_cache(), layers=tuple(LayerKV(k * 1e6, v) for k, v in make_cache().layers))
        with pytest.raises(WireError, match="too far from its base"):
            encode(large, Delta(first), base=3)

    def test_without_its_base_it_is_refused(self, make_cache: MakeCache, first: KVCache) -> None:
        chunks = encode(make_cache(), Delta(first), base=3, **META)
        for read in (decode, decode_partial):
            with pytest.raises(WireError, match=r"^coded against message 3 of 'S', which is not here$"):
                read(chunks)

    def test_coarseness(self, make_cache: MakeCache, first: KVCache) -> None:
        tenth = replace(make_cache(), layers=tuple(LayerKV(k / 10, v / 10) for k, v in make_cache().layers))
        assert Delta(first).coarseness(make_cache()) == pytest.approx(1.0, rel=0.01)
        assert Delta(first).coarseness(tenth) == pytest.approx(10.0, rel=0.01)


class TestDamage:
    """Only WireError, and nothing larger than what the shape justifies."""

    SHAPE = (2, 4, 16, 32)

    def buffers(self, cache: KVCache, first: KVCache) -> list[bytes]:
        return [bytes(b) for b in encode(changed(cache, [2, 3], 0.5), Delta(first), base=3)[0].buffers]

    def read(self, first: KVCache, buffers: list[bytes]) -> None:
        Delta(first).decode(self.SHAPE, buffers, Origin("", first.layer_ids, first.positions))

    def test_every_byte_flipped_and_every_length(self, make_cache: MakeCache, first: KVCache) -> None:
        good = self.buffers(make_cache(), first)
        self.read(first, good)
        draw = random.Random(0)
        for number, data in enumerate(good):
            for at in range(min(len(data), 200)):
                bad = bytearray(data)
                bad[at] ^= 1 << draw.randrange(8)
                with_bad = [*good[:number], bytes(bad), *good[number + 1 :]]
                with suppress(WireError):
                    self.read(first, with_bad)
            for end in (0, len(data) // 2, len(data) - 1):
                with pytest.raises(WireError):
                    self.read(first, [*good[:number], data[:end], *good[number + 1 :]])
            with pytest.raises(WireError):
                self.read(first, [*good[:number], data + b"\0", *good[number + 1 :]])

    def test_a_bomb(self, make_cache: MakeCache, first: KVCache) -> None:
        good = self.buffers(make_cache(), first)
        for sized in (True, False):
            bomb = zstandard.ZstdCompressor(write_content_size=sized).compress(bytes(1 << 28))
            with pytest.raises(WireError):
                self.read(first, [good[0], bomb, good[2]])

    def test_a_token_that_follows_none(self, make_cache: MakeCache, first: KVCache) -> None:
        good = self.buffers(make_cache(), first)
        elsewhere = Origin("", first.layer_ids, first.positions + 1)
        with pytest.raises(WireError, match="follows one that its base has not"):
            Delta(first).decode(self.SHAPE, good, elsewhere)


# --- who has what


@dataclass
class Peer:
    """A listener, and what of its beacon the speaker has heard."""

    name: str
    kept: Kept = field(default_factory=Kept)
    forgot: bool = False  # it has begun anew, and the speaker cannot know

    def hear(self, chunks: list[Chunk], truth: KVCache, keep: bool = True) -> KVCache:
        header = parse(chunks[0].header)
        found = decode(chunks, reference=self.kept.reference(header))
        assert equal(found, truth)
        if keep:
            self.kept.keep(header, found)
        return found


class World:
    """S speaks to A and B, alone or together, through air that loses what `draw` says."""

    def __init__(self, draw: random.Random, loss: float, make_cache: MakeCache) -> None:
        self.draw, self.loss, self.make_cache = draw, loss, make_cache
        self.seq = 0
        self.drift = make_cache(heads=2, tokens=8, dim=4, seed=draw.randrange(1000))
        self.bases: list[int] = []
        self.errors: list[float] = []
        self.reset()

    def reset(self) -> None:
        """A new round: both sides forget, numbers begin at 0."""
        self.said, self.peers = Said(), {name: Peer(name) for name in "AB"}
        self.seq = 0

    def arrives(self) -> bool:
        return self.draw.random() >= self.loss

    def move(self) -> KVCache:
        """The next thought: much like the last one, now and then another, and not always of as many tokens."""
        kind = self.draw.random()
        if kind < 0.05:
            self.drift = self.make_cache(heads=2, tokens=8, dim=4, seed=self.draw.randrange(1000))
        tokens = [i for i in range(8) if self.draw.random() < 0.6]
        self.drift = changed(self.drift, tokens, 0.1, self.draw.randrange(10**6))
        shrunk = replace(self.drift, layers=tuple(LayerKV(k * 0.97, v * 0.97) for k, v in self.drift.layers))
        self.drift = shrunk
        return self.drift.select(range(self.draw.choice((8, 8, 8, 5))))

    def step(self, present: list[str], addressee: str, keep: bool) -> None:
        for name in present:
            peer = self.peers[name]
            if self.arrives():  # a beacon
                peer.forgot = False
                self.said.note(name, [seq for sender, seq in peer.kept.held if sender == "S"])
        if not present or (addressee and addressee not in present):
            return
        cache, listeners = self.move(), [addressee] if addressee else present
        chunks = self.said.encode(cache, listeners, **META, addressee=addressee, seq=self.seq)
        header = parse(chunks[0].header)
        truth = self.said._streams[addressee][self.seq]
        fresh = error(cache, decode(encode(cache, "int8")))
        self.bases.append(header.base)
        self.errors.append(error(cache, truth))
        assert self.errors[-1] < 2.5 * fresh
        self.seq += 1
        for name in listeners:
            if self.arrives():
                if self.peers[name].forgot and header.base >= 0:
                    with pytest.raises(WireError, match="which is not here"):
                        self.peers[name].hear(chunks, truth, keep)
                else:
                    self.peers[name].hear(chunks, truth, keep)


EVENTS = st.sampled_from(["both", "both", "both", "A", "B", "alone", "unsound", "reset", "restart", "nobody"])


@hypothesis.seed(5)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    loss=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    events=st.lists(EVENTS, min_size=10, max_size=40),
)
def test_whatever_is_lost_nothing_is_undecodable(
    make_cache: MakeCache, seed: int, loss: float, events: list[str]
) -> None:
    world = World(random.Random(seed), loss, make_cache)
    for event in events:
        if event == "reset":
            world.reset()
        elif event == "restart":  # one listener alone begins anew
            world.peers["A"] = Peer("A", forgot=True)
        present = {"alone": ["A"], "nobody": []}.get(event, ["A", "B"])
        world.step(present, event if event in "AB" else "", keep=event != "unsound")


def test_the_error_does_not_grow_over_a_thousand_messages(make_cache: MakeCache) -> None:
    world = World(random.Random(3), 0.2, make_cache)
    for _ in range(1000):
        world.step(["A"], "A", keep=True)
    assert len(world.errors) == 1000
    early, late = (sum(world.errors[a : a + 200]) for a in (0, 800))
    assert late < 1.15 * early
    assert sum(base >= 0 for base in world.bases) > 800
    assert all(base < number for number, base in enumerate(world.bases))


class TestWhoHasWhat:
    def said_to(self, said: Said, cache: KVCache, seq: int, *listeners: str, addressee: str = "A") -> list[Chunk]:
        return said.encode(cache, listeners, **META, addressee=addressee, seq=seq)

    def base(self, chunks: list[Chunk]) -> int:
        return parse(chunks[0].header).base

    def test_a_keyframe_until_something_is_acknowledged_and_then_the_newest(self, make_cache: MakeCache) -> None:
        said = Said()
        assert [self.base(self.said_to(said, make_cache(), seq, "A")) for seq in range(3)] == [-1, -1, -1]
        said.note("A", [1])
        assert self.base(self.said_to(said, make_cache(), 3, "A")) == 1
        said.note("A", [3])
        said.note("A", [3, 99])  # what was never said is nothing
        assert self.base(self.said_to(said, make_cache(), 4, "A")) == 3

    def test_all_listeners_must_have_it(self, make_cache: MakeCache) -> None:
        said = Said()
        for seq in range(3):
            self.said_to(said, make_cache(), seq, "A", "B", addressee="")
        said.note("A", [1])
        assert said.base("", ["A", "B"]) is None
        said.note("A", [2])
        said.note("B", [1])
        base = said.base("", ["A", "B"])
        assert base is not None
        assert base.seq == 1
        assert said.base("", ["A", "B", "new"]) is None
        assert said.base("", []) is None
        assert said.base("A", ["A"]) is None  # another stream

    def test_what_is_too_old_is_no_base(self, make_cache: MakeCache) -> None:
        said = Said()
        self.said_to(said, make_cache(), 0, "A")
        said.note("A", [0])
        bases = [self.base(self.said_to(said, make_cache(), seq, "A")) for seq in range(1, DEPTH + 2)]
        assert bases == [0] * DEPTH + [-1]

    def test_one_that_begins_anew_gets_a_keyframe(self, make_cache: MakeCache) -> None:
        said = Said()
        self.said_to(said, make_cache(), 0, "A")
        said.note("A", [0])
        said.note("A", [])
        assert self.base(self.said_to(said, make_cache(), 1, "A")) == -1

    def test_a_keyframe_where_it_is_no_larger_or_better(self, make_cache: MakeCache) -> None:
        said = Said()
        self.said_to(said, make_cache(), 0, "A")
        said.note("A", [0])
        faint = replace(make_cache(), layers=tuple(LayerKV(k / 10, v / 10) for k, v in make_cache().layers))
        assert self.base(self.said_to(said, faint, 1, "A")) == -1
        assert self.base(self.said_to(said, make_cache(heads=2), 2, "A")) == -1

    def test_a_listener_keeps_few_and_names_the_newest(self, make_cache: MakeCache) -> None:
        kept, said = Kept(), Said()
        for seq in range(2 * DEPTH):
            chunks = self.said_to(said, make_cache(), seq, "A")
            kept.keep(parse(chunks[0].header), decode(chunks))
        assert kept.held == (("S", 2 * DEPTH - 1),)
        header = parse(encode(make_cache(), "int8", **META, addressee="A", base=0)[0].header)
        with pytest.raises(WireError, match="message 0 of 'S', which is not here"):
            kept.reference(header)
        assert kept.reference(parse(encode(make_cache(), "int8", **META, addressee="A", base=DEPTH)[0].header))

    def test_chunks_of_the_radio(self, make_cache: MakeCache) -> None:
        said = Said()
        self.said_to(said, make_cache(), 0, "A")
        said.note("A", [0])
        cache = changed(make_cache(), list(range(16)), 0.2)
        chunks = said.encode(cache, ["A"], **META, addressee="A", seq=1, chunk_bytes=900)
        assert len(chunks) > 1
        assert all(air_bytes([chunk]).total <= 900 for chunk in chunks)
        assert self.base(chunks) == 0
