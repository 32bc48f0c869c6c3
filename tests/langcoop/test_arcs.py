"""A driver that computes the route's arcs takes a bend in LangCoop's world and in V2Xverse's."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from double import hosting, scripted

ENTRY = Path(__file__).parents[2] / "agents/langcoop/laco_langcoop/entry"
RADIUS, ROOM = 12.0, 20.0  # [m]
ROUND = [math.pi / 2 * step / 10 for step in range(1, 11)]
BEND = [(25.0 + RADIUS * math.sin(turn), RADIUS - RADIUS * math.cos(turn)) for turn in ROUND]
WAY = [(0.0, 0.0), (25.0, 0.0), *BEND, (25.0 + RADIUS, RADIUS + ROOM)]


class Pursuit(scripted.Scripted):
    """Plans the arc to the point of the route that is 6 m ahead, at 5 m/s."""

    def _answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if request["type"] == "observe":
            self.seen = request
        answer = super()._answer(request)
        if answer is not None and answer["type"] == "plan":
            answer |= {"curvature": [self._arc()] * 5, "speed": [5.0] * 5, "geometric": True}
        return answer

    def _arc(self) -> float:
        """[deg/m], right positive."""
        x, y, yaw = self.seen["pose"]
        points = np.array(self.seen["route"])
        along = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
        east, south = np.interp(6.0, along, points[:, 0]) - x, np.interp(6.0, along, points[:, 1]) - y
        right = south * math.cos(yaw) - east * math.sin(yaw)
        return float(math.degrees(2 * right / (east**2 + south**2)))


@pytest.fixture
def pursuit() -> Iterator[Pursuit]:
    context: zmq.Context[Any] = zmq.Context()
    server = Pursuit(["ego0"], context)
    yield server
    server.stop()
    context.term()


@pytest.fixture
def langcoop_drive(start: Any) -> Callable[[dict[str, Any]], hosting.Drive]:
    return lambda model: start(ENTRY / "langcoop/laco_langcoop_agent.py", [model], [0], way=WAY)


@pytest.fixture
def v2xverse_drive(v2xverse: Path, inside: Any, tmp_path: Path) -> Callable[[dict[str, Any]], hosting.Drive]:
    def begin(model: dict[str, Any]) -> hosting.Drive:
        out, config = inside(v2xverse), tmp_path / "laco.json"
        config.write_text(json.dumps({"model": model}), encoding="utf-8")
        routes = hosting.routes_of_each(tmp_path / "r1_town05_ins_c", [WAY])
        return hosting.drive(ENTRY / "colmdriver/laco_v2xverse_agent.py", config, 1, routes, out, single=True)

    return begin


def strayed(drive: hosting.Drive) -> float:
    """How far from its route the vehicle ever was [m]."""
    while drive.evaluator.manager.running and len(drive.seen) < 420:
        drive.tick()
    fine = np.concatenate([np.linspace(a, b, 100) for a, b in itertools.pairwise(WAY)])
    return max(float(np.hypot(*(fine - seen.places[0][:2]).T).min()) for seen in drive.seen)


@pytest.mark.parametrize("host", ["langcoop_drive", "v2xverse_drive"])
def test_arcs_of_the_route_are_driven(host: str, pursuit: Pursuit, request: pytest.FixtureRequest) -> None:
    model = {"type": "LacoPlanner", "endpoints": {"ego0": pursuit.endpoint}, "deadline": 3.0}
    drive = request.getfixturevalue(host)(model)
    assert strayed(drive) < 1.0
    assert drive.egos[0].progress.percent == 100.0


def test_left_plain_they_are_not(langcoop_drive: Any, pursuit: Pursuit) -> None:
    """What the conversion is for: the controllers turn the wheel to a third of that."""
    model = {"type": "LacoPlanner", "endpoints": {"ego0": pursuit.endpoint}, "deadline": 3.0, "steering": "plain"}
    assert strayed(langcoop_drive(model)) > 3.0
