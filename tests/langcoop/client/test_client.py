"""The conversation with one server: slow, dead, started anew, talking nonsense."""

import copy
import pickle
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from laco_langcoop.client import Client
from laco_langcoop.line import Line

SOON = 5.0  # [s] for what must come; nothing waits that long if all is well


def greeted(endpoint: str) -> Client:
    client = Client("ego0", endpoint)
    client.hello({"run": "r", "version": 1})
    assert client.linked(time.monotonic() + SOON)
    return client


def moment(client: Client, number: int, seconds: float = SOON) -> Any:
    client.observe(number, {"speed": 1.0})
    client.ask(number)
    return client.answer(time.monotonic() + seconds)


def test_a_run_from_hello_to_bye(servers: Any, until: Callable[..., None]) -> None:
    server = servers()
    client = greeted(server.endpoint)
    plan, reason = moment(client, 0)
    assert plan is not None
    assert plan["moment"] == 0
    assert reason == ""
    client.bye()
    until(lambda: "bye" in server.kinds())
    assert server.kinds() == ["hello", "observe", "decide", "bye"]
    assert all(request["vehicle"] == "ego0" for request in server.requests)
    assert [request["run"] for request in server.requests] == ["r"] * 4
    ids = [request["id"] for request in server.requests]
    assert len(set(ids)) == len(ids)


def test_nobody_there_is_a_reason_and_nothing_waits() -> None:
    client = Client("ego0", "tcp://127.0.0.1:1")
    client.hello({"run": "r"})
    assert not client.linked(time.monotonic() + 0.05)
    assert client.observe(0, {}) == 0
    client.ask(0)
    assert "no server" in client.answer(time.monotonic() + 60.0).reason
    client.bye()


def test_a_slow_server_is_waited_for_less_until_it_is_heard(servers: Any, until: Callable[..., None]) -> None:
    server = servers()
    client = greeted(server.endpoint)
    server.delay = 0.3
    assert "in time" in moment(client, 0, 0.02).reason
    assert client.misses == 1
    assert client.patience(8.0) == 2.0
    assert "in time" in moment(client, 1, 0.02).reason
    assert client.patience(8.0) == 0.5
    client.misses = 10
    assert client.patience(8.0) == 0.2
    assert client.patience(0.1) == 0.1
    server.delay = 0.0
    until(lambda: server.kinds().count("decide") == 2)
    # The late answers are answers to old questions: signs of life, not plans.
    plan, _ = moment(client, 2)
    assert plan is not None
    assert plan["moment"] == 2
    assert client.misses == 0
    assert client.patience(8.0) == 8.0
    client.bye()


NONSENSE = [
    b"",
    b"\xc1",
    b"\x81\xa4type",
    bytes([0x91] * 2000) + b"\x01",
    b"\x93\x01\x02\x03",
    b"\x81\xa4type\x07",
    b"\x82\x01\x02\x03\x04",
    b"\x81\xa4type\xa2\xff\xfe",
    random.Random(0).randbytes(64),
]


@pytest.mark.parametrize("frame", NONSENSE)
def test_nonsense_is_counted_and_passed_over(servers: Any, frame: bytes) -> None:
    server = servers()
    client = greeted(server.endpoint)
    server.wrong = lambda request, answers: [frame, *answers] if request["type"] == "decide" else answers
    plan, _ = moment(client, 0)
    assert plan is not None
    assert client.line.garbage == 1
    client.bye()


def test_answers_to_something_else_are_no_answers(servers: Any) -> None:
    server = servers()
    client = greeted(server.endpoint)

    def wrong(request: Any, answers: Any) -> Any:
        if request["type"] != "decide":
            return answers
        old = {**answers[0], "id": request["id"] - 1}
        other = {**answers[0], "moment": request["moment"] + 1}
        stranger = {"type": "error", "id": 99_999, "reason": "not for you"}
        return [old, other, stranger, {"type": "news"}, *answers]

    server.wrong = wrong
    plan, _ = moment(client, 3)
    assert plan is not None
    assert plan["id"] == client._decided
    assert plan["moment"] == 3
    client.bye()


