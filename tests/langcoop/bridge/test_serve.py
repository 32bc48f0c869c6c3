"""What clients may do wrong, and how runs follow one another."""

import random
from typing import Any

import msgpack
import pytest
import zmq

from laco.agents.agent import Agent

from .conftest import Convoy, heard, seen, until


@pytest.fixture
def server(serve, llm_folder) -> Any:
    return serve("ego0,ego1", "llm", llm_folder)


@pytest.fixture
def client(server, connect) -> Any:
    """ego0, alone in its run."""
    made = connect(server.endpoint, "ego0")
    made.hello({"ego0": server.endpoint}, "silent")
    assert made.receive()["type"] == "welcome"
    return made


def test_who_is_there(server, connect, llm_folder) -> None:
    answer = connect(server.endpoint, "ego0").ask("ping")
    assert answer == {
        "type": "pong", "id": 1, "version": 1, "vehicles": ["ego0", "ego1"], "driver": "llm", "model": str(llm_folder),
    }  # fmt: skip


def test_the_welcome_says_who_drives(server, connect, llm_folder) -> None:
    made = connect(server.endpoint, "ego1")
    made.hello({"ego1": server.endpoint}, "latent")
    welcome = made.receive()
    assert len(welcome.pop("fingerprint")) > 8
    assert welcome == {
        "type": "welcome", "id": 1, "version": 1, "vehicle": "ego1", "driver": "llm", "model": str(llm_folder),
        "channel": "latent", "missing": [],
    }  # fmt: skip


BAD_HELLOS = [
    ({"vehicle": "ego7", "fleet": {"ego7": "tcp://127.0.0.1:1"}}, "vehicle 'ego7' is not served here"),
    ({"vehicle": "ego1"}, "vehicle 'ego1' is not in its own fleet"),
    ({"channel": "telepathy"}, "unknown channel 'telepathy'"),
    ({"version": 2}, "version 2 of the wire, this server speaks 1"),
    ({"radio": "dsrc_7m"}, "unknown radio 'dsrc_7m'; did you mean"),
    ({"radio": "/etc/passwd.yaml"}, "unknown radio"),
    ({"loss": "often"}, "loss must be bernoulli:P"),
    ({"wait": float("nan")}, "Expected `float` >= 0.0"),
    ({"wait": -1.0}, "Expected `float` >= 0.0"),
    ({"period": 0.0}, "Expected `float` > 0.0"),
    ({"fleet": {"ego0": "ipc:///tmp/x"}}, "matching regex"),
    ({"run": ""}, "length >= 1"),
    ({"channel": "language", "prompts": {"comb": "x"}}, "the prompts ask nothing"),
    ({"channel": "language", "prompts": {"scene": "x" * (1 << 15)}}, "length <= 16384"),
    ({"seed": "1"}, "Expected `int`, got `str`"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_HELLOS)
def test_a_hello_that_cannot_be_met_is_refused_in_one_line(client, server, changes, reason) -> None:
    fields = {"fleet": {"ego0": server.endpoint}, "channel": "silent", **changes}
    number = client.hello(**fields)
    answer = client.receive()
    assert (answer["type"], answer["id"]) == ("error", number)
    assert reason in answer["reason"]
    assert "\n" not in answer["reason"]
    client.run = "r1"
    client.observe(0, ["ego0"])  # the run before it goes on
    assert client.plan(0)["failed"] is False


def test_vehicles_of_one_server_must_agree_about_the_run(server, connect) -> None:
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint)
    convoy = Convoy(connect, fleet)
    one, other = convoy.clients.values()
    one.hello(fleet, "latent", wait=0.2)
    assert one.receive()["type"] == "welcome"
    other.hello(fleet, "silent", wait=0.2)
    assert other.receive()["reason"] == "ego1 and ego0 disagree about run 'r1'"


