"""From the wire to an observation: routes, and numbers for whom the wire has none."""

import math
from typing import Any

import msgspec
import pytest

from laco.agents.bridge.views import Lookout, ahead
from laco.agents.bridge.wire import Observe
from laco.agents.observation import Body, Observation, Pictured

BODY = Body(0.0, 0.0, 0.0, 5.0, 2.4, 1.0)


def see(lookout: Lookout, time: float, objects: list[tuple[float, ...]], **changes: Any) -> Observation:
    fields = {
        "id": 0, "run": "r", "moment": 0, "present": ["a"], "time": time, "pose": [1.0, 2.0, 0.5], "speed": 3.0,
        "size": [2.4, 1.0], "route": [[1.0, 2.0], [9.0, 2.0]], "remaining": 8.0, "limit": 8.0, "objects": objects,
    }  # fmt: skip
    return lookout.see(msgspec.convert({**fields, **changes}, Observe))


def test_what_is_told_is_what_is_seen() -> None:
    view = see(Lookout("a"), 4.2, [(5.0, 6.0, 0.1, 2.0, 2.2, 0.9)])
    assert (view.name, view.time, view.remaining, view.limit, view.sights) == ("a", 4.2, 8.0, 8.0, ())
    assert view.body == Body(1.0, 2.0, 0.5, 3.0, 2.4, 1.0)
    assert view.actors[0].body == Body(5.0, 6.0, 0.1, 2.0, 2.2, 0.9)
    assert not isinstance(view, Pictured)
    pictured = see(Lookout("a"), 4.2, [], image={"width": 2, "height": 1, "rgb": b"abcdef"})
    assert isinstance(pictured, Pictured)
    assert pictured.picture.rgb == b"abcdef"


@pytest.mark.parametrize(
    ("route", "points"),
    [
        ([(0.0, 0.0), (100.0, 0.0)], [(5.0 * i, 0.0) for i in range(13)]),
        (
            [(0.0, 0.0), (7.0, 0.0), (7.0, 100.0)],
            [(0.0, 0.0), (5.0, 0.0), *((7.0, 5.0 * i - 7) for i in range(2, 13))],
        ),
        ([(0.0, 1.0), (3.0, 1.0), (3.0, 1.0)], [(5.0 * i, 1.0) for i in range(13)]),  # past the end straight on
        ([(2.0, 1.0)], [(2.0 + 5.0 * i, 1.0) for i in range(13)]),
        ([(2.0, 1.0), (2.0, 1.0)], [(2.0 + 5.0 * i, 1.0) for i in range(13)]),
        ([], [(5.0 * i, 0.0) for i in range(13)]),
        ([(0.0, 0.0), (1e7, 0.0)], [(5.0 * i, 0.0) for i in range(13)]),
    ],
)
def test_routes_have_a_point_each_five_metres(route: list[Any], points: list[Any]) -> None:
    found = ahead(tuple(route), BODY)
    assert found == tuple(pytest.approx(point, abs=1e-6) for point in points)


def test_who_moves_on_keeps_its_number() -> None:
    """Two that cross each other's ways, told in another order each time."""
    lookout = Lookout("a")
    east = [(8.0 * t, 0.0, 0.0, 8.0, 2.0, 1.0) for t in (0.0, 0.5, 1.0)]
    north = [(4.0, 8.0 * t - 4.0, math.pi / 2, 8.0, 2.0, 1.0) for t in (0.0, 0.5, 1.0)]
    numbers = []
    for i, t in enumerate((0.0, 0.5, 1.0)):
        objects = [east[i], north[i]] if i != 1 else [north[i], east[i]]
        seen = see(lookout, t, objects).actors
        numbers.append({actor.body.yaw: actor.id for actor in seen})
    assert numbers[0] == numbers[1] == numbers[2]
    assert len(set(numbers[0].values())) == 2


def test_who_comes_new_gets_a_new_number() -> None:
    lookout = Lookout("a")
    (first,) = see(lookout, 0.0, [(0.0, 0.0, 0.0, 0.0, 2.0, 1.0)]).actors
    far, near = see(lookout, 0.2, [(9.0, 0.0, 0.0, 0.0, 2.0, 1.0), (0.1, 0.0, 0.0, 0.0, 2.0, 1.0)]).actors
    assert (near.id, far.id != first.id) == (first.id, True)
    (late,) = see(lookout, 9.0, [(0.1, 0.0, 0.0, 0.0, 2.0, 1.0)]).actors
    assert late.id not in (first.id, far.id)


def test_turning_is_told_from_moment_to_moment() -> None:
    lookout = Lookout("a")
    see(lookout, 0.0, [(0.0, 0.0, 3.1, 0.0, 2.0, 1.0)])
    (actor,) = see(lookout, 0.5, [(0.0, 0.0, -3.1, 0.0, 2.0, 1.0)]).actors
    assert actor.turn == pytest.approx((2 * math.pi - 6.2) / 0.5)
