"""Recipes in place of caches, the choice between them, and what is kept out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from laco import Backbone, attribute, deliberate, share
from laco.agents.adapters import Adapters
from laco.agents.channels import RECIPES, TRANSFERS
from laco.agents.channels.controls import empty
from laco.agents.channels.latent import Latent
from laco.agents.channels.transfer import pack, unpack
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.comm import Chunk, WireError, air_bytes, encode, encode_bytes, parse
from laco.comm.recipe import RECIPE, Ingredients
from laco.comm.recipe import pack as recipe_bytes
from laco.config import LacoConfig
from laco.errors import ConfigError, HandshakeError
from laco.method.cache import KVCache, LayerKV

CONFIG = LacoConfig(steps=3, keep=0.5, layers=(0, 2))
META: dict[str, Any] = {"fingerprint": "f00d", "sender": "B", "addressee": "A", "seq": 4}


def message(backbone: Backbone, codec: str, tokens: int = 60) -> tuple[Any, KVCache]:
    ids = torch.randint(50_000, (tokens,), generator=torch.Generator().manual_seed(1))
    trace = deliberate(backbone, ids, CONFIG.steps)
    kept = attribute(trace, CONFIG.keep)
    return pack(backbone, trace, kept, CONFIG, codec, META), share(trace, kept, layers=CONFIG.layers)


def close(made: KVCache, sent: KVCache, tolerance: float) -> None:
    assert (made.layer_ids, made.positions.tolist()) == (sent.layer_ids, sent.positions.tolist())
    for ours, theirs in zip(made.layers, sent.layers, strict=True):
        for one, two in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, two, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    ("codec", "tolerance"),
    [("fp32", 0.0), ("int8", 0.05), ("recompute", 1e-5), ("recompute-replay", 1e-5), ("recompute-half", 5e-3)],
)
def test_every_way_brings_the_cache(backbone: Backbone, codec: str, tolerance: float) -> None:
    chunks, sent = message(backbone, codec)
    header = parse(chunks[0].header)
    assert header.kind == (RECIPE if codec in RECIPES else "kv")
    assert (header.sender, header.addressee, header.seq, header.fingerprint) == ("B", "A", 4, "f00d")
    close(unpack([Chunk.frombytes(c.tobytes()) for c in chunks], backbone, Adapters("f00d")).cache, sent, tolerance)


def test_what_each_way_costs_in_bytes(backbone: Backbone) -> None:
    size = {name: air_bytes(message(backbone, name)[0]).payload for name in ("fp16", *RECIPES)}
    ids = 60 * 16 // 8
    assert size["fp16"] == 2 * 2 * 2 * 8 * 33 * 2
    assert ids < size["recompute-replay"] < ids + 40
    assert size["recompute"] - size["recompute-half"] == 3 * 32 * 2
    assert size["recompute"] - size["recompute-replay"] == pytest.approx(3 * 32 * 4, abs=20)


def recipe(**changes: Any) -> list[Chunk]:
    whole: dict[str, Any] = {
        "ids": np.array([3, 4]), "embeds": np.zeros((0, 0), np.float32), "positions": np.arange(2)[None],
        "kept": np.ones(2, bool), "layers": (0,),
    }  # fmt: skip
    return encode_bytes(recipe_bytes(Ingredients(**(whole | changes))), kind=RECIPE, **META)


def test_recipes_that_cannot_be_followed(backbone: Backbone) -> None:
    assert unpack(recipe(), backbone, Adapters("f00d")).cache.num_tokens == 2
    wide = {"ids": np.array([3, -1]), "embeds": np.ones((1, 31), np.float32)}
    for changes, why in [
        ({"ids": np.array([3, 50_000])}, "ids must be in"),
        ({"layers": (0, 4)}, "needs layer 4"),
        (wide, "31 wide, not 32"),
        ({"positions": np.zeros((3, 2), np.int64)}, "position_ids"),
    ]:
        with pytest.raises(WireError, match=f"cannot be followed: .*{why}"):
            unpack(recipe(**changes), backbone, Adapters("f00d"))
    with pytest.raises(WireError, match="another model"):
        unpack(recipe(), backbone, Adapters("beef"))
    with pytest.raises(WireError, match="recipe version 9"):
        unpack(encode_bytes(b"\x09", kind=RECIPE, **META), backbone, Adapters("f00d"))


# --- in the channel

LACO = LacoConfig(steps=2, keep=1.0, layers=(0, 1), realign="identity")


@pytest.fixture
def own(eastward: Callable[..., Observation]) -> Observation:
    return eastward(sights=(Sight((25.0, 0.0), -1.57, 4.0),))


@pytest.fixture
def theirs(eastward: Callable[..., Observation]) -> Observation:
    seen = (Actor(3, Body(25.0, 20.0, -1.57, 9.0, 2, 1)),)
    return eastward(x=60.0, name="B", sights=(Sight((25.0, 0.0), -1.57, 40.0),), actors=seen)


def said(channel: Latent, view: Observation, to: Observation) -> list[Chunk]:
    header = {"sender": "B", "addressee": "A", "seq": 4, "sim_time": 0.0, "pose": (0.0, 0.0, 0.0)}
    return channel.say(view, to.beacon(""), header | {"fingerprint": channel.driver.fingerprint})


@pytest.mark.parametrize("codec", TRANSFERS)
def test_the_channel_hears_a_recipe_as_the_cache(
    driver: VectorDriver, own: Observation, theirs: Observation, codec: str
) -> None:
    channel = Latent(driver, 0.5, LACO, codec)
    exact = Latent(driver, 0.5, LACO, "fp32")
    heard, expected = (c.hear(own, [said(c, theirs, own)]) for c in (channel, exact))
    assert heard.refused == {}
    assert heard.foreign_tokens == expected.foreign_tokens > LACO.steps
    assert heard.plan.speed == pytest.approx(expected.plan.speed, abs=0.05)


def test_controls_need_a_cache(driver: VectorDriver) -> None:
    with pytest.raises(ConfigError, match="choose a KV codec, not 'recompute'"):
        Latent(driver, 0.5, LACO, "recompute", swap=empty)


def blown_up(part: KVCache, meta: Any) -> KVCache:
    return replace(part, layers=tuple(LayerKV(kv.keys, kv.values * 50) for kv in part.layers))


def test_exploding_caches_are_quarantined_and_counted(
    driver: VectorDriver, own: Observation, theirs: Observation
) -> None:
    channel = Latent(driver, 0.5, LACO)
    bad = said(Latent(driver, 0.5, LACO, swap=blown_up), theirs, own)
    good = said(channel, theirs, own)
    heard = channel.hear(own, [bad, good])
    assert list(heard.refused) == [0]
    assert heard.refused[0].startswith("quarantined: layer 0: values have norms up to")
    assert heard == replace(channel.hear(own, [good]), refused=heard.refused)
    assert channel.quarantine.count == 1


def test_a_quarantined_message_is_a_refused_one(driver: VectorDriver, own: Observation, theirs: Observation) -> None:
    channel = Latent(driver, 0.5, LACO)
    part = channel.think(theirs, own.beacon(""))
    deeper = replace(part, layer_ids=(1, 3))
    chunks = encode(deeper, fingerprint=driver.fingerprint)
    assert "wrong shape for this model" in channel.hear(own, [chunks]).refused[0]


def test_a_peer_whose_caches_drift_is_muted(driver: VectorDriver, own: Observation, theirs: Observation) -> None:
    """Larger than before, and yet no larger than one's own may be; a cache that is as ever passes before and after."""
    factor = [1.0]

    def grown(part: KVCache, meta: Any) -> KVCache:
        return replace(part, layers=tuple(LayerKV(kv.keys, kv.values * factor[0]) for kv in part.layers))

    sender, channel = Latent(driver, 0.5, LACO, swap=grown), Latent(driver, 0.5, LACO)
    reasons: list[str] = []
    for step in range(11):
        factor[0] = 2.2 if step in (6, 7, 9, 10) else 1.0
        heard = channel.hear(own, [said(sender, theirs, own)])
        reasons.append(heard.refused.get(0, ""))
    assert reasons[:6] == [""] * 6
    assert reasons[6].startswith("quarantined: norms 2.2 times off what this peer sent before")
    assert (reasons[7], reasons[8]) == (reasons[6], "")
    assert reasons[9] == reasons[6]
    assert reasons[10].startswith("muted: 3 messages of ")
    counters = {"unsound": 0, "drifted": 3, "muted": 1, "other_codec": 0}
    assert channel.counters == counters


