"""Agents that speak in differences: what their beacons say, and what loss of either does."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from laco.agents.agent import Agent
from laco.agents.channels.latent import Latent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import Decision, Sent
from laco.agents.observation import Beacon, Observation
from laco.comm.mesh import Mesh
from laco.comm.radio import Air, Fate
from laco.config import LacoConfig

LACO = LacoConfig(steps=0, keep=1.0, layers=(0, 1, 2), realign="identity")


class Broadcaster(VectorDriver):
    """Speaks to all at once."""

    addressing = "all"


class Two:
    """A and B, head on on one road. lost: kinds of which nothing arrives at anybody."""

    def __init__(self, agents: dict[str, Agent], eastward: Callable[..., Observation]) -> None:
        self.agents, self.eastward, self.air, self.time = agents, eastward, Air(), 0.0

    def decide(self, lost: Sequence[str] = ()) -> tuple[list[Sent], list[Sent], dict[str, Decision]]:
        """Beacons, messages and decisions of one moment; the next one is 0.2 s later."""
        places = {"A": self.time, "B": 30.0 + self.time}
        views = {name: self.eastward(name=name, x=x, time=self.time) for name, x in places.items()}
        positions = {name: (x, 0.0) for name, x in places.items()}
        beacons = [self.agents[name].announce(view) for name, view in views.items()]
        fates = self.carried(beacons, positions, lost)
        said = [sent for agent in self.agents.values() for sent in agent.speak(fates)]
        fates = self.carried(said, positions, lost)
        decisions = {name: agent.listen(fates) for name, agent in self.agents.items()}
        self.time += 0.2
        return beacons, said, decisions

    def carried(self, sent: list[Sent], positions: dict[str, tuple[float, float]], lost: Sequence[str]) -> list[Fate]:
        fates = self.air.step(self.time, [s.manifest for s in sent], positions)
        gone = {"delivered": (False,), "at": float("inf")}
        return [msgspec.structs.replace(f, **gone) if f.kind in lost else f for f in fates]


def agents(meshes: dict[str, Mesh], driver: VectorDriver, *codecs: str) -> dict[str, Agent]:
    pairs = zip(meshes.items(), codecs, strict=True)
    return {n: Agent(n, Latent(driver, 0.5, LACO, codec), m, guard=0.2) for (n, m), codec in pairs}


def ways(said: list[Sent]) -> list[str]:
    return ["" if s.way is None else s.way.codec for s in said]


def receipts(decisions: dict[str, Decision]) -> set[tuple[str, str]]:
    return {(r.status, r.reason) for d in decisions.values() for r in d.receipts if r.kind == "latent"}


@pytest.mark.parametrize("codec", ["delta", "delta-coarse"])
def test_a_keyframe_then_differences(meshes, driver: VectorDriver, eastward, codec: str) -> None:
    two = Two(agents(meshes, driver, codec, codec), eastward)
    sizes = []
    for number in range(4):
        _, said, decisions = two.decide()
        assert ways(said) == ["int8" if number == 0 else codec] * 2
        assert receipts(decisions) == {("used", "")}
        sizes.append(said[0].air.total)
    assert max(sizes[1:]) < 0.8 * sizes[0]


def test_beacons_name_what_was_heard(meshes, driver: VectorDriver, eastward) -> None:
    two = Two(agents(meshes, driver, "delta", "delta"), eastward)
    for held in ((), (("B", 1),), (("B", 3),)):
        two.decide()
        heard: Beacon = two.agents["B"].beacons["A"]
        assert heard.held == held


def test_a_lost_message_is_not_coded_against(meshes, driver: VectorDriver, eastward) -> None:
    two = Two(agents(meshes, driver, "delta", "delta"), eastward)
    two.decide()
    two.decide()
    two.decide(lost=["latent"])
    _, said, decisions = two.decide()
    assert ways(said) == ["delta", "delta"]
    assert receipts(decisions) == {("used", "")}


def test_lost_beacons_end_in_keyframes_and_are_recovered_from(meshes, driver: VectorDriver, eastward) -> None:
    two = Two(agents(meshes, driver, "delta", "delta"), eastward)
    two.decide()
    for _ in range(2):
        _, said, _ = two.decide()
    # Within the age of a beacon messages go on, against what the last beacon named.
    for _ in range(2):
        _, said, decisions = two.decide(lost=["beacon"])
        assert ways(said) == ["delta", "delta"]
        assert receipts(decisions) == {("used", "")}
    for _ in range(4):
        _, said, _ = two.decide(lost=["beacon"])
    assert said == []  # nobody is known to be there
    for _ in range(2):
        _, said, decisions = two.decide()
        assert receipts(decisions) == {("used", "")}
    assert ways(said) == ["delta", "delta"]


def test_one_who_keeps_nothing_gets_keyframes(meshes, driver: VectorDriver, eastward) -> None:
    two = Two(agents(meshes, driver, "delta", "int8"), eastward)
    for _ in range(3):
        _, said, decisions = two.decide()
        assert ways(said) == ["int8", "int8"]
        assert receipts(decisions) == {("used", "")}
    assert two.agents["A"].beacons["B"].held == ()


def test_a_listener_that_begins_anew(meshes, driver: VectorDriver, eastward) -> None:
    """What it cannot read (A has no newer beacon of it) is refused with the reason; its next beacon mends it."""
    two = Two(agents(meshes, driver, "delta", "delta"), eastward)
    two.decide()
    two.decide()
    two.agents["B"].channel = Latent(driver, 0.5, LACO, "delta")
    _, said, decisions = two.decide(lost=["beacon"])
    (reason,) = {why for status, why in receipts(decisions) if status == "refused"}
    assert reason == "coded against message 1 of 'A', which is not here"
    _, said, decisions = two.decide()
    assert ways(said)[0] == "int8"
    assert receipts(decisions) == {("used", "")}


def test_a_broadcast_is_coded_against_what_all_have(meshes, driver: VectorDriver, eastward) -> None:
    two = Two(agents(meshes, Broadcaster(driver.model, input_norm=2.0), "delta", "delta"), eastward)
    assert [ways(two.decide()[1]) for _ in range(3)] == [["int8"] * 2, ["delta"] * 2, ["delta"] * 2]
    channel = two.agents["A"].channel
    assert isinstance(channel, Latent)
    known = [*two.agents["A"].beacons.values()]
    stranger = msgspec.structs.replace(known[0], name="C", held=())
    channel.meet([*known, stranger])
    meta = {"sender": "A", "addressee": "", "seq": 90, "fingerprint": channel.driver.fingerprint}
    channel.say(two.agents["A"]._known(), known[0], meta)
    assert channel.way is not None
    assert channel.way.codec == "int8"
