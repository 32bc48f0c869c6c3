"""Movers follow their scripts, and do the same on a server as in a rollout."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from laco.agents.drivers.plan import Plan
from laco.agents.observation import Body
from laco.distill.rollout import Rollout
from laco.scenarios.layout import Ego, Gate, Layout, Mover, Placement
from laco.scenarios.pilots import Expert
from laco.scenarios.runner import Run
from laco.scenarios.script import Script
from laco.scenarios.session import Session
from laco.scenarios.stage import Stage

CAR, PERSON = "vehicle.audi.tt", "walker.pedestrian.0001"


def mover(**changes: object) -> Mover:
    start = Placement("car", CAR, 0.0, 0.0, 0.0, 3.0)
    fields: dict[str, object] = {"path": np.array([[0.0, 0.0], [50.0, 0.0]]), "profile": ((0.0, 3.0), (2.0, 7.0))}
    return Mover(start, **(fields | changes))  # type: ignore[arg-type]


def body(x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> Body:
    return Body(x, y, yaw, 5.0, 2.0, 1.0)


class TestScript:
    def test_speeds_are_linear_between_times_and_held_outside(self) -> None:
        script = Script(mover())
        assert [script.speed(t, {}) for t in (0.0, 1.0, 2.0, 9.0)] == [3.0, 5.0, 7.0, 7.0]

    def test_its_clock_starts_when_the_ego_has_come_so_far_and_then_runs_on(self) -> None:
        script = Script(mover(gate=Gate("A", 10.0)))
        assert script.speed(4.0, {"A": 9.9}) == 3.0
        assert script.speed(5.0, {"A": 10.0}) == 3.0
        assert script.speed(6.0, {"A": 0.0}) == 5.0

    def test_it_steers_to_the_side_on_which_its_path_lies(self) -> None:
        script = Script(mover())
        assert script.steer(body()) == 0.0
        assert script.steer(body(y=-1.0)) > 0.0 > script.steer(body(y=1.0))

    def test_who_touches_an_ego_stops_for_good(self) -> None:
        script = Script(mover())
        assert not script.meet(body(), body(x=4.2))
        assert script.meet(body(), body(x=4.1))
        assert not script.meet(body(), body(x=4.1))
        assert script.speed(1.0, {}) == 0.0

    def test_a_twin_lacks_its_hazards_or_calms_them(self) -> None:
        gone, calm, other = mover(hazard=True), mover(hazard=True, calm=((0.0, 1.0),)), mover()
        layout = Layout("s-v1", 0, "crossing", 10.0, (), movers=(gone, calm, other))
        assert layout.hazards == (gone, calm)
        twin = layout.twin()
        assert [m.profile for m in twin.movers] == [((0.0, 1.0),), other.profile]
        assert twin.hazards == ()


def staged() -> Layout:
    """A drives north past a bend that a car takes; a person crosses once A has come 5 m."""
    quarter = np.linspace(0.0, math.pi / 2, 10)
    bend = np.stack([-20.0 + 12.0 * np.sin(quarter), -1.75 - 12.0 * (1 - np.cos(quarter))], axis=1)
    path = np.concatenate([[[-45.0, -1.75]], bend, [[-8.0, -60.0]]])
    person = np.array([[8.0, 20.0], [-8.0, 20.0]])
    start = Placement("A", "vehicle.lincoln.mkz_2020", 1.75, 60.0, -90.0, 8.0)
    return Layout(
        "staged-v1", 0, "crossing", 10.0,
        egos=(Ego(start, np.array([[1.75, 60.0], [1.75, -10.0]])),),
        movers=(
            Mover(Placement("turning", CAR, -45.0, -1.75, 0.0, 6.0), path, ((0.0, 6.0), (1.0, 6.0), (2.0, 4.0))),
            Mover(Placement("person", PERSON, 8.0, 20.0, 180.0), person, ((0.0, 1.5),), gate=Gate("A", 5.0)),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(hosts=1) as made:
        yield made


def test_movers_do_the_same_on_the_server_as_in_a_rollout(session: Session) -> None:
    layout = staged()
    with Stage(session.simulator, layout) as stage:
        served = Run(stage, Expert(0.0)).drive().scenes
    found: list[dict[str, Body]] = []
    rollout, expert = Rollout.of(layout), Expert(0.0)

    def policy(views: dict[str, object]) -> dict[str, Plan]:
        found.append({c.name: c.body for c in rollout.cars()})
        return expert.decide(rollout.time, views)  # type: ignore[arg-type, return-value]

    rollout.run(policy, 10.0)  # type: ignore[arg-type]
    assert len(found) > 10
    for scene, ours in zip(served, found, strict=False):
        theirs = dict(scene.bodies)
        for role in ("turning", "person"):
            # A stage is one tick ahead: it counts from when everybody has moved once.
            assert theirs[role].x == pytest.approx(ours[role].x, abs=0.45)
            assert theirs[role].y == pytest.approx(ours[role].y, abs=0.45)
    last = dict(served[-1].bodies)
    assert last["turning"].y < -10.0  # it has taken the bend
    assert last["person"].x < 7.0  # and the person has set out
