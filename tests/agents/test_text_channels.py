"""Every channel with the drivers that read: what arrives, what it costs, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from laco.agents.channels import carried
from laco.agents.channels.base import Channel
from laco.agents.channels.build import build
from laco.agents.channels.texts import LONGEST
from laco.agents.drivers import vlm as module
from laco.agents.drivers.base import ANSWER
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import LLMDriver
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation, Picture, Pictured, Sight
from laco.comm import Chunk, decode_bytes, encode_bytes, parse
from laco.config import LacoConfig
from laco.profiling.spans import recording

LACO = LacoConfig(steps=3, keep=1.0, layers=(0, 1, 2))
SPEAKING = [name for name in carried("llm") if name != "silent"]


@pytest.fixture(autouse=True)
def short_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model writes no plan, however long it may go on."""
    monkeypatch.setattr(module, "PLAN", 4)


@pytest.fixture(params=["llm", "vlm"])
def reader(request: pytest.FixtureRequest) -> LLMDriver:
    """Both kinds of driver that read words."""
    made: LLMDriver = request.getfixturevalue(request.param)
    return made


def pictured(view: Observation, shade: int) -> Pictured:
    """The view with a picture that is dark above and `shade` below."""
    rows = bytes(8 * 16 * 3) + bytes([shade]) * (8 * 16 * 3)
    fields = {name: getattr(view, name) for name in Observation.__struct_fields__}
    return Pictured(**fields, picture=Picture(16, 16, rows))


@pytest.fixture
def own(eastward: Callable[..., Observation]) -> Observation:
    return pictured(eastward(sights=(Sight((25.0, 0.0), -1.57, 4.0),)), 40)


@pytest.fixture
def theirs(eastward: Callable[..., Observation]) -> Observation:
    return pictured(eastward(x=60.0, name="B", actors=(Actor(3, Body(25.0, 20.0, -1.57, 9.0, 2, 1)),)), 200)


def meta(driver: LLMDriver) -> dict[str, Any]:
    pose = {"sim_time": 0.0, "pose": (60.0, 0.0, 0.0), "fingerprint": driver.fingerprint}
    return {"sender": "B", "addressee": "A", "seq": 4, **pose}


def made(driver: LLMDriver, name: str) -> Channel:
    return build(AgentSpec("A", name, driver=driver.name, laco=LACO), driver, {})


def said(channel: Channel, view: Observation, to: Observation) -> list[Chunk]:
    chunks = channel.say(view, to.beacon(""), meta(channel.driver))
    assert chunks is not None
    return chunks


@pytest.mark.parametrize("name", SPEAKING)
def test_a_message_arrives_and_is_read(reader: LLMDriver, own, theirs, name: str) -> None:
    channel = made(reader, name)
    heard = channel.hear(own, [said(channel, theirs, own)])
    assert heard.refused == {}
    assert heard.foreign_tokens > 0
    alone = made(reader, "silent").hear(own, [])
    assert (alone.foreign_tokens, alone.plan.time) == (0, heard.plan.time)


@pytest.mark.parametrize("name", SPEAKING)
def test_a_damaged_one_is_refused_and_changes_nothing(reader: LLMDriver, own, theirs, name: str) -> None:
    channel = made(reader, name)
    (chunk,) = said(channel, theirs, own)
    body = bytearray(chunk.buffers[0])
    body[len(body) // 2] ^= 1
    heard = channel.hear(own, [[Chunk(chunk.header, (bytes(body), *chunk.buffers[1:]))]])
    assert "checksum" in heard.refused[0]
    assert (heard.plan, heard.foreign_tokens) == (made(reader, "silent").hear(own, []).plan, 0)


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [
        ("observation", 0, 0),
        ("visual", 0, 0),
        ("language", 1, 3 * ANSWER),
        ("conclusion", 1, ANSWER),
        ("latent", 3, 3),
    ],
)
def test_what_a_message_takes_is_counted(
    reader: LLMDriver, own, theirs, name: str, fewest: int, most: int
) -> None:
    channel = made(reader, name)
    with recording() as spans:
        said(channel, theirs, own)
    assert fewest <= channel.generated <= most
    thinks = name not in ("observation", "visual")
    assert (len(spans["prefill"]), len(spans["speak"])) == (int(thinks), int(thinks))


def test_what_is_observed_is_sent_in_the_reader_s_frame(llm: LLMDriver, own, theirs) -> None:
    (chunk,) = said(made(llm, "observation"), theirs, own)
    assert decode_bytes([chunk], kind="observation").decode() == llm.describe(Frame.of(own), theirs)
    assert parse(chunk.header).fingerprint == ""  # words are for any model


def test_words_of_another_model_are_read_embeddings_are_not(
    llm: LLMDriver, vlm: LLMDriver, own, theirs
) -> None:
    words, rows = (said(made(vlm, name), theirs, own) for name in ("language", "visual"))
    assert made(llm, "language").hear(own, [words]).refused == {}
    assert "another model" in made(llm, "visual").hear(own, [rows]).refused[0]
    assert (
        "another model" in made(llm, "latent").hear(own, [said(made(vlm, "latent"), theirs, own)]).refused[0]
    )


@pytest.mark.parametrize(
    ("payload", "kind", "reason"),
    [
        (b"x" * (LONGEST + 1), "language", "oversized: a text of 4097 bytes"),
        (b"\xff\xfe", "language", "not a text"),
        (b"fine", "note", "of kind 'note', not 'language'"),
    ],
)
def test_what_is_no_text_is_refused(llm: LLMDriver, own, payload: bytes, kind: str, reason: str) -> None:
    channel = made(llm, "language")
    heard = channel.hear(own, [encode_bytes(payload, kind, sender="B")])
    assert reason in heard.refused[0]
    assert heard.plan == channel.hear(own, []).plan


def test_two_peers_are_read_one_after_the_other(reader: LLMDriver, own, theirs) -> None:
    for name in ("visual", "latent", "observation"):
        channel = made(reader, name)
        one = said(channel, theirs, own)
        alone = channel.hear(own, [one]).foreign_tokens
        assert channel.hear(own, [one, one]).foreign_tokens == 2 * alone


def test_what_a_camera_sees_reaches_the_peer(vlm: LLMDriver, own, theirs) -> None:
    """16 embeddings of the sender's picture: another picture, other embeddings."""
    bright, dark = (vlm.embed(Frame.of(own), pictured(theirs, shade), 0.25) for shade in (255, 0))
    assert bright.shape == (16, vlm.backbone.width)
    assert not torch.equal(bright, dark)
