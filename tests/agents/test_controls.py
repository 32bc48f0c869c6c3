"""The controls do what they say: the header stays, the payload is another."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from laco.agents.channels.build import build
from laco.agents.channels.controls import empty, find, random_like, recorder, replayed
from laco.agents.channels.latent import Latent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation
from laco.comm import decode, parse
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.method.cache import KVCache

LACO = LacoConfig(steps=1, keep=1.0, layers=(0, 2), realign="identity")
META = {"sender": "B", "addressee": "A", "seq": 7, "sim_time": 1.4}
HAZARD = Actor(9, Body(25.0, 20.0, -1.57, 9.0, 2.0, 1.0))


@pytest.fixture
def view(eastward: Callable[..., Observation]) -> Observation:
    return eastward(name="B", x=60.0, actors=(HAZARD, Actor(3, Body(70.0, 5.0, 0.0, 0.0, 2.0, 1.0))))


@pytest.fixture
def part(driver: VectorDriver, view: Observation, eastward: Callable[..., Observation]) -> KVCache:
    return Latent(driver, 0.5, LACO).think(view, eastward().beacon(""))


def same(a: KVCache, b: KVCache) -> bool:
    pairs = zip(a.layers, b.layers, strict=True)
    alike = all(torch.equal(x.keys, y.keys) and torch.equal(x.values, y.values) for x, y in pairs)
    return alike and torch.equal(a.positions, b.positions)


def test_empty_has_no_token(part: KVCache) -> None:
    assert empty(part, META).num_tokens == 0


class TestRandom:
    def test_norms_are_true_and_content_is_not(self, part: KVCache) -> None:
        swapped = random_like(3)(part, META)
        assert torch.equal(swapped.positions, part.positions)
        assert swapped.layer_ids == part.layer_ids
        for true, made in zip(part.layers, swapped.layers, strict=True):
            for a, b in zip(true, made, strict=True):
                assert torch.allclose(a.norm(dim=-1), b.norm(dim=-1), rtol=1e-4)
                likeness = torch.nn.functional.cosine_similarity(a, b, dim=-1)
                assert likeness.abs().mean() < 0.6

    def test_it_depends_on_seed_and_message_only(self, part: KVCache) -> None:
        assert same(random_like(3)(part, META), random_like(3)(part, META))
        assert not same(random_like(3)(part, META), random_like(4)(part, META))
        assert not same(random_like(3)(part, META), random_like(3)(part, META | {"seq": 8}))


def test_replay_gives_what_was_said_then(part: KVCache) -> None:
    bank: dict[tuple[str, int], KVCache] = {}
    assert recorder(bank)(part, META) is part
    other = empty(part, META)
    assert replayed(bank)(other, META | {"seq": 99}) is part
    assert replayed(bank)(part, META | {"sim_time": 1.6}).num_tokens == 0
    assert replayed(bank)(part, META | {"sender": "C"}).num_tokens == 0


class TestChoosing:
    def test_the_true_payload_needs_no_swap(self) -> None:
        assert find("true", 0, {}, "", "") is None

    @pytest.mark.parametrize(
        ("payload", "message"), [("false", "payload must be one of"), ("other", "no recorded run '5'")]
    )
    def test_what_cannot_be_is_refused(self, payload: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            find(payload, 0, {}, "", "5")

    def test_a_recorded_run_can_be_replayed(self, part: KVCache) -> None:
        banks: dict[str, Any] = {}
        record, replay = find("true", 0, banks, "5", ""), find("other", 0, banks, "", "5")
        assert record is not None
        assert replay is not None
        assert replay(empty(part, META), META).num_tokens == 0
        record(part, META)
        assert replay(empty(part, META), META) is part


class TestTwin:
    def said(self, driver: VectorDriver, view: Observation, to: Observation, **spec: Any) -> KVCache:
        channel = build(AgentSpec("B", "latent", caution=0.5, codec="fp32", laco=LACO, **spec), driver, {})
        chunks = channel.say(view, to.beacon(""), {**META, "fingerprint": driver.fingerprint})
        assert chunks is not None
        assert parse(chunks[0].header).sender == "B"
        return decode(chunks)

    def test_it_says_what_would_be_said_without_the_hazard(self, driver, view, eastward) -> None:
        without = eastward(name="B", x=60.0, actors=view.actors[1:])
        twin = self.said(driver, view, eastward(), payload="twin", masked=(HAZARD.id,))
        assert same(twin, self.said(driver, without, eastward()))
        assert twin.num_tokens == self.said(driver, view, eastward()).num_tokens - 1

    def test_only_the_twin_control_masks(self, driver, view, eastward) -> None:
        assert same(
            self.said(driver, view, eastward(), masked=(HAZARD.id,)), self.said(driver, view, eastward())
        )
