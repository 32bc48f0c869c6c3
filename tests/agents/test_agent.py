"""Agents on real sockets, in one thread: announce, speak, listen, and all that may go wrong between."""

from collections.abc import Callable, Sequence
from time import sleep

import msgspec
import pytest

from laco.agents.agent import Agent, partners
from laco.agents.channels.latent import Latent
from laco.agents.channels.silent import Silent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import Decision, Receipt
from laco.agents.observation import Beacon, Body, Observation
from laco.comm import encode_bytes
from laco.comm.handshake import Terms
from laco.comm.mesh import Mesh, barrier
from laco.comm.radio import Air, Fate, Manifest
from laco.config import LacoConfig
from laco.errors import ConfigError

LACO = LacoConfig(steps=1, keep=1.0, layers=(0, 1, 2), realign="identity")


class Pair:
    """A and B, head on on one road, and the air between them."""

    def __init__(self, agents: dict[str, Agent], eastward: Callable[..., Observation]) -> None:
        self.agents, self.eastward, self.air = agents, eastward, Air()

    def round(self, time: float) -> tuple[list[Fate], list[Manifest]]:
        """Announce and speak; the fates and manifests of what was said."""
        views = {
            "A": self.eastward(name="A", time=time),
            "B": self.eastward(name="B", x=30.0, time=time),
        }
        positions = {name: (view.body.x, view.body.y) for name, view in views.items()}
        beacons = [self.agents[name].announce(view).manifest for name, view in views.items()]
        fates = self.air.step(time, beacons, positions)
        said = [s.manifest for a in self.agents.values() for s in a.speak(fates)]
        return self.air.step(time, said, positions), said

    def decide(self, fates: Sequence[Fate]) -> Decision:
        """A listens."""
        return self.agents["A"].listen(fates)


def statuses(decision: Decision, kind: str) -> list[str]:
    return [r.status for r in decision.receipts if r.kind == kind]


@pytest.fixture
def pair(meshes: dict[str, Mesh], driver: VectorDriver, eastward) -> Pair:
    return Pair({n: Agent(n, Latent(driver, 0.5, LACO), m, guard=0.2) for n, m in meshes.items()}, eastward)


class Slow(VectorDriver):
    """Decides once a second, and speaks to all at once."""

    period = 1.0
    addressing = "all"


@pytest.fixture
def slow(meshes: dict[str, Mesh], driver: VectorDriver, eastward) -> Pair:
    made = Slow(driver.model, input_norm=2.0)
    return Pair({n: Agent(n, Latent(made, 0.5, LACO), m, guard=0.2) for n, m in meshes.items()}, eastward)


def test_a_round_is_used(pair: Pair) -> None:
    fates, said = pair.round(0.0)
    assert [(m.sender, m.addressee, m.kind) for m in said] == [("A", "B", "latent"), ("B", "A", "latent")]
    decision = pair.decide(fates)
    assert decision.receipts == (
        Receipt("B", "A", 0, "beacon", "used"),
        Receipt("B", "A", 1, "latent", "used"),
    )
    assert decision.foreign_tokens > 0
    assert decision.plan.time == 0.0


def test_what_never_comes_is_transport_lost(pair: Pair, driver: VectorDriver) -> None:
    pair.round(0.0)
    decision = pair.decide([Fate("B", "A", 99, "latent", (True,), 0.0)])
    assert statuses(decision, "latent") == ["transport_lost"]
    assert decision.foreign_tokens == 0
    agent = pair.agents["A"]
    assert decision.plan == Silent(driver, 0.5).hear(agent._known(), []).plan


def test_what_the_air_swallows_is_air_lost(pair: Pair) -> None:
    fates, _ = pair.round(0.0)
    lost = [msgspec.structs.replace(f, delivered=(False,), at=float("inf")) for f in fates]
    decision = pair.decide(lost)
    assert statuses(decision, "latent") == ["air_lost"]
    assert decision.foreign_tokens == 0


def test_what_claims_to_be_of_the_future_is_refused(pair: Pair, eastward) -> None:
    """It would never grow old."""
    fates, _ = pair.round(5.0)
    pair.agents["A"].view = eastward(name="A", time=4.0)
    decision = pair.decide(fates)
    (receipt,) = [r for r in decision.receipts if r.kind == "latent"]
    assert (receipt.status, receipt.reason) == ("refused", "spoken at 5 s, which is still to come")
    assert decision.foreign_tokens == 0