def test_a_codec_that_the_listener_does_not_know_is_replaced_and_counted(
    driver: VectorDriver, own: Observation, theirs: Observation
) -> None:
    channel = Latent(driver, 0.5, LACO, "fp32")
    channel.known = frozenset({"int8", "fp16"})
    assert parse(said(channel, theirs, own)[0].header).codec == "int8"
    channel.known = frozenset({"fp16"})
    assert parse(said(channel, theirs, own)[0].header).codec == "fp16"
    assert channel.counters["other_codec"] == 2
    channel.known = frozenset({"new"})
    with pytest.raises(HandshakeError, match=r"codec fp32 unknown to .*, which knows new"):
        said(channel, theirs, own)
    channel.known = None
    assert parse(said(channel, theirs, own)[0].header).codec == "fp32"


def test_options_reach_the_method(driver: VectorDriver, own: Observation, theirs: Observation) -> None:
    plain = Latent(driver, 0.5, LACO).think(theirs, own.beacon(""))
    fewer = replace(LACO, keep=0.5, latent="counted", selector="recent")
    part = Latent(driver, 0.5, fewer).think(theirs, own.beacon(""))
    length = plain.num_tokens - 2
    assert part.num_tokens == -(-length // 2)
    assert part.positions[0].tolist() == [*range(length + 2 - part.num_tokens, length + 2)]


def test_listening_options_reach_the_method(driver: VectorDriver, own: Observation, theirs: Observation) -> None:
    plain = Latent(driver, 0.5, LACO)
    late = Latent(driver, 0.5, replace(LACO, place="before_last", rotary="shifted"))
    part = plain._decode(said(plain, theirs, own)).cache
    context = driver.context(Frame.of(own), [own], 0.5)
    one, two = (channel._infer(context, [part]) for channel in (plain, late))
    assert int(one.cache.positions[0, 0]) == part.num_tokens
    assert int(two.cache.positions[0, 0]) == 0
    assert not torch.allclose(one.hidden[0], two.hidden[0])
