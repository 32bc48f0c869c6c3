"""The texts: seeded, disjoint between the sets, and free of orders and judgements."""

import re
from itertools import chain

import pytest

from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import scenes
from laco.distill.calibration.vocabulary import SETS, SetName
from laco.errors import ConfigError

COUNT = 300
# Orders, judgements, and the receiver's own answers.
FORBIDDEN = (
    "danger", "dangerous", "hazard", "risk", "careful", "caution", "warning", "warn", "beware", "watch", "attention",
    "emergency", "accident", "crash", "collision", "safe", "unsafe", "brake", "stop", "slow", "slower", "yield", "wait",
    "continue", "faster", "go", "yes", "no", "please", "must", "should", "avoid", "look",
)  # fmt: skip


def texts(name: SetName) -> list[str]:
    return [text for s in scenes(name, COUNT) for text in (s.hazard, s.twin)]


@pytest.mark.parametrize("name", SETS)
def test_the_same_seed_tells_the_same(name: SetName) -> None:
    assert scenes(name, 20, seed=3) == scenes(name, 20, seed=3)
    assert scenes(name, 40, seed=3)[:20] == scenes(name, 20, seed=3)
    assert scenes(name, 20, seed=3) != scenes(name, 20, seed=4)


@pytest.mark.parametrize("name", SETS)
def test_no_scene_comes_twice(name: SetName) -> None:
    told = scenes(name, COUNT)
    assert len({scene.hazard for scene in told}) == COUNT
    assert [scene.number for scene in told] == list(range(COUNT))


@pytest.mark.parametrize("name", SETS)
def test_a_twin_differs_in_the_event_alone(name: SetName) -> None:
    events = {event for pairs in SETS[name].events.values() for event in pairs}
    for scene in scenes(name, 60):
        risky, safe = next(pair for pair in events if pair[0] in scene.hazard)
        assert scene.hazard.replace(risky, safe) == scene.twin


@pytest.mark.parametrize("name", SETS)
def test_no_orders_no_judgements_no_answers(name: SetName) -> None:
    for text in texts(name):
        words = set(re.findall(r"[a-z]+", text.lower()))
        assert not words & set(FORBIDDEN), text
        assert "{" not in text
        assert "!" not in text


def test_the_sets_share_nothing_that_decides() -> None:
    a, b = SETS["A"], SETS["B"]
    for what in ("messages", "idle", "streets", "covers", "peers"):
        assert not set(getattr(a, what)) & set(getattr(b, what))
    for kind in a.users:
        assert not set(a.users[kind]) & set(b.users[kind])
        assert not set(chain(*a.events[kind])) & set(chain(*b.events[kind]))
    assert not set(texts("A")) & set(texts("B"))
    assert not {p.text for p in PROMPTS["A"]} & {p.text for p in PROMPTS["B"]}


@pytest.mark.parametrize("name", SETS)
def test_an_idle_message_repeats_what_its_receiver_sees(name: SetName) -> None:
    for scene in scenes(name, 30):
        assert len(scene.idle) == len(PROMPTS[name]) >= 3
        for text, prompt in zip(scene.idle, PROMPTS[name], strict=True):
            assert prompt.seen in text
            assert prompt.seen[1:] in prompt.text


def test_refusals() -> None:
    with pytest.raises(ConfigError, match=r"2.*not 1"):
        scenes("A", 1)
    with pytest.raises(ConfigError, match="unknown set"):
        scenes("C", 10)  # type: ignore[arg-type]
