"""Servers keep step without anybody who sees everything; and who comes late, goes, dies or comes again."""

import logging
from typing import Any

import msgpack
import pytest

from laco.agents.bridge.book import KEPT, Book
from laco.agents.bridge.seat import Seat
from laco.agents.bridge.wire import read

from .conftest import Convoy, heard, until

LOSSY = {"radio": "dsrc_6m", "loss": "bernoulli:0.4"}


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[Any, ...]]]:
    """By vehicle, the fates that its own air comes to, whoever they are of."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    original = Seat._fates

    def noted(seat: Seat, *rolls: Any) -> Any:
        out = original(seat, *rolls)
        found.setdefault(seat.name, []).append(tuple(out))
        return out

    monkeypatch.setattr(Seat, "_fates", noted)
    return found


@pytest.mark.parametrize("servers", [1, 3])
def test_all_servers_come_to_the_same_fates(serve, connect, llm_folder, fates, servers) -> None:
    """A radio that loses fragments, contends and fills up: one air per vehicle, all alike."""
    names = ["ego0", "ego1", "ego2"]
    made = [serve(",".join(names[place::servers]), "llm", llm_folder) for place in range(servers)]
    convoy = Convoy(connect, {name: made[place % servers].endpoint for place, name in enumerate(names)})
    convoy.hello("latent", **LOSSY)
    plans = [convoy.moment(number) for number in range(4)]
    assert fates["ego0"] == fates["ego1"] == fates["ego2"]
    assert len(fates["ego0"]) == 8
    everything = [fate for step in fates["ego0"] for fate in step]
    delivered = [arrived for fate in everything for arrived in fate.delivered if fate.final]
    assert set(delivered) == {True, False}
    lost = {h["status"] for plan in plans for p in plan.values() for h in p["heard"]}
    assert "air_lost" in lost


def test_fates_do_not_depend_on_who_serves_whom(serve, connect, llm_folder, fates) -> None:
    seen = []
    for servers in (1, 2):
        names = ["ego0", "ego1"]
        made = [serve(",".join(names[place::servers]), "llm", llm_folder) for place in range(servers)]
        convoy = Convoy(connect, {name: made[place % servers].endpoint for place, name in enumerate(names)})
        convoy.hello("language", **LOSSY)
        plans = [convoy.moment(number) for number in range(3)]
        seen.append([(p["speed"], p["curvature"], p["foreign_tokens"]) for plan in plans for p in plan.values()])
        seen.append([tuple(steps) for _, steps in sorted(fates.items())])
        fates.clear()
    assert seen[:2] == seen[2:]


def test_another_seed_is_another_air(serve, connect, llm_folder, fates) -> None:
    server = serve("ego0,ego1", "llm", llm_folder)
    found = []
    for seed in (1, 2):
        convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
        convoy.hello("latent", run=f"run {seed}", seed=seed, **LOSSY)
        convoy.moment(0)
        found.append([f.delivered for step in fates.pop("ego0") for f in step])
    assert found[0] != found[1]


def test_a_peer_that_never_comes_is_missing(serve, connect, llm_folder, caplog) -> None:
    server = serve("ego0", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": server.endpoint})
    fleet = {"ego0": server.endpoint, "ego1": "tcp://127.0.0.1:1"}
    client = convoy.clients["ego0"]
    with caplog.at_level(logging.WARNING):
        client.hello(fleet, "latent", wait=0.3)
        assert client.receive()["missing"] == ["ego1"]
    assert [r.message for r in caplog.records if "begins without" in r.message] == ["run r1: ego0 begins without ego1"]
    client.observe(0, ["ego0", "ego1"])
    plan = client.plan(0)
    assert [(h["sender"], h["status"]) for h in plan["heard"]] == [("ego1", "absent")]
    assert plan["foreign_tokens"] == 0


def test_a_late_peer_is_heard_once_it_has_come(serve, connect, llm_folder) -> None:
    first, second = serve("ego0", "llm", llm_folder), serve("ego1", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": first.endpoint, "ego1": second.endpoint})
    early, late = convoy.clients.values()
    early.hello(convoy.fleet, "latent", wait=0.3)
    assert early.receive()["missing"] == ["ego1"]
    early.observe(0, ["ego0"])
    early.plan(0)
    late.hello(convoy.fleet, "latent", wait=5.0)
    assert late.receive()["missing"] == []
    plans = convoy.moment(1)
    assert {name: heard(plan, "latent") for name, plan in plans.items()} == {
        "ego0": {"ego1": "used"},
        "ego1": {"ego0": "used"},
    }


def test_servers_that_were_told_of_different_runs_do_without_each_other(serve, connect, llm_folder, caplog) -> None:
    """Their airs would differ, and nobody would know."""
    first, second = serve("ego0", "llm", llm_folder), serve("ego1", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": first.endpoint, "ego1": second.endpoint})
    for (name, client), seed in zip(convoy.clients.items(), (1, 2), strict=True):
        with caplog.at_level(logging.WARNING):
            client.hello(convoy.fleet, "latent", seed=seed, wait=3.0)
            assert name
    assert [client.receive()["missing"] for client in convoy.clients.values()] == [["ego1"], ["ego0"]]
    assert any("ego1 has latent, ideal, seed 2" in r.message for r in caplog.records)


def test_a_killed_peer_is_waited_for_once(serve, connect, llm_folder, caplog) -> None:
    first, second = serve("ego0", "llm", llm_folder), serve("ego1", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": first.endpoint, "ego1": second.endpoint})
    convoy.hello("latent", wait=0.5)
    convoy.moment(0)
    second.stop()
    left = convoy.clients["ego0"]
    with caplog.at_level(logging.WARNING):
        for number in (1, 2, 3):
            left.observe(number, ["ego0", "ego1"])
            plan = left.plan(number)
            assert ("ego1", "absent") in [(h["sender"], h["status"]) for h in plan["heard"]]
    told = [r.message for r in caplog.records if "goes on without" in r.message]
    assert told == ["run r1: ego0 goes on without ego1 at moment 1"]


@pytest.mark.parametrize("channel", ["latent", "language"])
def test_a_peer_that_restarts_is_heard_again(serve, connect, llm_folder, channel) -> None:
    first, second = serve("ego0", "llm", llm_folder), serve("ego1", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": first.endpoint, "ego1": second.endpoint})
    convoy.hello(channel, wait=0.5)
    for number in range(3):
        convoy.moment(number)
    second.stop()
    left = convoy.clients["ego0"]
    left.observe(3, ["ego0", "ego1"])
    left.plan(3)
    third = serve("ego1", "llm", llm_folder, second.port)
    again = convoy.clients["ego1"] = connect(third.endpoint, "ego1")
    again.hello(convoy.fleet, channel, wait=5.0)
    assert again.receive()["missing"] == []
    for number in (4, 5):
        plans = convoy.moment(number)
        assert heard(plans["ego0"], channel) == {"ego1": "used"}
        assert heard(plans["ego1"], channel) == {"ego0": "used"}
    assert min(s["seq"] for s in plans["ego1"]["sent"]) >= 6  # numbers go on: three moments of two messages are known


def test_a_peer_that_restarts_within_a_moment_does_not_wait_for_what_it_missed(serve, connect, llm_folder) -> None:
    """ego0 has announced itself to a server that is no more; its successor hears what ego0 says after that."""
    first, second = serve("ego0", "llm", llm_folder), serve("ego1", "llm", llm_folder)
    convoy = Convoy(connect, {"ego0": first.endpoint, "ego1": second.endpoint})
    convoy.hello("latent", wait=1000.0)
    convoy.moment(0)
    second.stop()
    left, names = convoy.clients["ego0"], ["ego0", "ego1"]
    left.observe(1, names)
    left.decide(1)
    until(lambda: first.moment("ego0") == 1)
    third = serve("ego1", "llm", llm_folder, second.port)
    again = connect(third.endpoint, "ego1")
    again.hello(convoy.fleet, "latent", wait=1000.0)
    assert again.receive()["missing"] == []
    again.observe(1, names)
    again.decide(1)
    plans = {"ego0": left.receive(), "ego1": again.receive()}
    assert heard(plans["ego0"], "latent") == {}  # ego1 has not heard its beacon, and does not know to whom to speak
    assert heard(plans["ego1"], "latent") == {"ego0": "used"}
    assert heard(plans["ego1"], "roll") == {"ego0": "absent"}
    convoy.clients["ego1"] = again
    plans = convoy.moment(2)
    assert [heard(plan, "latent") for plan in plans.values()] == [{"ego1": "used"}, {"ego0": "used"}]


def test_a_vehicle_that_is_not_present_is_not_waited_for(serve, connect, llm_folder) -> None:
    server = serve("ego0,ego1", "llm", llm_folder)
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("latent", wait=100.0)
    convoy.moment(0)
    (plan,) = convoy.moment(1, ["ego0"]).values()
    assert plan["heard"] == []
    assert plan["seconds"]["wait"] < 50.0


def test_an_observation_that_never_comes_is_waited_for_no_longer_than_agreed(serve, connect, llm_folder) -> None:
    server = serve("ego0,ego1", "llm", llm_folder)
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("latent", wait=0.3)
    convoy.moment(0)
    left = convoy.clients["ego0"]
    left.observe(1, ["ego0", "ego1"])
    assert ("ego1", "absent") in [(h["sender"], h["status"]) for h in left.plan(1)["heard"]]
    convoy.moment(2)  # ego0 may not wait for ego1 here: it has yet to be heard from
    assert heard(convoy.moment(3)["ego0"], "beacon") == {"ego1": "used"}


def roll(moment: int, **changes: Any) -> dict[str, Any]:
    """A peer's, that says it was there and spoke of nothing."""
    fields = {"run": "r1", "sender": "ego2", "moment": moment, "phase": "beacon", "position": [0.0, 0.0]}
    return {**fields, "manifests": [], **changes}