def test_what_the_listener_cannot_read_is_unspoken(pair: Pair, meshes: dict[str, Mesh]) -> None:
    for mesh in meshes.values():
        mesh.terms = Terms(max_payload=9)
        mesh.reset()
    barrier(meshes.values())
    _, said = pair.round(0.0)
    assert said == []
    (receipt,) = [r for r in pair.decide([]).receipts if r.kind == "latent"]
    assert receipt.status == "unspoken"
    assert receipt.reason.startswith("B takes at most 9 bytes in a message, not ")


def test_counters_are_plain_numbers(pair: Pair) -> None:
    pair.decide(pair.round(0.0)[0])
    counters = pair.agents["A"].counters
    assert (counters["sent"], counters["received"], counters["spoofed"], counters["muted"]) == (2, 2, 0, 0)
    assert set(map(type, counters.values())) == {int}


def test_fates_of_others_are_none_of_its_business(pair: Pair) -> None:
    fates, _ = pair.round(0.0)
    assert statuses(pair.decide([f for f in fates if f.listener == "B"]), "latent") == []


class TestAge:
    """TS 22.185's budget: deliverable within 0.1 s of the decision, and at most 0.5 s old."""

    def delayed(self, pair: Pair, delay: float) -> list[Fate]:
        fates, _ = pair.round(0.0)
        return [msgspec.structs.replace(f, at=delay) for f in fates]

    @pytest.mark.parametrize("delay", [0.0, 0.05, 0.1])
    def test_within_the_window_it_is_used_at_once(self, pair: Pair, delay: float) -> None:
        decision = pair.decide(self.delayed(pair, delay))
        assert statuses(decision, "latent") == ["used"]

    def test_after_the_window_it_is_used_at_the_next_decision_with_its_real_age(self, pair: Pair) -> None:
        first = pair.decide(self.delayed(pair, 0.15))
        assert (statuses(first, "latent"), first.foreign_tokens) == ([], 0)
        pair.round(0.2)
        second = pair.decide([])
        (receipt,) = [r for r in second.receipts if r.kind == "latent"]
        assert (receipt.status, receipt.age) == ("used", pytest.approx(0.2))
        assert second.foreign_tokens > 0

    def test_it_serves_until_it_is_half_a_second_old(self, pair: Pair) -> None:
        tokens = [pair.decide(self.delayed(pair, 0.0)).foreign_tokens]
        seen: list[str] = []
        for time in (0.2, 0.4, 0.6):
            pair.round(time)
            decision = pair.decide([])
            tokens.append(decision.foreign_tokens)
            seen += statuses(decision, "latent")
        assert tokens == [tokens[0]] * 3 + [0]
        assert seen == []  # one message, one receipt: it had its own at 0.0

    def test_what_comes_too_old_is_stale(self, pair: Pair) -> None:
        assert statuses(pair.decide(self.delayed(pair, 0.62)), "latent") == []
        pair.round(0.6)
        decision = pair.decide([])
        assert (statuses(decision, "latent"), decision.foreign_tokens) == (["stale"], 0)

    @pytest.mark.parametrize("newer_first", [False, True])
    def test_the_newest_wins_and_the_older_is_stale(self, pair: Pair, newer_first: bool) -> None:
        old = self.delayed(pair, 0.2)
        assert statuses(pair.decide(old), "latent") == []
        new, _ = pair.round(0.2)
        late = 0.35 if not newer_first else 0.2
        decision = pair.decide([msgspec.structs.replace(f, at=late) for f in new])
        if newer_first:
            assert sorted(statuses(decision, "latent")) == ["stale", "used"]
            (used,) = [r for r in decision.receipts if r.status == "used" and r.kind == "latent"]
            assert used.age == 0.0
        else:
            assert statuses(decision, "latent") == ["used"]


