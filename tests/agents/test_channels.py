"""Channels without sockets: what is said, what is heard, and what is refused."""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import torch

from laco.agents.channels import CHANNEL_NAMES, carried
from laco.agents.channels.base import Channel, Heard
from laco.agents.channels.build import build
from laco.agents.channels.controls import empty
from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.channels.visual import Visual, pack, unpack
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.tokens import segment
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.comm import Chunk, encode, encode_bytes, parse
from laco.config import LacoConfig
from laco.errors import ConfigError, WireError

LACO = LacoConfig(steps=2, keep=1.0, layers=(0, 1, 2), realign="identity")
CAUTION = 0.5
SCENE = {
    "sights": (Sight((25.0, 0.0), -1.57, 40.0),),
    "actors": (Actor(3, Body(25.0, 20.0, -1.57, 9.0, 2, 1)),),
}


@pytest.fixture
def own(eastward: Callable[..., Observation]) -> Observation:
    return eastward(sights=(Sight((25.0, 0.0), -1.57, 4.0),))


@pytest.fixture
def theirs(eastward: Callable[..., Observation]) -> Observation:
    return eastward(x=60.0, name="B", **SCENE)


def meta(driver: VectorDriver, sender: str = "B", seq: int = 4) -> dict[str, Any]:
    return {
        "sender": sender,
        "addressee": "A",
        "seq": seq,
        "sim_time": 0.0,
        "pose": (60.0, 0.0, 0.0),
        "fingerprint": driver.fingerprint,
    }


def said(channel: Channel, theirs: Observation, to: Observation) -> list[Chunk]:
    chunks = channel.say(theirs, to.beacon(channel.driver.fingerprint), meta(channel.driver))
    assert chunks is not None
    return chunks


def silent_plan(driver: VectorDriver, own: Observation) -> Any:
    return Silent(driver, CAUTION).hear(own, []).plan


@pytest.mark.parametrize("name", carried("vector"))
def test_every_channel_it_can_carry_can_be_built(driver: VectorDriver, name: str) -> None:
    assert build(AgentSpec("A", name), driver, {}).name == name


