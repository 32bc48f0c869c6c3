"""Scores that a person can work out."""

import pytest

from laco.scenarios.metrics import Drive, kind_of, timeout

TICK = 0.05


def at(drive: Drive, time: float, along: float, offset: float = 0.0, speed: float = 5.0) -> Drive:
    drive.update(time, along, offset, speed, TICK)
    return drive


def test_the_score_of_the_leaderboard_s_example() -> None:
    """RC 80 with one pedestrian (.50), one vehicle (.60) and one static (.65)."""
    drive = at(Drive(100.0), 20.0, 80.0)
    for number, kind in enumerate(("walker.pedestrian.0001", "vehicle.audi.tt", "static.prop.bin")):
        drive.collide(1.0, number, kind)
    assert drive.completion == 80.0
    assert drive.penalty == pytest.approx(0.195)
    assert drive.score == pytest.approx(15.6)


def test_each_other_actor_counts_once() -> None:
    drive = at(Drive(100.0), 1.0, 50.0)
    for actor in (7, 7, 8, 7):
        drive.collide(1.0, actor, "vehicle.audi.tt")
    assert drive.penalty == pytest.approx(0.36)
    assert drive.collisions == [("vehicle", 1.0, 7), ("vehicle", 1.0, 8)]


def test_one_of_each_and_a_tenth_off_lane() -> None:
    """80 x 0.5 x 0.6 x 0.65 x 0.7 x 0.8 x 0.9 = 7.8624, as the leaderboard's own statistics compute it."""
    drive = at(Drive(100.0), 20.0, 80.0)
    for number, kind in enumerate(("walker.pedestrian.0001", "vehicle.audi.tt", "static.prop.bin")):
        drive.collide(1.0, number, kind)
    drive.pass_signal("red_light", 2.0, 40)
    drive.pass_signal("stop", 3.0, 41)
    drive.off_lane = 8.0
    assert drive.off_lane_share == pytest.approx(0.1)
    assert drive.score == pytest.approx(7.8624)


@pytest.mark.parametrize(("length", "seconds"), [(100.0, 88.0), (0.0, 8.0), (101.0, 88.0), (102.5, 90.0)])
def test_timeout(length: float, seconds: float) -> None:
    assert timeout(length) == seconds


def test_time_is_up() -> None:
    drive = Drive(100.0)
    assert at(drive, 87.95, 50.0).status == "driving"
    assert at(drive, 88.0, 50.0).status == "timeout"


def test_blocked_after_thirty_seconds_below_half_a_metre_a_second() -> None:
    drive, slow = Drive(1000.0), round(30.0 / TICK)
    for i in range(slow - 1):
        at(drive, i * TICK, 1.0, speed=0.4)
    assert drive.status == "driving"
    at(drive, 30.0, 1.0, speed=0.6)  # it moves: the count starts anew
    for i in range(slow - 1):
        at(drive, 30.0 + i * TICK, 1.0, speed=-0.4)
    assert drive.status == "driving"
    assert at(drive, 61.0, 1.0, speed=0.0).status == "blocked"


@pytest.mark.parametrize("offset", [30.01, -30.01])
def test_deviation_beyond_thirty_metres(offset: float) -> None:
    drive = Drive(100.0)
    assert at(drive, 1.0, 50.0, offset=offset / 1.001).status == "driving"
    assert at(drive, 2.0, 50.0, offset=offset).status == "deviation"


def test_arrival_within_two_metres_is_all_of_the_route() -> None:
    drive = Drive(100.0)
    assert at(drive, 9.0, 97.9).status == "driving"
    assert (at(drive, 10.0, 98.0).status, drive.completion) == ("completed", 100.0)


def test_nothing_counts_after_the_end() -> None:
    drive = at(Drive(100.0), 10.0, 99.0)
    at(drive, 11.0, 50.0, offset=99.0)
    drive.collide(10.05, 1, "vehicle.audi.tt")
    assert (drive.status, drive.time, drive.score) == ("completed", 10.0, 100.0)


def test_a_collision_reported_late_counts_at_its_own_time() -> None:
    drive = at(Drive(100.0), 10.0, 99.0)
    drive.collide(9.95, 1, "vehicle.audi.tt")
    assert drive.score == pytest.approx(60.0)


def test_progress_is_the_furthest_point() -> None:
    drive = at(at(Drive(100.0), 1.0, 40.0), 2.0, 30.0)
    assert drive.completion == 40.0


@pytest.mark.parametrize(("free", "score"), [(8.0, 80.0), (10.0, 100.0), (12.0, 100.0), (None, 100.0)])
def test_timely_score_prices_crawling_and_rewards_no_haste(free: float | None, score: float) -> None:
    assert at(Drive(100.0), 10.0, 99.0).timely(free) == pytest.approx(score)


@pytest.mark.parametrize(
    ("type_id", "kind"),
    [
        ("walker.pedestrian.0012", "pedestrian"),
        ("vehicle.carlamotors.firetruck", "vehicle"),
        ("static.building", "static"),
        ("traffic.traffic_light", "static"),
    ],
)
def test_kinds(type_id: str, kind: str) -> None:
    assert kind_of(type_id) == kind