def test_a_message_that_comes_before_its_time_is_kept(pair: Pair) -> None:
    """The beacon was lost, and what is said after it is on the socket before its fate is known."""
    fates, _ = pair.round(0.0)
    agent = pair.agents["A"]
    agent.listen([f for f in fates if f.listener == "B"])  # nothing wanted: reads what is there
    assert agent.mesh.counters.unwanted == 0
    assert statuses(pair.decide(fates), "latent") == ["used"]
    pair.round(0.2)
    pair.decide([Fate("B", "A", 3, "latent", (False,), float("inf"))])
    for _ in range(100):  # the socket takes its time
        agent.mesh.receive((), 0.0, {"B": 3})
        if agent.mesh.counters.unwanted:
            return
        sleep(0.02)
    pytest.fail("what nobody waited for is still kept")


class TestInPart:
    """Chunks of at most 700 bytes, of which the air loses some."""

    @pytest.fixture
    def cut(self, meshes: dict[str, Mesh], driver: VectorDriver, eastward) -> Pair:
        agents = {n: Agent(n, Latent(driver, 0.5, LACO), m, 0.2, chunk_bytes=700) for n, m in meshes.items()}
        return Pair(agents, eastward)

    def some(self, fates: Sequence[Fate], lost: int) -> list[Fate]:
        """The first `lost` chunks of each message do not arrive."""
        return [msgspec.structs.replace(f, delivered=tuple(i >= lost for i in range(len(f.delivered)))) for f in fates]

    def test_what_arrived_is_used_and_the_receipt_says_how_much(self, cut: Pair) -> None:
        fates, said = cut.round(0.0)
        count = len(said[0].chunk_sizes)
        assert count >= 2
        assert max(said[0].chunk_sizes) <= 700
        whole = cut.decide(fates)
        cut.round(0.2)
        fates, _ = cut.round(0.4)
        part = cut.decide(self.some(fates, 1))
        (receipt,) = [r for r in part.receipts if r.kind == "latent"]
        assert receipt.status == "used"
        assert 0.0 < receipt.share < 1.0
        assert receipt.reason
        assert 0 < part.foreign_tokens < whole.foreign_tokens
        assert [r.share for r in whole.receipts if r.kind == "latent"] == [1.0]

    def test_bytes_that_are_not_whole_are_lost(self, cut: Pair, meshes: dict[str, Mesh]) -> None:
        cut.round(0.0)
        meta = {"sender": "B", "addressee": "A", "seq": 7, "sim_time": 0.0}
        meshes["B"].publish("A", encode_bytes(b"x" * 2000, kind="latent", chunk_bytes=700, **meta))
        decision = cut.decide([Fate("B", "A", 7, "latent", (True, True, False, True), 0.01)])
        assert statuses(decision, "latent") == ["air_lost"]

    def test_another_number_of_chunks_than_announced_is_refused(self, cut: Pair) -> None:
        fates, _ = cut.round(0.0)
        decision = cut.decide([msgspec.structs.replace(f, delivered=(True,)) for f in fates])
        (receipt,) = [r for r in decision.receipts if r.kind == "latent"]
        assert receipt.status == "refused"
        assert receipt.reason.endswith("chunks came, 1 were announced")

    def test_what_is_still_on_the_air_is_held_until_its_fate_is_known(self, cut: Pair) -> None:
        fates, said = cut.round(0.0)
        none = (False,) * len(said[1].chunk_sizes)
        waiting = [msgspec.structs.replace(f, delivered=none, at=float("inf"), final=False) for f in fates]
        assert statuses(cut.decide(waiting), "latent") == []
        cut.round(0.2)
        decision = cut.decide([msgspec.structs.replace(f, at=0.19) for f in self.some(fates, 1)])
        (receipt,) = [r for r in decision.receipts if (r.kind, r.seq) == ("latent", 1)]
        assert (receipt.status, receipt.age) == ("used", pytest.approx(0.2))
        assert receipt.share < 1.0

    def test_a_late_beacon_is_for_the_next_decision(self, cut: Pair) -> None:
        views = {"A": cut.eastward(name="A"), "B": cut.eastward(name="B", x=30.0)}
        beacons = [cut.agents[n].announce(v).manifest for n, v in views.items()]
        fates = cut.air.step(0.0, beacons, {"A": (0.0, 0.0), "B": (30.0, 0.0)})
        late = [msgspec.structs.replace(f, at=0.15) for f in fates]
        assert cut.agents["A"].speak(late) == []
        cut.agents["A"].announce(cut.eastward(name="A", time=0.2))
        assert [s.manifest.addressee for s in cut.agents["A"].speak([])] == ["B"]
        assert cut.agents["A"].beacons["B"].time == 0.0


