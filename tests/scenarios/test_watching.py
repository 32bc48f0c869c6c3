"""What a watched run does: it keeps pace with the clock, and says who told whom."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from laco.agents.messages import Receipt
from laco.comm.radio import Manifest
from laco.scenarios import watching
from laco.scenarios.pilots import Messages
from laco.scenarios.stage import TICK


class Clock:
    """A clock that moves only when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        self.now += seconds


def test_a_second_of_the_world_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, shares = Clock(), []
    monkeypatch.setattr(watching, "time", clock)
    pace = watching.RealTime(shares.append)
    for i in range(21):  # the first tick is due at once
        clock.now += 0.01  # the world's own work
        pace(i / 20)
    assert clock.now == pytest.approx(100.01 + 20 * TICK)
    assert shares == [i / 20 for i in range(21)]


def test_what_was_late_is_not_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    pace = watching.RealTime()
    pace(0.0)
    clock.now += 10.0
    pace(0.1)
    late = clock.now
    pace(0.2)
    assert clock.now == pytest.approx(late + TICK)


@dataclass
class Talker:
    """A pilot whose vehicle A tells B something, which B uses, and B tells A, which A refuses."""

    messages: Messages = field(default_factory=Messages)

    def decide(self, time: float, views: Any) -> dict[str, Any]:
        for sender, listener, status in (("A", "B", "used"), ("B", "A", "refused")):
            seq = len(self.messages.sent)
            manifest = Manifest(sender, "", seq, "latent", time, time, (1000, 500))
            self.messages.sent.append(SimpleNamespace(manifest=manifest))  # type: ignore[arg-type]
            self.messages.receipts.append(Receipt(sender, listener, seq, "latent", status))
        return {}


def test_messages_are_shown_between_actors_once() -> None:
    told: list[Any] = []
    viewer = SimpleNamespace(tell=lambda said: told.append(list(said)), entitle=lambda title: None)
    shown = watching.Shown(Talker(), viewer, {"A": 7, "B": 9})  # type: ignore[arg-type]
    for time in (0.0, 0.2):
        shown.decide(time, {})
    a_to_b = {"sender": 7, "listener": 9, "kind": "latent", "bytes": 1500, "used": True}
    b_to_a = {"sender": 9, "listener": 7, "kind": "latent", "bytes": 1500, "used": False}
    assert told == [[a_to_b, b_to_a]] * 2
