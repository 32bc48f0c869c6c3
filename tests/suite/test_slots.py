"""Workers that crash, hang or are idle too long cost their own run alone."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from laco.processes import alive, cpu_seconds, end_marked, marked
from laco.scenarios.suite import slots
from laco.scenarios.suite.answer import Answer
from laco.scenarios.suite.slots import MARK, Slot, Slots

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
SUITE = f"test{os.getpid()}"


@pytest.fixture
def slot() -> Iterator[Slot]:
    with Slot(SUITE) as made:
        yield made


def pid_of(slot: Slot) -> int:
    (found,) = marked(MARK, slot.mark)
    return found


def test_a_hung_worker_is_ended_after_the_limit(slot: Slot) -> None:
    os.kill(pid_of(slot), signal.SIGSTOP)
    answer = slot.ask(b"{}", 0.1)
    assert (answer.outcome, answer.detail) == ("timeout", "ended after 0.1 s")
    slot.kill()
    assert not marked(MARK, slot.mark)


def test_a_killed_worker_is_a_crash(slot: Slot) -> None:
    os.kill(pid_of(slot), signal.SIGKILL)
    answer = slot.ask(b"{}", 60.0)
    assert (answer.outcome, answer.detail) == ("crashed", "the worker ended with status -9")


def test_a_worker_that_fails_says_why(slot: Slot) -> None:
    answer = slot.ask(b"no task", 60.0)
    assert answer.outcome == "crashed"
    assert "DecodeError" in answer.detail


def test_the_sound_are_kept_and_the_lost_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([Answer(), Answer(outcome="error"), Answer(outcome="world_lost"), Answer()])
    monkeypatch.setattr(Slot, "ask", lambda *_: next(said))
    with Slots() as kept:
        monkeypatch.setattr(slots, "SLOTS", kept)
        seen = []
        for number in range(4):
            back, answer = slots.drive(number, b"{}", 1.0, SUITE)
            assert back == number
            seen.append((msgspec.json.decode(answer, type=Answer).outcome, marked(MARK, SUITE)))
        assert [outcome for outcome, _ in seen] == ["finished", "error", "world_lost", "finished"]
        assert seen[0][1] == seen[1][1] != []
        assert seen[2][1] == []  # ended at once, with all it had started
        assert len(seen[3][1]) == 1
        os.kill(seen[3][1][0], signal.SIGKILL)  # idle: found out before the next run is given to it
        fresh = kept.take(SUITE)
        assert fresh.running
        kept.give(fresh)
        other = kept.take(SUITE + "-next")
        assert not marked(MARK, fresh.mark)
        other.close()
    assert not marked(MARK, SUITE)


def test_whoever_is_marked_is_found_whosever_child_it_is(slot: Slot) -> None:
    pid = pid_of(slot)
    assert alive(pid)
    assert cpu_seconds(os.getpid()) >= cpu_seconds(pid) >= 0.0
    assert end_marked(MARK, slot.mark) == [pid]
    assert not alive(pid)
    assert end_marked(MARK, slot.mark) == []