def test_a_beacon_in_another_s_name_is_refused(pair: Pair, eastward) -> None:
    view = eastward(name="B", x=30.0)
    pair.agents["A"].announce(eastward(name="A"))
    sent = pair.agents["B"].announce(msgspec.structs.replace(view, name="C"))
    pair.agents["A"].speak(pair.air.step(0.0, [sent.manifest], {"A": (0.0, 0.0), "B": (30.0, 0.0)}))
    (receipt,) = pair.decide([]).receipts
    assert (receipt.status, receipt.reason) == ("refused", "a beacon in the name of 'C'")
    assert pair.agents["A"].beacons == {}


def test_one_speaks_to_the_three_nearest_routes(eastward: Callable[..., Observation]) -> None:
    def beacon(name: str, offset: float) -> Beacon:
        route = tuple((x, offset) for x, _ in eastward().route)
        return Beacon(name, 0.0, Body(0.0, offset, 0.0, 5.0, 2.4, 0.9), route, 50.0, 13.0, "")

    heard = [beacon("far", 61.0), beacon("c", 9.0), beacon("b", 4.0), beacon("d", 14.0), beacon("a", 3.0)]
    assert [b.name for b in partners(eastward(), heard)] == ["a", "b", "c"]
    assert partners(eastward(), [beacon("far", 61.0)]) == []
    follower = msgspec.structs.replace(beacon("z", 0.0), body=Body(-30.0, 0.0, 0.0, 5.0, 2.4, 0.9))
    assert [b.name for b in partners(eastward(), [*heard, follower])] == ["a", "b", "z"]  # its route is one's own


class TestOtherDrivers:
    def test_a_broadcast_has_no_addressee_and_is_in_the_speaker_s_frame(self, slow: Pair, eastward) -> None:
        fates, said = slow.round(0.0)
        assert [(m.sender, m.addressee) for m in said] == [("A", ""), ("B", "")]
        decision = slow.decide(fates)
        assert statuses(decision, "latent") == ["used"]
        assert decision.foreign_tokens > 0

    def test_nobody_is_told_when_there_is_nobody_to_tell(self, slow: Pair, eastward) -> None:
        slow.agents["A"].announce(eastward(name="A"))
        assert slow.agents["A"].speak([]) == []

    def test_one_who_decides_once_a_second_uses_what_is_a_second_old(self, slow: Pair) -> None:
        """But not more: 2.0 s would be the message of the decision before the last."""
        fates, _ = slow.round(0.0)
        used = slow.decide(fates).foreign_tokens
        tokens = []
        for time in (1.0, 2.0):
            slow.round(time)
            tokens.append(slow.decide([]).foreign_tokens)
        assert tokens == [used, 0]

    def test_words_or_steps_are_counted_with_what_was_sent(self, pair: Pair, eastward) -> None:
        views = {"A": eastward(name="A"), "B": eastward(name="B", x=30.0)}
        beacons = [pair.agents[n].announce(v) for n, v in views.items()]
        fates = pair.air.step(0.0, [b.manifest for b in beacons], {"A": (0.0, 0.0), "B": (30.0, 0.0)})
        assert [s.generated for s in pair.agents["A"].speak(fates)] == [LACO.steps]
        assert [b.generated for b in beacons] == [0, 0]

    def test_who_has_seen_nothing_has_nothing_to_say(self, pair: Pair) -> None:
        with pytest.raises(ConfigError, match=r"^A has seen nothing yet: announce comes first$"):
            pair.agents["A"].speak([])


def test_a_broadcast_is_for_the_same_model_and_others_are_spoken_to_alone(slow: Pair) -> None:
    agent = slow.agents["A"]
    view = slow.eastward(name="A")
    agent.announce(view)
    own = agent.channel.driver.fingerprint
    peers = [slow.eastward(name=name, x=30.0).beacon(print) for name, print in (("B", own), ("C", "another"))]
    agent.beacons = {beacon.name: beacon for beacon in peers}
    assert agent._audience() == [("", view.beacon(own)), ("C", peers[1])]
    del agent.beacons["B"]
    assert agent._audience() == [("C", peers[1])]
    agent.beacons.clear()
    assert agent._audience() == []
