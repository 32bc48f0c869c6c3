"""Whole routes on the embedded server, driven by the expert and by the built-in driver."""

from collections.abc import Iterator

import carla
import numpy as np
import pytest

from laco.agents.route import Route
from laco.config import LacoConfig
from laco.scenarios.pilots import Expert
from laco.scenarios.routes.driving import Driven, drive, refereeing
from laco.scenarios.routes.ground import of_file, of_server
from laco.scenarios.routes.layouts import layout
from laco.scenarios.runner import Run
from laco.scenarios.server.options import WorldOptions
from laco.scenarios.session import Options, Session
from laco.scenarios.stage import CURRENT, Stage

from .conftest import task


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(hosts=1) as made:
        yield made


SIDE_ROAD = task([(1.6, 60.0), (60.0, 1.6)], id="side")
CROSSING = task(  # three ways over one junction with lights
    [(190.0, -98.4), (250.0, -98.4)], [(221.6, -60.0), (221.6, -125.0)], [(250.0, -101.6), (190.0, -101.6)],
    id="r1_own_ins_c", town="grid",
)  # fmt: skip


@pytest.fixture(scope="module")
def side(session: Session) -> Driven:
    """Two vehicles out of the side road, one behind the other, past its stop sign, by the expert."""
    return drive(session, "side", layout(SIDE_ROAD, of_file("t_junction")), None, green=True)


def test_who_arrives_makes_room_and_both_arrive(side: Driven) -> None:
    assert [d.status for d in side.drives] == ["completed", "completed"]
    assert side.drives[0].time != side.drives[1].time  # to the same end, one after the other


def test_a_stop_sign_that_the_bold_expert_does_not_heed(session: Session) -> None:
    made = layout(SIDE_ROAD, of_file("t_junction"), 1)
    with Stage(session.simulator, made) as stage, refereeing(made, green=True)(stage) as referee:
        (found,) = Run(stage, Expert(0.0), referee=referee).drive().drives.values()
    assert [signal.kind for signal in found.signals] == ["stop"]
    assert (found.completion, found.penalty) == (100.0, pytest.approx(0.8))


def test_lanes_are_kept(side: Driven) -> None:
    assert [d.off_lane for d in side.drives] == [0.0, 0.0]


def test_one_time_limit_for_both(side: Driven) -> None:
    assert {d.allowed for d in side.drives} == {float(int(0.8 * side.drives[0].length + 8))}


def test_records(side: Driven) -> None:
    first, _ = side.records(3)
    assert (first["route_id"], first["index"], first["status"]) == ("RouteScenario_side", 3, "Completed")
    assert first["meta"]["duration_game"] == side.drives[0].time
    assert first["scores"]["score_composed"] == pytest.approx(side.drives[0].score)


@pytest.fixture(scope="module")
def red(session: Session) -> Driven:
    return drive(session, "r1", layout(CROSSING, of_file("grid")), None, green=False)


def test_three_vehicles_of_an_interdrive_folder(session: Session, red: Driven) -> None:
    """With the lights all green nobody runs one; as the map has them somebody does, for nobody here knows lights."""
    green = drive(session, "r1", layout(CROSSING, of_file("grid")), None, green=True)
    assert [d.status for d in green.drives] == ["completed"] * 3
    assert [d.signals for d in green.drives] == [[]] * 3
    signals = [s.kind for d in red.drives for s in d.signals]
    assert signals
    assert set(signals) == {"red_light"}
    lights = session.simulator.world.get_actors().filter("traffic.traffic_light*")
    states = {light.state for light in lights}
    assert carla.TrafficLightState.Red in states  # they are let go afterwards


def test_a_route_does_not_depend_on_the_one_before(session: Session, red: Driven) -> None:
    again = drive(session, "r1", layout(CROSSING, of_file("grid")), None, green=False)
    assert [(d.time, d.progress) for d in again.drives] == [(d.time, d.progress) for d in red.drives]
    assert [len(d.signals) for d in again.drives] == [len(d.signals) for d in red.drives]


def test_the_built_in_driver_with_a_channel(session: Session) -> None:
    """Straight on, 40 m, for the models' time."""
    made = layout(task([(60.0, -1.6), (20.0, -1.6)], id="short"), of_file("t_junction"))
    options = Options(scenario="route-short", channel="observation", laco=LacoConfig(realign="identity"))
    driven = drive(session, "short", made, options, green=True)
    assert driven.record.outcome == "finished"
    assert driven.result is not None
    assert any(receipt.kind == "observation" for receipt in driven.result.messages.receipts)
    assert [d.status for d in driven.drives] == ["completed", "completed"]


def test_on_the_map_that_a_server_is_on(session: Session) -> None:
    session.simulator.load("t_junction")
    ground = of_server(session.simulator)
    made = layout(SIDE_ROAD, ground, 1)
    assert made.map == CURRENT
    ids = [actor.id for actor in session.simulator.world.get_actors()]
    driven = drive(session, "side", made, None, green=True)
    assert [d.status for d in driven.drives] == ["completed"]
    assert [actor.id for actor in session.simulator.world.get_actors()] == ids  # not loaded anew


def test_a_vehicle_that_is_put_off_the_road_loses_that_share(session: Session) -> None:
    """It starts 8 m beside the lane and is led back onto it."""
    made = layout(task([(140.0, -1.6), (60.0, -1.6)], id="beside"), of_file("t_junction"), 1)
    with Stage(session.simulator, made) as stage, refereeing(made, green=True)(stage) as referee:
        car = stage.actors["A"]
        car.set_transform(carla.Transform(carla.Location(140.0, -9.6, 0.0), carla.Rotation(yaw=180.0)))
        (found,) = Run(stage, Expert(0.0), referee=referee).drive().drives.values()
    assert found.status == "completed"
    assert 1.0 < found.off_lane < 40.0
    assert found.penalty == pytest.approx(1.0 - found.off_lane / found.progress)


def test_background_traffic_is_there_and_repeats() -> None:
    """SUMO's cars, from the same beginning for each run."""
    pytest.importorskip("libsumo")
    made = layout(task([(120.0, -98.4), (170.0, -98.4)], id="busy", town="grid"), of_file("grid"), 1)
    with Session(hosts=1, world=WorldOptions(map="grid", traffic=12)) as busy:
        runs = [drive(busy, "busy", made, None, green=True) for _ in range(2)]
    strangers = [[body for role, body in scene.bodies if not role] for scene in runs[0].record.scenes]
    assert min(map(len, strangers)) > 5
    assert runs[0].record.scenes == runs[1].record.scenes
    assert [d.status for d in runs[0].drives] == ["completed"]


def test_a_route_that_crosses_itself_is_followed_branch_by_branch() -> None:
    """An eight: at the crossing the nearest point of the whole route is on the other branch."""
    loop = Route.through(np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 50.0], [50.0, 50.0], [50.0, -50.0]]))
    assert loop.project(50.2, 0.1, near=49.0)[0] == pytest.approx(50.2)
    assert loop.project(50.1, 0.2, near=249.0)[0] == pytest.approx(249.8)
    assert loop.project(50.1, 0.2)[0] == pytest.approx(249.8)
    assert loop.project(0.0, -3.0, near=0.0) == (0.0, pytest.approx(-3.0))
    assert loop.project(50.0, -60.0, near=300.0)[0] == pytest.approx(300.0)
