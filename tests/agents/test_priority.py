"""Who goes first: one order that everybody computes alike, and that gets everybody through a crossing."""

import math
from collections.abc import Callable, Mapping
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.priority import before
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import with_beacons
from laco.distill.rollout import Rollout
from laco.scenarios.layout import Ego, Layout, Placement
from laco.scenarios.pilots import Expert

LANE, BOX = 1.75, 8.0  # [m] lane centre from the road's middle, half side of the junction
END = 110.0  # [m] from the middle; all that end on one arm have room
TURNS = ("straight", "left", "right")
CAR = "vehicle.lincoln.mkz_2020"


def way(start: float, turn: str, quarter: int) -> NDArray[np.float64]:
    """From `start` [m] before the middle on one of the four arms to END behind it."""
    bend = np.linspace(0.0, math.pi / 2, 12)
    if turn == "straight":
        points = np.array([[LANE, start], [LANE, -END]])
    else:
        side, end = (-1.0, -LANE) if turn == "left" else (1.0, LANE)
        radius = BOX - side * LANE
        arc = np.stack([side * BOX - side * radius * np.cos(bend), BOX - radius * np.sin(bend)], axis=1)
        points = np.concatenate([[[LANE, start]], arc, [[side * END, end]]])
    c, s = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
    return np.asarray(points @ np.array([[c, s], [-s, c]]))


def negotiation(seed: int, vehicles: int) -> Layout:
    """Vehicles A, B, ... and nobody else: one on each arm, then one behind each of them."""
    rng = np.random.default_rng(seed)
    egos = []
    for i in range(vehicles):
        start = 30.0 + rng.uniform(-5.0, 5.0) + 14.0 * (i // 4)
        points = way(start, TURNS[rng.choice(3, p=(0.5, 0.3, 0.2))], i % 4)
        yaw = math.degrees(math.atan2(*(points[1] - points[0])[::-1]))
        x, y = map(float, points[0])
        egos.append(Ego(Placement("ABCDEFGH"[i], CAR, x, y, yaw, rng.uniform(5.0, 9.0)), points))
    return Layout("negotiation", seed, "crossing", 50 / 3.6, tuple(egos))


def flags(views: Mapping[str, Observation]) -> dict[str, dict[str, int]]:
    """What each vehicle thinks of each other one."""
    found = {}
    for name, view in views.items():
        known = with_beacons(view, [v.beacon("") for n, v in views.items() if n != name])
        found[name] = before(Frame.of(known), [a for a in known.actors if a.name])
    return found


@pytest.mark.parametrize(("seed", "vehicles"), [(0, 4), (1, 4), (3, 8)])
def test_all_arrive_nobody_touches_and_all_agree_on_the_order(seed: int, vehicles: int) -> None:
    rollout = Rollout.of(negotiation(seed, vehicles))
    pilot, passed = Expert(0.5), set()

    def policy(views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        thought = flags(views) if round(rollout.time / 0.2) % 4 == 0 else {}
        for one, other in permutations(thought, 2):
            assert thought[one].get(other) in (None, -thought[other].get(one, 9))
        passed.update(n for n, v in views.items() if v.remaining < END - BOX - 20.0)
        return pilot.decide(0.0, views)

    while len(passed) < vehicles and rollout.time < 30.0:
        rollout.decide(policy)
    assert len(passed) == vehicles
    assert not any(outcome.collided for outcome in rollout.outcomes.values())


class TestTwo:
    """The viewer A drives east; B comes from the south and crosses at x = 25, on both sides of the middle."""

    def flag(
        self, eastward: Callable[..., Observation], y: float, speed: float = 12.5, own: float = 12.5
    ) -> int | None:
        route = tuple((25.0, y - step) for step in range(0, 65, 5))
        other = Actor(-1, Body(25.0, y, -math.pi / 2, speed, 2.4, 0.9), "B", 0.0, route)
        return before(Frame.of(eastward(speed=own)), [other]).get("B")

    def test_who_comes_first_goes_first(self, eastward: Callable[..., Observation]) -> None:
        assert self.flag(eastward, 45.0) == 1
        assert self.flag(eastward, 23.0) == -1

    def test_a_tie_goes_by_name(self, eastward: Callable[..., Observation]) -> None:
        assert self.flag(eastward, 25.0) == 1

    def test_the_slower_one_comes_later(self, eastward: Callable[..., Observation]) -> None:
        assert self.flag(eastward, 25.0, own=6.0) == -1

    def test_who_is_inside_goes_first_however_slow(self, eastward: Callable[..., Observation]) -> None:
        assert self.flag(eastward, 2.0, speed=0.0) == -1

    def test_who_cannot_stop_goes_first(self, eastward: Callable[..., Observation]) -> None:
        """A is due in 5.1 s of its 4 m/s, B in 1 s of its 12.5 m/s with 14 m to brake in, of which it takes 14.2."""
        assert self.flag(eastward, 17.0, speed=12.5, own=4.0) == -1

    def test_when_neither_can_stop_nobody_is_trusted(self, eastward: Callable[..., Observation]) -> None:
        near = eastward(x=10.0)
        route = tuple((25.0, 12.0 - step) for step in range(0, 65, 5))
        other = Actor(-1, Body(25.0, 12.0, -math.pi / 2, 12.5, 2.4, 0.9), "B", 0.0, route)
        assert before(Frame.of(near), [other]) == {"B": 0}

    def test_one_who_has_passed_shares_nothing(self, eastward: Callable[..., Observation]) -> None:
        assert self.flag(eastward, -8.0) is None

    def test_a_leader_and_a_follower_have_no_turns(self, eastward: Callable[..., Observation]) -> None:
        route = tuple((20.0 + step, 0.0) for step in range(0, 65, 5))
        leader = Actor(-1, Body(20.0, 0.0, 0.0, 5.0, 2.4, 0.9), "B", 0.0, route)
        assert before(Frame.of(eastward()), [leader]) == {}