@pytest.mark.parametrize("name", sorted({*CHANNEL_NAMES} - {*carried("vector")}))
def test_what_it_cannot_carry_is_refused_in_one_line(driver: VectorDriver, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(AgentSpec("A", name), driver, {})
    assert str(caught.value) == (
        f"the vector driver cannot carry '{name}', which needs speech; it can silent, observation, visual, latent"
    )


def test_the_built_in_driver_has_no_words() -> None:
    assert carried("vector") == ("silent", "observation", "visual", "latent")
    assert carried("llm") == carried("vlm") == CHANNEL_NAMES
    with pytest.raises(ConfigError, match="unknown driver 'ghost'"):
        carried("ghost")


def test_an_unknown_channel_is_refused(driver: VectorDriver) -> None:
    with pytest.raises(ConfigError, match="unknown channel 'telepathy'"):
        build(AgentSpec("A", "telepathy"), driver, {})


class TestSilent:
    def test_it_says_nothing_and_hears_nothing(self, driver, own, theirs) -> None:
        silent = Silent(driver, CAUTION)
        assert silent.say(theirs, own.beacon(""), meta(driver)) is None
        shout = encode_bytes(b"watch out", "note", sender="B")
        assert silent.hear(own, [shout]) == Heard(silent_plan(driver, own))


class TestObservation:
    def test_what_is_seen_arrives_and_is_counted(self, driver, own, theirs) -> None:
        channel = ObservationList(driver, CAUTION)
        heard = channel.hear(own, [said(channel, theirs, own)])
        assert heard.refused == {}
        assert heard.foreign_tokens == len(segment(Frame.of(own), theirs, CAUTION)[1]) == 6
        assert heard.plan != silent_plan(driver, own)

    def test_without_messages_it_is_silent(self, driver, own) -> None:
        assert ObservationList(driver, CAUTION).hear(own, []) == Heard(silent_plan(driver, own))

    @pytest.mark.parametrize(
        ("chunks", "reason"),
        [
            (encode_bytes(b"\x00", "observation"), "an observation cannot be read"),
            (encode_bytes(msgspec.msgpack.encode([1, 2]), "observation"), "an observation cannot be read"),
            (encode_bytes(b"", "note"), "of kind 'note', not 'observation'"),
        ],
    )
    def test_what_is_none_is_refused(self, driver, own, chunks, reason: str) -> None:
        heard = ObservationList(driver, CAUTION).hear(own, [chunks])
        assert reason in heard.refused[0]
        assert (heard.plan, heard.foreign_tokens) == (silent_plan(driver, own), 0)


def flipped(chunks: list[Chunk]) -> list[Chunk]:
    """One bit of the payload is another."""
    (first,) = chunks
    body = bytearray(first.buffers[0])
    body[len(body) // 2] ^= 1
    return [Chunk(first.header, (bytes(body), *first.buffers[1:]))]


def of_version_two(chunks: list[Chunk]) -> list[Chunk]:
    (first,) = chunks
    magic, _, *rest = struct.unpack_from("<4sBBHIQ", first.header)
    start = struct.pack("<4sBBHIQ", magic, 2, *rest)
    return [Chunk(start + first.header[len(start) :], first.buffers)]


class TestLatent:
    def channel(self, driver: VectorDriver, **changes: Any) -> Latent:
        return Latent(driver, CAUTION, LACO, **changes)

    def test_the_cache_arrives_and_is_used(self, driver, own, theirs) -> None:
        channel = self.channel(driver)
        heard = channel.hear(own, [said(channel, theirs, own)])
        assert heard.foreign_tokens == len(segment(Frame.of(own), theirs, CAUTION)[1]) + LACO.steps
        assert heard.refused == {}
        assert heard.plan != silent_plan(driver, own)

    def test_it_is_told_in_the_listener_s_frame(self, driver, own, theirs, eastward) -> None:
        channel = self.channel(driver)
        here = channel.think(theirs, own.beacon(""))
        there = channel.think(theirs, eastward(x=10.0).beacon(""))
        assert not torch.equal(here.layers[0].keys, there.layers[0].keys)

    def test_the_header_is_the_true_one(self, driver, own, theirs) -> None:
        header = parse(said(self.channel(driver), theirs, own)[0].header)
        assert (header.sender, header.addressee, header.seq) == ("B", "A", 4)
        assert (header.fingerprint, header.codec, header.layers) == (driver.fingerprint, "int8", (0, 1, 2))

    def test_an_empty_payload_gives_exactly_the_silent_plan(self, driver, own, theirs) -> None:
        channel = self.channel(driver, swap=empty)
        heard = channel.hear(own, [said(channel, theirs, own)])
        assert heard == Heard(silent_plan(driver, own))

    def test_two_peers_are_heard_together(self, driver, own, theirs) -> None:
        channel = self.channel(driver)
        one = said(channel, theirs, own)
        alone = channel.hear(own, [one]).foreign_tokens
        assert channel.hear(own, [one, one]).foreign_tokens == 2 * alone

    def test_a_message_of_another_model_is_refused(self, driver, stranger, own, theirs) -> None:
        self.refused(driver, own, said(self.channel(stranger), theirs, own), "another model")

    def test_a_damaged_byte_is_refused(self, driver, own, theirs) -> None:
        self.refused(driver, own, flipped(said(self.channel(driver), theirs, own)), "checksum")

    def test_another_version_is_refused(self, driver, own, theirs) -> None:
        chunks = of_version_two(said(self.channel(driver), theirs, own))
        self.refused(driver, own, chunks, "format version 2.1")

    def test_another_kind_is_refused(self, driver, own, theirs) -> None:
        chunks = said(ObservationList(driver, CAUTION), theirs, own)
        self.refused(driver, own, chunks, "another model")

    def test_a_cache_of_another_shape_is_refused(self, driver, own, theirs) -> None:
        part = self.channel(driver).think(theirs, own.beacon(""))
        deeper = replace(part, layer_ids=(1, 2, 3))  # the model has layers 0 to 2
        self.refused(driver, own, encode(deeper, **meta(driver)), "wrong shape for this model")

    def test_a_good_one_beside_a_refused_one_is_used(self, driver, own, theirs) -> None:
        channel = self.channel(driver)
        good = said(channel, theirs, own)
        heard = channel.hear(own, [flipped(good), good])
        assert (list(heard.refused), heard.foreign_tokens) == ([0], channel.hear(own, [good]).foreign_tokens)

    def refused(self, driver: VectorDriver, own: Observation, chunks: list[Chunk], reason: str) -> None:
        """It says why, and drives on as if nothing had come."""
        heard = self.channel(driver).hear(own, [chunks])
        assert reason in heard.refused[0]
        assert "\n" not in heard.refused[0]
        assert (heard.plan, heard.foreign_tokens) == (silent_plan(driver, own), 0)


class TestVisual:
    """The built-in driver's object tokens, embedded by the sender."""

    def test_it_is_read_as_the_object_list_is(self, driver, own, theirs) -> None:
        channel, listed = Visual(driver, CAUTION), ObservationList(driver, CAUTION)
        seen = channel.hear(own, [said(channel, theirs, own)])
        read = listed.hear(own, [said(listed, theirs, own)])
        assert (seen.refused, seen.foreign_tokens) == ({}, read.foreign_tokens)
        assert seen.plan.speed == pytest.approx(read.plan.speed, abs=1e-2)  # fp16 on the wire
        assert seen.plan != silent_plan(driver, own)

    def test_bytes_are_two_per_number_and_eight_for_the_shape(self, driver, own, theirs) -> None:
        (chunk,) = said(Visual(driver, CAUTION), theirs, own)
        assert sum(len(b) for b in chunk.buffers) == 8 + 2 * 6 * driver.backbone.width

    def test_too_large_a_number_saturates(self) -> None:
        assert unpack(pack(torch.tensor([[1e9, -1e9]])), 2).tolist() == [[65504.0, -65504.0]]
        with pytest.raises(WireError, match="NaN or infinity"):
            pack(torch.tensor([[float("nan")]]))

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"\x00", "truncated"),
            (struct.pack("<II", 1, 5) + bytes(10), "wrong shape for this model: 1 embeddings of width 5"),
            (struct.pack("<II", 0, 32), "wrong shape"),
            (struct.pack("<II", 1 << 31, 32), "wrong shape"),
            (struct.pack("<II", 2, 32) + bytes(64), "wrong size: 72 bytes for 2 embeddings"),
            (struct.pack("<II", 1, 32) + b"\xff" * 64, "NaN or infinity"),
        ],
    )
    def test_what_is_none_is_refused(self, driver, own, payload: bytes, reason: str) -> None:
        chunks = encode_bytes(payload, "visual", fingerprint=driver.fingerprint)
        heard = Visual(driver, CAUTION).hear(own, [chunks])
        assert reason in heard.refused[0]
        assert heard.plan == silent_plan(driver, own)

    def test_another_model_s_is_refused(self, driver, stranger, own, theirs) -> None:
        heard = Visual(driver, CAUTION).hear(own, [said(Visual(stranger, CAUTION), theirs, own)])
        assert "another model" in heard.refused[0]
