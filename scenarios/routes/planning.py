"""A few waypoints, far apart, become a route along lane centres."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.errors import ScenarioError
from laco.scenarios.routes.lanes import STEP, LaneGraph
from laco.scenarios.routes.reading import Via
from laco.scenarios.routes.search import Candidates, Step, through

REACH = 10.0  # [m] a point may lie beside the nearest lane
WIDTH = 2.5  # [m] lanes that are this much further away than the nearest one are thought of, too
OFFSET = 5.0  # cost of a metre beside a lane
AGAINST = 25.0  # [m] cost of a lane that runs against the heading that a file says
LEVEL = 4.0  # [m] of height that separate a bridge from what is under it
SHORTEST = 5.0  # [m]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Way:
    """A planned route: points [n, 3], and the node that each of them is nearest to [n]."""

    points: Array
    nodes: NDArray[np.intp]

    @property
    def length(self) -> float:
        """[m]"""
        return float(np.hypot(*np.diff(self.points[:, :2], axis=0).T).sum())

    @property
    def yaw(self) -> float:
        """Heading at the start [deg]."""
        dx, dy = self.points[1, :2] - self.points[0, :2]
        return math.degrees(math.atan2(dy, dx))


def plan(graph: LaneGraph, vias: Sequence[Via], where: str, on: str) -> Way:
    """The route through `vias`. where: what the file calls it; on: the map's name; both for the error's one line.

    Raises: ScenarioError for a point off the map, and for two that no way connects.
    """
    candidates = [_near(graph, via, f"{where}, waypoint {i}", on) for i, via in enumerate(vias)]
    found = through(graph, candidates)
    if isinstance(found, int):
        a, b = (f"waypoint {i} ({vias[i].x:.1f}, {vias[i].y:.1f})" for i in (found - 1, found))
        raise ScenarioError(f"{where}: no way leads from {a} to {b} on map {on}")
    steps, start = found
    way = _ends(graph, *_line(graph, steps, start), vias)
    if len(way.points) < 2 or way.length < SHORTEST:
        raise ScenarioError(f"{where}: its waypoints lie within {SHORTEST:g} m; that is no route")
    return way


def _near(graph: LaneGraph, via: Via, where: str, on: str) -> Candidates:
    """On each lane near a point the nearest node, and what it costs to take that one."""
    away = graph.points - (via.x, via.y, via.z)
    cos, sin = np.cos(graph.yaws), np.sin(graph.yaws)
    along = np.maximum(np.abs(away[:, 0] * cos + away[:, 1] * sin) - STEP, 0.0)  # the lane goes on between nodes
    flat = np.hypot(away[:, 1] * cos - away[:, 0] * sin, along)
    offset = flat + np.maximum(np.abs(away[:, 2]) - LEVEL, 0.0)
    straight = np.hypot(away[:, 0], away[:, 1])
    if not np.any(flat <= REACH):
        told = f"{straight.min():.0f} m from the nearest lane of" if len(straight) else "not on"
        raise ScenarioError(f"{where} ({via.x:.1f}, {via.y:.1f}) is {told} map {on}")
    least = float(offset.min())
    found: dict[tuple[int, int, int], tuple[float, int]] = {}
    for node in np.flatnonzero(offset <= least + WIDTH).tolist():
        key = graph.keys[node]
        found[key] = min(found.get(key, (math.inf, -1)), (float(straight[node]), node))
    nodes = [node for _, node in found.values()]
    return {node: OFFSET * float(offset[node] - least) + _against(graph, node, via) for node in nodes}


def _against(graph: LaneGraph, node: int, via: Via) -> float:
    if via.yaw is None:
        return 0.0
    turned = math.remainder(float(graph.yaws[node]) - math.radians(via.yaw), 2 * math.pi)
    return AGAINST * (1.0 - math.cos(turned)) / 2.0


def _line(graph: LaneGraph, steps: Sequence[Step], start: int) -> tuple[Array, NDArray[np.intp]]:
    """Points [n, 3] of a way, and the node of each."""
    points, nodes = [graph.points[[start]]], [start]
    for node, edge in steps:
        part = graph.blend(node, edge)
        points.append(part)
        nodes += [edge.to] * len(part)
    return np.concatenate(points), np.array(nodes)


def _ends(graph: LaneGraph, points: Array, nodes: NDArray[np.intp], vias: Sequence[Via]) -> Way:
    """Start and end exactly beside the first and the last waypoint, not at the nodes nearest to them."""
    first, last = (_beside(graph, int(nodes[i]), vias[i]) for i in (0, -1))
    ahead = (points - first) @ _heading(graph, int(nodes[0]))
    begin = 1 + int(np.argmax(ahead[1:] > STEP / 4)) if len(points) > 1 else 0
    behind = (last - points) @ _heading(graph, int(nodes[-1]))
    end = len(points) - 1
    while end > begin and behind[end - 1] < STEP / 4:
        end -= 1
    middle = slice(begin, end)
    joined = np.concatenate([[first], points[middle], [last]])
    return Way(joined, np.concatenate([nodes[:1], nodes[middle], nodes[-1:]]))


def _heading(graph: LaneGraph, node: int) -> Array:
    yaw = float(graph.yaws[node])
    return np.array([math.cos(yaw), math.sin(yaw), 0.0])


def _beside(graph: LaneGraph, node: int, via: Via) -> Array:
    """The point of a node's lane that is nearest to a waypoint."""
    heading = _heading(graph, node)
    along = float((np.array([via.x, via.y, 0.0]) - graph.points[node] * (1.0, 1.0, 0.0)) @ heading)
    return np.asarray(graph.points[node] + min(max(along, -STEP), STEP) * heading)
