"""Both benchmarks' scores, by hand."""

import pytest

from laco.scenarios.metrics import Drive
from laco.scenarios.routes.drive import RouteDrive
from laco.scenarios.routes.records import record
from laco.scenarios.routes.scores import Total, interdrive, kind_of, langcoop
from laco.scenarios.routes.totals import summary

TICK = 0.05


def drive(completion: float = 100.0, *events: str, off_lane: float = 0.0) -> RouteDrive:
    """A drive of 100 m."""
    made = RouteDrive(100.0)
    for number, event in enumerate(events):
        if event in ("red_light", "stop"):
            made.pass_signal(event, 1.0, number)
        else:
            made.place = (100.0 * number, 0.0)  # so that each counts
            made.collide(10.0 * number, 100 + number, event)
    made.off_lane = off_lane
    made.update(20.0, completion, 0.0, 5.0, TICK)
    return made


ONE_OF_EACH = ("walker.pedestrian.0001", "vehicle.audi.tt", "static.prop.bin", "red_light", "stop")


def test_langcoop_one_of_each_and_a_tenth_off_lane() -> None:
    score = langcoop(drive(80.0, *ONE_OF_EACH, off_lane=8.0))
    assert (score.completion, score.penalty) == (80.0, pytest.approx(0.0982800))
    assert score.driving == pytest.approx(7.8624)


def test_interdrive_multiplies_penalties_and_forgives_the_first_vehicle_its_signals() -> None:
    """RC (100 + 80) / 2; P (0.6 x 0.7 x 0.8) x (0.65 x 0.7) / (0.7 x 0.8)."""
    first, second = drive(100.0, "vehicle.audi.tt", "red_light", "stop"), drive(80.0, "static.x", "red_light")
    score = interdrive([first, second])
    assert score.completion == pytest.approx(90.0)
    assert score.penalty == pytest.approx(0.6 * 0.65 * 0.7)
    assert score.driving == pytest.approx(24.57)
    assert not score.success


def test_interdrive_succeeds_above_99_95() -> None:
    assert interdrive([drive(), drive()]).success
    assert interdrive([drive(100.0, "red_light"), drive()]).success
    assert not interdrive([drive(), drive(100.0, "red_light")]).success
    assert not interdrive([drive(), drive(98.9)]).success
    assert interdrive([drive(off_lane=0.04), drive()]).success
    assert not interdrive([drive(off_lane=0.06), drive()]).success


def test_means_over_routes_and_vehicles() -> None:
    def result(route: str, *drives: Drive) -> dict[str, object]:
        joint = interdrive(drives)
        scores = {"score_route": joint.completion, "score_penalty": joint.penalty, "duration_game": joint.time}
        return {"route": route, "records": [record(route, 0, d, 1.0) for d in drives], "interdrive": scores}

    found = summary(
        [
            result("r1_town05_ins_c", drive(), drive(50.0)),
            result("r2_town06_hw_c", drive(100.0, "vehicle.audi.tt"), drive()),
            result("r3_town05_ins_crosschange", drive()),
        ]
    )
    first, second = found["langcoop"]["vehicles"]
    assert (first["routes"], first["driving"], first["penalty"]) == (3, pytest.approx(260 / 3), pytest.approx(2.6 / 3))
    assert (second["routes"], second["driving"], second["completion"]) == (2, 75.0, 75.0)
    assert found["langcoop"]["all"]["driving"] == pytest.approx(410 / 5)
    joint = found["interdrive"]
    assert joint["all"]["driving"] == pytest.approx((75.0 + 60.0 + 100.0) / 3)
    assert joint["all"]["success"] == pytest.approx(1 / 3)
    assert {name: part["driving"] for name, part in joint["groups"].items()} == {"LM": 75.0, "LC": 80.0}
    assert set(joint["kinds"]) == {"ins_c", "hw_c", "ins_crosschange"}


def test_kinds() -> None:
    assert kind_of("r25_town05_ins_crosschange") == "ins_crosschange"
    assert kind_of("Interdrive_npc_r26_town05_ins_chaos") == "ins_chaos"
    assert kind_of("r1_town05_ins_c") == "ins_c"
    assert kind_of("24") == ""