BAD_VIEWS = [
    ({"time": float("inf")}, "`float` <= 10000000.0"),
    ({"pose": [0.0, float("nan"), 0.0]}, "Expected `float` >= -10000000.0 - at `$.pose[1]`"),
    ({"pose": [0.0, 1.0]}, "`array` of length 3"),
    ({"size": [0.0, 1.0]}, "Expected `float` > 0.0"),
    ({"image": {"width": 4, "height": 4, "rgb": b"123"}}, "a picture of 4 x 4 pixels has 3 bytes"),
    ({"image": {"width": 1 << 40, "height": 4, "rgb": b""}}, "Expected `int` <= 32768"),
    ({"route": [[0.0, 0.0]] * 5000}, "length <= 4096"),
    ({"objects": [[0.0] * 5]}, "`array` of length 6"),
    ({"limit": None}, "Expected `float`, got `None`"),
    ({"run": "another"}, "no vehicle has said hello for run 'another' on this connection"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_VIEWS)
def test_an_observation_that_cannot_be_used(client, changes, reason) -> None:
    number = client.observe(0, ["ego0"], **changes)
    answer = client.receive()
    assert (answer["type"], answer["id"]) == ("error", number)
    assert reason in answer["reason"]
    client.observe(0, ["ego0"])
    client.plan(0)


def test_a_camera_driver_wants_a_picture(serve, connect, vlm_folder) -> None:
    server = serve("ego0", "vlm", vlm_folder)
    client = connect(server.endpoint, "ego0")
    client.hello({"ego0": server.endpoint}, "silent")
    client.receive()
    client.observe(0, ["ego0"], image=None)
    assert client.receive()["reason"] == "the vlm driver of ego0 needs an image"


def test_plans_are_asked_for_at_any_time(client) -> None:
    client.observe(0, ["ego0"])
    assert client.plan(0)["speed"] == client.plan(0)["speed"]  # again
    client.decide(5)
    assert client.receive()["reason"] == "moment 5 of ego0 has not been observed"
    client.observe(3, ["ego0"])
    client.plan(3)
    client.decide(2)
    assert client.receive()["reason"] == "moment 2 of ego0 was passed over"
    client.observe(2, ["ego0"])
    assert client.receive()["reason"] == "moment 2 of ego0 is not later than 3"
    client.observe(4, ["ego0"], time=0.1)
    assert client.receive()["reason"] == "time of ego0 goes back, from 0.6 s to 0.1 s"


def test_the_newest_observation_counts(server, connect) -> None:
    """While ego0 waits for ego1, three more moments pass; of those the last is thought about."""
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("silent", wait=5.0)
    one, other = convoy.clients.values()
    names = ["ego0", "ego1"]
    for moment in range(4):
        one.observe(moment, names)
        one.decide(moment)
        until(lambda: server.moment("ego0") == 0)
    for moment in (1, 2):
        assert one.receive()["reason"] == f"moment {moment} of ego0 was passed over"
    other.observe(0, names)
    assert one.receive()["moment"] == 0
    other.observe(3, names)
    assert one.receive()["moment"] == 3


def test_a_run_follows_a_run(server, connect) -> None:
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    for run, channel in (("first", "latent"), ("second", "language"), ("third", "latent")):
        convoy.hello(channel, run=run)
        plan = convoy.moment(0)["ego0"]  # moments and time begin anew
        assert heard(plan, channel) == {"ego1": "used"}
        if run != "second":  # whose end nobody tells
            for client in convoy.clients.values():
                client.send("bye", run=run)
    for client in convoy.clients.values():
        client.decide(0)
        assert "no vehicle has said hello" in client.receive()["reason"]
    assert server.server._councils == {}


def test_a_client_that_vanished_is_in_nobodys_way(server, connect) -> None:
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint)
    gone = Convoy(connect, fleet)
    gone.hello("latent")
    for name, client in gone.clients.items():
        client.observe(0, list(fleet), objects=[])
        until(lambda name=name: server.moment(name) == 0)
        client.socket.close(0)
    convoy = Convoy(connect, fleet)
    convoy.hello("latent", run="next")
    assert heard(convoy.moment(0)["ego1"], "latent") == {"ego0": "used"}


def test_who_waits_is_told_when_another_takes_the_vehicle_over(server, connect) -> None:
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint)
    convoy = Convoy(connect, fleet)
    convoy.hello("silent", wait=100.0)
    old = convoy.clients["ego0"]
    old.observe(0, list(fleet))
    old.decide(0)
    until(lambda: server.moment("ego0") == 0)
    new = connect(server.endpoint, "ego0")
    new.hello({"ego0": server.endpoint}, "silent", run="mine")
    assert old.receive()["reason"] == "the run of ego0 is over"
    assert new.receive()["type"] == "welcome"


def test_a_client_that_says_hello_again_goes_on_in_the_run(server, connect) -> None:
    """As after a broken connection: the others hear it as before."""
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint)
    convoy = Convoy(connect, fleet)
    convoy.hello("latent")
    convoy.moment(0)
    client = convoy.clients["ego0"] = connect(server.endpoint, "ego0")
    client.hello(fleet, "latent")
    assert client.receive()["missing"] == []
    plans = convoy.moment(1)
    assert [heard(plan, "latent") for plan in plans.values()] == [{"ego1": "used"}, {"ego0": "used"}]


def test_a_moment_that_fails_is_a_moment_only(server, connect, monkeypatch) -> None:
    """Who asked gets the reason, the others are not kept waiting, and the next moment is as any."""
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("latent", wait=1000.0)
    with monkeypatch.context() as patch:
        for step in ("announce", "say", "attend"):

            def broken(*_: Any, step: str = step) -> None:
                raise RuntimeError(f"{step}: out of\nmemory")

            patch.setattr(Agent, step, broken)
            moment = {"announce": 0, "say": 1, "attend": 2}[step]
            for client in convoy.clients.values():
                client.observe(moment, list(convoy.fleet))
                client.decide(moment)
            answers = [client.receive() for client in convoy.clients.values()]
            assert [(a["type"], a["reason"]) for a in answers] == [("error", f"{step}: out of memory")] * 2
            patch.undo()
    assert heard(convoy.moment(3)["ego0"], "latent") == {"ego1": "used"}


