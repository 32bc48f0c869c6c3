"""Where further vehicles start when only the first one's route is given: around it, as in V2Xverse and LangCoop.

The second starts 12 m ahead in the lane, the third in the lane to the right, the fourth 12 m behind, the fifth in the
lane to the left; then the same again further off. All go on through the first one's waypoints. Where there is no such
place, or no way from it, the next one is taken.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from laco.errors import ScenarioError
from laco.scenarios.routes.lanes import STEP, LaneGraph
from laco.scenarios.routes.planning import Way, plan
from laco.scenarios.routes.reading import Via

GAP, SIDE = 12.0, 10.0  # [m] ahead and behind; further on in the lane to the right, and back in that to the left
ROUNDS = 4
ROOM = 7.0, 2.5  # [m] between the middles of two vehicles, along the lane and across


def around(graph: LaneGraph, first: Way, vias: Sequence[Via], count: int, where: str, on: str) -> list[Way]:
    """Ways for `count` vehicles, the first one's among them. Raises: ScenarioError if there is no room."""
    ways = [first]
    for start in _places(graph, first):
        if len(ways) == count:
            break
        if all(_apart(graph, start, way) for way in ways):
            ways += _way_from(graph, start, first, vias, where, on)
    if len(ways) < count:
        raise ScenarioError(f"{where}: around its start there is room for {len(ways)} vehicles, not {count}")
    return ways


def _apart(graph: LaneGraph, start: int, way: Way) -> bool:
    """Whether a vehicle can stand there beside one that starts on a way."""
    yaw = float(graph.yaws[start])
    dx, dy = way.points[0, :2] - graph.points[start, :2]
    along, across = dx * np.cos(yaw) + dy * np.sin(yaw), dy * np.cos(yaw) - dx * np.sin(yaw)
    return bool(abs(along) >= ROOM[0] or abs(across) >= ROOM[1])


def _way_from(
    graph: LaneGraph, start: int, first: Way, vias: Sequence[Via], where: str, on: str
) -> list[Way]:
    x, y, z = map(float, graph.points[start])
    try:
        return [plan(graph, [Via(x, y, z), *_left(first, x, y, vias)], where, on)]
    except ScenarioError:
        return []


def _left(first: Way, x: float, y: float, vias: Sequence[Via]) -> list[Via]:
    """The waypoints that a vehicle at (x, y) has not passed: further along than it is, or the last."""
    done = _along(first, x, y) + STEP
    return [via for via in vias[1:-1] if _along(first, via.x, via.y) > done] + [vias[-1]]


def _along(way: Way, x: float, y: float) -> float:
    """[m] of a way before the point that is nearest to a place."""
    nearest = int(np.argmin(np.hypot(way.points[:, 0] - x, way.points[:, 1] - y)))
    return float(np.hypot(*np.diff(way.points[: nearest + 1, :2], axis=0).T).sum())


def _places(graph: LaneGraph, first: Way) -> Iterator[int]:
    """Nodes to start from, the best first."""
    start = int(first.nodes[0])
    for number in range(ROUNDS):
        far = GAP * number
        yield from _on(first, GAP + far)
        right, left = graph.beside(start, 1), graph.beside(start, -1)
        if right is not None:
            yield from _forward(graph, right, SIDE + far)
        yield from _back(graph, start, GAP + far)
        if left is not None:
            yield from _back(graph, left, SIDE + far)


def _on(way: Way, distance: float) -> Iterator[int]:
    index = round(distance / STEP)
    if index < len(way.nodes) - 1:
        yield int(way.nodes[index])


def _forward(graph: LaneGraph, node: int, distance: float) -> Iterator[int]:
    steps = round(distance / STEP)
    found = graph.ahead(node, steps)
    if len(found) > steps:
        yield found[-1]


def _back(graph: LaneGraph, node: int, distance: float) -> Iterator[int]:
    found: int | None = node
    for _ in range(round(distance / STEP)):
        found = graph.before(found) if found is not None else None
    if found is not None:
        yield found
