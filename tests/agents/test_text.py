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
    assert scene(eastward(actors=(HAZARD,), sights=(CROSSING,))) == [
        "Crossing lane in 25 m, traffic from the right: hidden beyond 40 m.",
        "Vehicle 25 m ahead 24 m right, 12 m/s going left, crosses your route in 2.0 s 25 m ahead.",
    ]


def test_it_is_told_as_the_reader_sees_it(eastward: Callable[..., Observation]) -> None:
    """For somebody who comes the other way on the same road, left is right and near is far."""
    theirs = eastward(actors=(HAZARD,), sights=(CROSSING,))
    route = tuple((60.0 - step, 0.0) for step in range(0, 65, 5))
    reader = Observation("B", 0.0, Body(60.0, 0.0, math.pi, 8.0, 2.4, 0.9), route, 60.0, 14.0, (), ())
    assert scene(theirs, reader) == [
        "Crossing lane in 35 m, traffic from the left: hidden beyond 40 m.",
        "Vehicle 35 m ahead 24 m left, 12 m/s going right, crosses your route in 2.0 s 35 m ahead.",
    ]


@pytest.mark.parametrize(
    ("body", "name", "line"),
    [
        (Body(12.0, 0.0, 0.0, 0.0, 2.4, 0.9), "", "Vehicle 12 m ahead, standing."),
        (Body(15.0, 0.2, 0.0, 3.0, 2.4, 0.9), "", "Vehicle 15 m ahead, 3 m/s same way."),
        (Body(70.0, -3.5, math.pi, 8.0, 2.4, 0.9), "B", "Vehicle B 70 m ahead 4 m left, 8 m/s oncoming."),
        (Body(-9.0, 3.0, 0.0, 10.0, 2.4, 0.9), "", "Vehicle 9 m behind 3 m right, 10 m/s same way."),
        (Body(25.0, -8.0, NORTH, 9.0, 2.4, 0.9), "", "Vehicle 25 m ahead 8 m left, 9 m/s going left."),
    ],
)
def test_vehicles(eastward: Callable[..., Observation], body: Body, name: str, line: str) -> None:
    """The last one has crossed already."""
    assert scene(eastward(actors=(Actor(1, body, name),))) == [line]


def test_a_lane_seen_to_its_end_and_an_empty_road(eastward: Callable[..., Observation]) -> None:
    (line,) = scene(eastward(sights=(Sight((25.0, 0.0), math.pi / 2, 60.0),)))
    assert line == "Crossing lane in 25 m, traffic from the left: seen clear."
    assert scene(eastward()) == ["No vehicle in sight."]


def test_the_reader_itself_is_not_told_about(eastward: Callable[..., Observation]) -> None:
    itself = Actor(9, eastward(x=60.0).body, "B")
    assert scene(eastward(actors=(itself,)), eastward(x=60.0)) == ["No vehicle in sight."]


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