def test_one_connection_may_carry_several_vehicles(server, connect) -> None:
    fleet = dict.fromkeys(("ego0", "ego1"), server.endpoint)
    client = connect(server.endpoint, "ego0")
    for name in fleet:
        client.hello(fleet, "silent", vehicle=name)
    assert {client.receive()["vehicle"] for _ in fleet} == set(fleet)
    for name in fleet:
        client.send("observe", run="r1", moment=0, present=list(fleet), vehicle=name, **seen(name, 0))
    assert client.ask("decide", run="r1", moment=0, vehicle="ego1")["moment"] == 0
    assert "several vehicles have said hello" in client.ask("decide", run="r1", moment=0)["reason"]


def test_keys_of_later_versions_are_passed_over(client) -> None:
    assert client.ask("ping", mood="good", deep=[[[1]], {"a": {}}])["type"] == "pong"


def test_garbage_ends_nothing(client, server, connect) -> None:
    """Random bytes, cut and changed messages, frames too many: whatever it is, the run goes on."""
    chance = random.Random(0)
    context: zmq.Context[Any] = zmq.Context()
    raw = context.socket(zmq.DEALER)
    raw.linger = 0
    raw.connect(server.endpoint)
    good = [
        msgpack.packb({"type": "observe", "id": 1, "run": "r1", "moment": 0, "present": ["ego0"], **seen("ego0", 0)}),
        msgpack.packb({"type": "join", "run": "r1", "sender": "ego1", "mesh": "tcp://127.0.0.1:1", "reply": True}),
        msgpack.packb({"type": "roll", "run": "r1", "sender": "ego0", "moment": 0, "phase": "beacon",
                       "position": [0.0, 0.0], "manifests": [{"sender": "ego0", "addressee": "", "seq": 0,
                       "kind": "beacon", "spoken_at": 0.0, "ready_at": 0.0, "chunk_sizes": [1]}]}),
        msgpack.packb({"type": "hello", "id": 1, "vehicle": "ego0", "run": "r1"}),
    ]  # fmt: skip
    for _ in range(400):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        raw.send(bytes(data[: chance.randrange(len(data) + 1)]))
        raw.send(chance.randbytes(chance.randrange(60)))
    raw.send_multipart([b"", good[0]])
    raw.send(b"\x91" * 100_000)
    client.observe(0, ["ego0"])
    client.plan(0)
    answers = []
    while raw.poll(300):
        answers.append(msgpack.unpackb(raw.recv()))
    assert answers
    assert {answer["type"] for answer in answers} == {"error"}
    assert all("\n" not in answer["reason"] for answer in answers)
    context.destroy(0)


def test_a_message_without_an_end_is_cut_off(client, server) -> None:
    context: zmq.Context[Any] = zmq.Context()
    raw = context.socket(zmq.DEALER)
    raw.linger = 0
    raw.connect(server.endpoint)
    raw.send(bytes((1 << 26) + 1))
    assert not raw.poll(200)
    client.observe(0, ["ego0"])
    client.plan(0)
    context.destroy(0)


def test_a_peer_that_leaves_within_a_moment_ends_nothing(server, connect, caplog) -> None:
    """ego1 has spoken, and is gone before ego0 listens."""
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("observation")
    convoy.moment(0)
    first, second = convoy.clients.values()
    second.observe(1, ["ego0", "ego1"])  # announces itself; its message and ego0's beacon are still to come
    until(lambda: server.moment("ego1") == 1)
    second.send("bye", run="r1")
    first.observe(1, ["ego0"])
    assert heard(first.plan(1), "observation") == {}
    assert server.error is None


def test_a_mistake_of_ours_ends_one_moment_and_no_more(server, client, connect, monkeypatch, caplog) -> None:
    speak = Agent.meet
    monkeypatch.setattr(Agent, "meet", lambda *args: {}["of no vehicle's"])
    client.observe(0, ["ego0"])
    client.decide(0)
    answer = client.receive()
    assert (answer["type"], "of no vehicle's" in answer["reason"]) == ("error", True)
    monkeypatch.setattr(Agent, "meet", speak)
    client.observe(1, ["ego0"])
    assert client.plan(1)["failed"] is False
    monkeypatch.setattr("laco.agents.bridge.serve.assemble", lambda *args: [][0])
    other = connect(server.endpoint, "ego1")
    other.hello({"ego1": server.endpoint}, "silent", run="r2")
    assert other.receive() == {"type": "error", "id": 1, "reason": "IndexError: list index out of range"}
    client.observe(2, ["ego0"])
    assert client.plan(2)["failed"] is False
    assert "cannot handle a hello" in caplog.text
