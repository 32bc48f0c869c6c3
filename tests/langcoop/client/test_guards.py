"""LangCoop's traps, each with what keeps the run alive; and latency that is charged."""

from typing import Any

import pytest
from laco_langcoop.board import Board
from laco_langcoop.charging import Hold
from laco_langcoop.guards import Guard, Still, retried


def brake() -> Any:
    return "brake"


def guarded(count: int = 2, charge: Any = None, seconds: float | None = None) -> tuple[Guard, Any, list[Any], Board]:
    """A guard around an inference that notes what it got and gives control `<ego>@<step>`."""
    board = Board(charge=charge)
    guard = Guard(count, brake, board)
    calls: list[Any] = []

    def act(cars: Any, units: Any, step: int, timestamp: float) -> Any:
        calls.append((list(cars), list(units), step))
        if seconds is not None and step % 4 == 0:
            board.took(seconds / 2)
            board.took(seconds)
        return [f"{i}@{step}" for i in range(len(cars))]

    return guard, guard.around(act), calls, board


def test_a_finished_ego_stands_where_it_was() -> None:
    guard, act, calls, board = guarded(3)
    act(["a0", "b0", "c0"], [], 0, 0.0)
    controls = act(["a1", None, "c1"], ["ra", None, "rc"], 4, 0.2)
    assert calls[1] == (["a1", "b0", "c1"], ["ra", "rc"], 4)
    assert controls == ["0@4", "brake", "2@4"]
    assert board.absent == {1}
    assert guard.settle(4, controls) == ["0@4", "brake", "2@4"]
    # On the ticks between, LangCoop returns a map of its last controls, the finished ego's among them.
    assert guard.settle(5, {0: "0@4", 1: "1@4", 2: "2@4"}) == ["0@4", "brake", "2@4"]
    act(["a2", None, None], [None, "rb", None], 8, 0.4)
    assert calls[2] == (["a2", "b0", "c1"], ["ra", "rb", "rc"], 8)


def test_all_egos_finished_ends_in_brakes_without_inference() -> None:
    guard, act, calls, _ = guarded(2)
    act(["a0", "b0"], [], 0, 0.0)
    guard.settle(0, ["0@0", "1@0"])
    assert guard.settle(4, act([None, None], [], 4, 0.2)) == ["brake", "brake"]
    assert len(calls) == 1


def test_an_ego_missing_from_the_first_tick() -> None:
    guard, act, calls, board = guarded(3)
    assert guard.settle(0, act([None, "b0", "c0"], [None], 0, 0.0)) == ["brake", "1@0", "2@0"]
    assert calls[0][0] == ["b0", "b0", "c0"]
    assert board.absent == {0}
    assert guard.settle(4, act(["a1", "b1", "c1"], [], 4, 0.2)) == ["0@4", "1@4", "2@4"]
    assert calls[1][0] == ["a1", "b1", "c1"]
    assert board.absent == set()


def test_nobody_at_the_first_tick() -> None:
    guard, act, calls, _ = guarded(2)
    assert guard.settle(0, act([None, None], [], 0, 0.0)) == ["brake", "brake"]
    assert calls == []


def test_filling_keeps_what_is_there() -> None:
    still = Still()
    assert still.fill([1, None]) == [1, None]
    assert still.fill([None, 2]) == [1, 2]
    assert still.fill([3, None, None]) == [3, 2, None]


def test_named_arguments_are_langcoops() -> None:
    _, act, calls, _ = guarded(1)
    act(car_data_raw=["a"], rsu_data_raw=[], step=0, timestamp=0.0)
    assert calls == [(["a"], [], 0)]


def drive(guard: Guard, act: Any, calls: list[Any], ticks: int) -> list[str]:
    """LangCoop's ticks: inference at 0 to 4 (1 to 3 on a buffer) and every fourth, else the last controls it made."""
    found = []
    for step in range(ticks):
        infers = step <= 4 or step % 4 == 0
        controls = act([f"a{step}"], [], step, 0.05 * step) if infers else {0: f"0@{calls[-1][2]}"}
        found.append(guard.settle(step, controls)[0])
    return found


@pytest.mark.parametrize("charge", [None, "frozen"])
def test_frozen_time_costs_nothing(charge: Any) -> None:
    guard, act, calls, _ = guarded(1, charge, 10.0)
    assert drive(guard, act, calls, 9) == ["0@0", "0@1", "0@2", "0@3", "0@4", "0@4", "0@4", "0@4", "0@8"]
    assert [call[2] for call in calls] == [0, 1, 2, 3, 4, 8]


def test_measured_time_holds_the_control_before() -> None:
    guard, act, calls, _ = guarded(1, "measured", 0.17)  # 3 ticks
    assert drive(guard, act, calls, 13) == ["brake"] * 3 + ["0@3"] * 4 + ["0@4"] + ["0@4"] * 3 + ["0@8"] + ["0@8"]
    assert [call[2] for call in calls] == [0, 3, 4, 8, 12]


def test_a_decision_longer_than_a_frame_puts_off_the_next() -> None:
    guard, act, calls, _ = guarded(1, 300, 0.001)  # fixed: 6 ticks, whatever was measured
    assert drive(guard, act, calls, 17) == ["brake"] * 6 + ["0@0"] * 8 + ["0@8"] * 3
    assert [call[2] for call in calls] == [0, 8, 16]


@pytest.mark.parametrize(
    ("charge", "ticks"),
    [(None, 0), ("frozen", 0), ("measured", 25), (0, 0), (49, 0), (50, 1), (99, 1), (1000, 20), (120.5, 2)],
)
def test_charged_ticks_are_those_of_colmdriver(charge: Any, ticks: int) -> None:
    assert Hold(charge).ticks(1.2501) == ticks


def test_two_starts_in_one_second_do_not_collide() -> None:
    slept: list[float] = []
    starts = iter([FileExistsError(), FileExistsError(), None])

    def start() -> str:
        failure = next(starts)
        if failure is not None:
            raise failure
        return "made"

    assert retried(start, sleep=slept.append) == "made"
    assert len(slept) == 2
    assert all(seconds >= 1.0 for seconds in slept)


def test_a_folder_that_is_always_there_is_told() -> None:
    def start() -> None:
        raise FileExistsError("always")

    with pytest.raises(FileExistsError, match="always"):
        retried(start, sleep=lambda seconds: None)


def test_a_board_numbers_decisions_and_runs() -> None:
    board = Board()
    board.begin()
    first = board.run()
    assert [board.tick(time) for time in (0.0, 0.0, 0.2, 0.4)] == [0, 0, 1, 2]
    board.facts(0).speed = 3.0
    assert board.facts(0).speed == 3.0
    assert board.facts(1).speed is None
    board.begin()
    assert board.run() != first
    assert board.tick(7.0) == 0
    assert board.facts(0).speed is None
    assert board.run("mine") == "mine-2"
    assert board.taken() is None
    board.took(0.1), board.took(0.3), board.took(0.2)
    assert board.taken() == 0.3
    assert board.taken() is None