def test_total_of_one() -> None:
    assert Total.of([langcoop(drive())]) == Total(1, 100.0, 1.0, 100.0, 20.0, 1.0)


class TestDrive:
    """Where the leaderboard's letter differs from ours."""

    def test_completed_past_99_percent_and_near_the_end(self) -> None:
        made = RouteDrive(200.0, end=(200.0, 0.0))
        made.place = (197.9, 0.0)
        made.update(1.0, 197.9, 0.0, 5.0, TICK)
        assert made.status == "driving"
        made.place = (198.1, 11.0)
        made.update(1.1, 198.1, 11.0, 5.0, TICK)
        assert made.status == "driving"
        made.place = (198.1, 1.0)
        made.update(1.2, 198.1, 1.0, 5.0, TICK)
        assert (made.status, made.completion) == ("completed", 100.0)

    def test_one_time_limit_for_all(self) -> None:
        made = RouteDrive(200.0, limit=88.0)
        made.update(87.9, 1.0, 0.0, 5.0, TICK)
        assert made.status == "driving"
        made.update(88.0, 1.0, 0.0, 5.0, TICK)
        assert made.status == "timeout"

    def test_a_third_of_the_route_beyond_15_metres_is_a_deviation(self) -> None:
        made = RouteDrive(100.0)
        for along in range(30):
            made.update(1.0 + along, float(along), 16.0, 5.0, TICK)
        assert made.status == "driving"
        made.update(40.0, 31.0, 16.0, 5.0, TICK)
        assert made.status == "deviation"

    def test_a_collision_that_goes_on_is_one(self) -> None:
        made = RouteDrive(100.0)
        made.collide(1.0, 7, "vehicle.audi.tt")
        made.place = (4.0, 0.0)
        made.collide(3.0, 7, "vehicle.audi.tt")  # the same vehicle within 5 s
        made.place = (2.0, 0.0)
        made.collide(4.0, 8, "static.wall")  # within 3 m of the first place
        made.collide(4.0, 0, "static.sidewalk")
        assert [hit.id for hit in made.collisions] == [7]

    def test_the_same_vehicle_counts_again_later_and_elsewhere(self) -> None:
        made = RouteDrive(100.0)
        made.collide(1.0, 7, "vehicle.audi.tt")
        made.place = (4.0, 0.0)
        made.collide(6.1, 7, "vehicle.audi.tt")
        assert made.penalty == pytest.approx(0.36)


RECORD_LISTS = {
    "collisions_pedestrian", "collisions_vehicle", "collisions_layout", "red_light", "stop_infraction",
    "outside_route_lanes", "route_dev", "route_timeout", "vehicle_blocked",
}  # fmt: skip


def test_a_record_in_langcoop_s_form() -> None:
    made = record("3", 4, drive(80.0, *ONE_OF_EACH, off_lane=8.0), 2.5)
    assert (made["route_id"], made["index"], made["status"]) == ("RouteScenario_3", 4, "Failed - driving")
    assert made["infractions"].keys() == RECORD_LISTS
    assert {name for name, events in made["infractions"].items() if events} == RECORD_LISTS - {
        "route_dev", "route_timeout", "vehicle_blocked",
    }  # fmt: skip
    assert made["infractions"]["red_light"] == ["ran a red light (id 3) at 1.00 s"]
    assert made["infractions"]["outside_route_lanes"] == ["off its lanes for 8.0 m (10.00% of the route driven)"]
    assert made["scores"]["score_composed"] == pytest.approx(7.8624)
    assert made["meta"] == {"duration_system": 2.5, "duration_game": 20.0, "route_length": 100.0}


@pytest.mark.parametrize(
    ("status", "words", "list_"),
    [
        ("completed", "Completed", None),
        ("deviation", "Failed - Agent deviated from the route", "route_dev"),
        ("blocked", "Failed - Agent got blocked", "vehicle_blocked"),
        ("timeout", "Failed - Agent timed out", "route_timeout"),
        ("agent_lost", "Failed - Agent crashed", None),
    ],
)
def test_status_words(status: str, words: str, list_: str | None) -> None:
    made = drive()
    made.status = status
    found = record("0", 0, made, 1.0)
    assert found["status"] == words
    assert [name for name, events in found["infractions"].items() if events] == ([list_] if list_ else [])