def test_an_error_is_the_reason_at_once(servers: Any) -> None:
    server = servers()
    client = greeted(server.endpoint)

    def wrong(request: Any, answers: Any) -> Any:
        refused = [{"type": "error", "id": request["id"], "reason": "no route\nhere"}]
        return {"observe": refused, "decide": []}.get(request["type"], answers)

    server.wrong = wrong
    assert moment(client, 0) == (None, "the server says: no route here")
    assert client.misses == 0, "a server that says no is heard"
    client.bye()


def test_a_refused_run_is_the_reason_of_every_moment(servers: Any) -> None:
    server = servers()
    server.wrong = lambda request, answers: [{"type": "error", "id": request["id"], "reason": request["type"]}]
    client = greeted(server.endpoint)
    for number in range(2):
        assert moment(client, number).reason == "the server says: hello"
    assert client.welcome is None
    client.bye()


def test_the_first_plan_is_waited_for_not_the_welcome(servers: Any) -> None:
    """A server welcomes when it knows its peers, and those may say hello by way of the same process."""
    server = servers()
    late: list[Any] = []

    def wrong(request: Any, answers: Any) -> Any:
        late.extend(answers)
        return [late.pop(0) for _ in range(len(late))] if request["type"] == "decide" else []

    server.wrong = wrong
    client = greeted(server.endpoint)
    assert client.welcome is None
    assert moment(client, 0).plan is not None
    assert client.welcome is not None
    assert client.welcome["model"] == "tiny"
    client.bye()


def test_a_server_started_anew_hears_hello_and_nothing_old(servers: Any, until: Callable[..., None]) -> None:
    server = servers()
    client = greeted(server.endpoint)
    assert moment(client, 0).plan is not None
    server.close()
    until(lambda: client.line.follow() or not client.line.linked)
    assert "no server" in moment(client, 1).reason
    again = servers(server.endpoint)
    until(lambda: moment(client, 2, 0.5).plan is not None)
    assert again.kinds()[:3] == ["hello", "observe", "decide"]
    assert again.requests[1]["moment"] == 2
    client.bye()


def test_ping(servers: Any) -> None:
    client = Client("", servers().endpoint)
    pong, _ = client.ping(time.monotonic() + SOON)
    assert pong is not None
    assert pong["driver"] == "llm"
    client.bye()
    lost = Client("", "tcp://127.0.0.1:1")
    assert lost.ping(time.monotonic() + 0.05) == (None, "no server")
    lost.bye()


def test_copies_and_forks_have_sockets_of_their_own(servers: Any) -> None:
    server = servers()
    line = Line(server.endpoint)
    line.send({"type": "ping", "id": 1})
    for other in (copy.deepcopy(line), pickle.loads(pickle.dumps(line))):  # noqa: S301
        assert other.endpoint == line.endpoint
        assert other._socket is None
    socket = line._socket
    line._process = -1  # as it looks in a fork
    line.follow()
    assert line._socket is not None
    assert line._socket is not socket
    assert not socket.closed
    socket.close(0)
    line.close()


def test_the_check_command_tells_each_server(servers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from laco_langcoop.__main__ import main

    endpoint = servers().endpoint
    assert main(["check", endpoint]) == 0
    assert capsys.readouterr().out == f"{endpoint}: ego0 by llm, model tiny\n"
    assert main(["check", endpoint, "tcp://127.0.0.1:1", "--seconds", "0.3"]) == 1
    assert capsys.readouterr().out.splitlines()[1] == "tcp://127.0.0.1:1: no server"
    for wrong in ("127.0.0.1:7400", "tcp://127.0.0.1:70000", "tcp://*:7400"):
        with pytest.raises(SystemExit) as ended:
            main(["check", wrong])
        assert ended.value.code == 2
        assert "is not like tcp://127.0.0.1:7400" in capsys.readouterr().err