def test_rolls_of_moments_far_away_push_out_nobody(serve, connect, llm_folder) -> None:
    """Whoever reaches the port may send them, and a server keeps 64 moments."""
    server = serve("ego0,ego1", "llm", llm_folder)
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint) | {"ego2": "tcp://127.0.0.1:1"}
    convoy = Convoy(connect, {name: fleet[name] for name in ("ego0", "ego1")})
    convoy.fleet = fleet
    convoy.hello("observation", wait=0.3)
    convoy.moment(0)
    stranger = connect(server.endpoint, "ego2")
    for number in range(200):
        stranger.send("roll", **roll(10**9 + number))
    assert stranger.ask("ping")["type"] == "pong"
    for moment in (1, 2):
        plans = convoy.moment(moment)
        assert heard(plans["ego0"], "observation") == {"ego1": "used"}
        assert heard(plans["ego1"], "observation") == {"ego0": "used"}
    (council,) = server.server._councils.values()
    assert len(council._book._rolls) <= KEPT


def test_a_book_keeps_what_is_near() -> None:
    book = Book(["ego0", "ego2"])
    for moment in range(500, 500 + 2 * KEPT):  # before we have begun, what is newest may be where we do
        book.add(read(msgpack.packb({"type": "roll", **roll(moment)})), -1)
    assert book.newest("ego2") == {"beacon": 499 + 2 * KEPT}
    assert book.at(499 + 2 * KEPT, "beacon")
    assert not book.at(500, "beacon")
    far = read(msgpack.packb({"type": "roll", **roll(10**9)}))
    assert not book.add(far, 600)
    assert book.add(read(msgpack.packb({"type": "roll", **roll(590)})), 600)
