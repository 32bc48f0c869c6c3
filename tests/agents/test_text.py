"""Views in words, against scenes a person can picture."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from laco.agents.drivers import text
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.route import Route

NORTH = -math.pi / 2  # CARLA's y grows to the south
HAZARD = Actor(3, Body(25.0, 24.0, NORTH, 12.0, 2.4, 0.9))
CROSSING = Sight((25.0, 0.0), NORTH, 40.0)


def scene(view: Observation, reader: Observation | None = None) -> list[str]:
    return text.scene(Frame.of(reader or view), view).split("\n")


def test_a_crossing_car_and_the_lane_it_comes_on(eastward: Callable[..., Observation]) -> None:
    """24 m away at 12 m/s it has gone after 2.3 s. Whoever comes to 20 m (a nose and a margin before 24 m) no sooner
    than 0.8 s later keeps clear: 6.5 m/s, three sixths of 12.5. Coming out before it would take more than 12.5. Before
    the lane, 20 m from the nose, it can stop from 10.4 m/s."""
    car, lane = scene(eastward(actors=(HAZARD,), sights=(CROSSING,)))
    assert car == "Car from right, 24 m: 0-3."
    assert lane == "Road from right, 25 m: hidden from 40 m, 0-5."


def test_it_is_told_as_the_reader_sees_it(eastward: Callable[..., Observation]) -> None:
    """For somebody who comes the other way on the same road, left is right and near is far."""
    theirs = eastward(actors=(HAZARD,), sights=(CROSSING,))
    route = tuple((60.0 - step, 0.0) for step in range(0, 65, 5))
    reader = Observation("B", 0.0, Body(60.0, 0.0, math.pi, 8.0, 2.4, 0.9), route, 60.0, 14.0, (), ())
    car, lane = scene(theirs, reader)
    assert car.startswith("Car from left, 34 m: 0-")
    assert lane == "Road from left, 35 m: hidden from 40 m, 0-6."


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        (Body(15.0, 0.0, 0.0, 0.0, 2.4, 0.9), "Car stands, 13 m: 0-3."),
        (Body(15.0, 0.2, 0.0, 3.0, 2.4, 0.9), "Car in front, 13 m: goes 1."),
        (Body(60.0, 0.0, math.pi, 8.0, 2.4, 0.9), "Car from ahead, "),
        (Body(12.0, 4.0, NORTH, 1.4, 0.3, 0.3), "Walker from right, "),
        (Body(25.0, 70.0, NORTH, 12.0, 2.4, 0.9), "Car from right, 24 m: 0-1 or 3+."),
        (Body(25.0, 24.0, NORTH, 12.0, 1.1, 0.4), "Bike from right, "),
        (Body(25.0, 24.0, NORTH, 12.0, 4.2, 1.4), "Truck from right, "),
        (Body(25.0, -8.0, NORTH, 9.0, 2.4, 0.9), text.NOTHING),  # has crossed already
        (Body(70.0, -3.5, math.pi, 8.0, 2.4, 0.9), text.NOTHING),  # in its own lane
        (Body(-9.0, 3.5, 0.0, 10.0, 2.4, 0.9), text.NOTHING),
    ],
)
def test_road_users(eastward: Callable[..., Observation], body: Body, begins: str) -> None:
    (line,) = scene(eastward(actors=(Actor(1, body),)))
    assert line.startswith(begins)


def test_a_lane_seen_to_its_end_and_walkers(eastward: Callable[..., Observation]) -> None:
    sights = (Sight((25.0, 0.0), math.pi / 2, 60.0), Sight((30.0, 0.0), NORTH, 3.0, 2.0))
    assert scene(eastward(sights=sights)) == [
        "Road from left, 25 m: clear.",
        "Walkers from right, 30 m: hidden from 3 m, 0-5.",
    ]
    assert scene(eastward()) == [text.NOTHING]


def test_for_whoever_plans_in_metres_per_second(eastward: Callable[..., Observation]) -> None:
    view = eastward(actors=(HAZARD,), sights=(CROSSING,))
    told = text.scene(Frame.of(view), view, text.Scale.metric(Frame.of(view)))
    assert told == "Car from right, 24 m: 0-6 m/s.\nRoad from right, 25 m: hidden from 40 m, 0-10 m/s."


def test_a_scene_stays_short_and_keeps_who_comes_soonest(eastward: Callable[..., Observation]) -> None:
    cars = [Actor(i, Body(10.0 + 5 * i, 60.0 - 4 * i, NORTH, 12.0, 2.4, 0.9)) for i in range(9)]
    lines = scene(eastward(actors=tuple(cars), sights=(CROSSING,)))
    assert len(lines) == text.MOST
    assert lines[0].startswith("Car from right, 49 m: ")


def test_the_reader_itself_is_not_told_about(eastward: Callable[..., Observation]) -> None:
    itself = Actor(9, eastward(x=60.0).body)
    assert scene(eastward(actors=(itself,)), eastward(x=60.0)) == [text.NOTHING]


def test_state(eastward: Callable[..., Observation]) -> None:
    frame = Frame.of(eastward(speed=11.0))
    assert text.state(frame, 0.25) == "Speed 5, hidden 2."
    assert text.state(frame, 0.0) == "Speed 5."


def test_own_state(eastward: Callable[..., Observation]) -> None:
    frame = Frame.of(eastward(speed=11.0))
    assert text.own(frame, 0.2).split("\n") == [
        "Your speed: 11 m/s. Free road: 12 m/s.",
        "Your route: straight on, 100 m to go.",
        "Hidden vehicles may come at 3 m/s.",
    ]
    assert "Hidden" not in text.own(frame, 0.0)


@pytest.mark.parametrize(("side", "word"), [(1.0, "right"), (-1.0, "left")])
def test_a_bend(side: float, word: str) -> None:
    route = Route.through(np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 40.0 * side]]))
    frame = Frame(Body(0.0, 0.0, 0.0, 5.0, 2.4, 0.9), route, 60.0, 14.0)
    assert f"Your route: {word} in 20 m, 60 m to go." in text.own(frame, 0.0)
