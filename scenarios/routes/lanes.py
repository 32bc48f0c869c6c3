"""The driving lanes of a map as a graph: a node each two metres, edges along lanes, through junctions and, where the
marks allow it, into the lane beside.

Read once from a `carla.Map`, in the client; no call to a server.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Key = tuple[int, int, int]
"""Road, section, lane."""

STEP = 2.0  # [m] between nodes
HOPS = 5  # how many steps past a lane's last node the next lane's first is looked for
CHANGES = ((15, 12.0), (10, 16.0), (5, 26.0))
"""Lane changes: steps they take, and what they cost beyond their length [m]; a short one is a last resort."""


@dataclass(frozen=True)
class Edge:
    """A way on from a node: where to, its length and cost [m], and how many steps of lane change it is (0: none)."""

    to: int
    length: float
    cost: float
    steps: int = 0


class LaneGraph:
    """points: [n, 3] in CARLA's frame; yaws: [n] of the traffic there [rad]; keys: the lane of each node."""

    def __init__(self, road_map: Any) -> None:
        """road_map: a `carla.Map`."""
        flat: list[Any] = []
        self._chains: dict[Key, range] = {}
        for key, chain in _by_lane(road_map.generate_waypoints(STEP)).items():
            self._chains[key] = range(len(flat), len(flat) + len(chain))
            flat += chain
        self.points = np.array([_place(waypoint) for waypoint in flat]).reshape(-1, 3)
        self.yaws = np.radians([waypoint.transform.rotation.yaw for waypoint in flat])
        self.keys: list[Key] = [_key(waypoint) for waypoint in flat]
        self.along = [round(waypoint.s, 3) for waypoint in flat]  # [m] of the road, as OpenDRIVE counts it
        self._at = {(key, s): i for i, (key, s) in enumerate(zip(self.keys, self.along, strict=True))}
        self._free = [not waypoint.is_junction for waypoint in flat]
        self._sides = [_sides(waypoint) for waypoint in flat]
        self._next = [self._following(i, waypoint) for i, waypoint in enumerate(flat)]
        self._previous = {to: node for node, following in reversed([*enumerate(self._next)]) for to in following}

    def edges(self, node: int) -> Iterator[Edge]:
        """All ways on from a node."""
        for to in self._next[node]:
            length = math.dist(self.points[node], self.points[to])
            yield Edge(to, length, length)
        for side in self._sides[node]:
            yield from self._changes(node, side)

    def ahead(self, node: int, steps: int) -> list[int]:
        """The nodes from this one on along the lane, `steps` of them at most; ends where it forks or a junction is."""
        found = [node]
        while len(found) <= steps and len(self._next[found[-1]]) == 1 and self._free[found[-1]]:
            found.append(self._next[found[-1]][0])
        return found

    def before(self, node: int) -> int | None:
        """A node from which one comes to this one along the lane, if there is any."""
        return self._previous.get(node)

    def beside(self, node: int, side: int) -> int | None:
        """The node beside this one: side 1 is the lane to the right, -1 to the left, of the same direction."""
        road, section, lane = self.keys[node]
        other = lane - side if lane < 0 else lane + side
        return self._at.get(((road, section, other), self.along[node])) if other * lane > 0 else None

    def blend(self, node: int, edge: Edge) -> Array:
        """Points [steps, 3] of an edge behind its first node: an S-bend for a lane change, else its end."""
        if not edge.steps:
            return self.points[[edge.to]]
        side = next(s for s in self._sides[node] if edge in self._changes(node, s))
        other = self.beside(node, side)
        assert other is not None
        from_, to = self.ahead(node, edge.steps), self.ahead(other, edge.steps)
        share = (np.arange(1, edge.steps + 1) / edge.steps)[:, None]
        share = share * share * (3.0 - 2.0 * share)
        return np.asarray(self.points[from_[1:]] * (1.0 - share) + self.points[to[1:]] * share)

    def _changes(self, node: int, side: int) -> Iterator[Edge]:
        other = self.beside(node, side)
        if other is None:
            return
        here, there = self.ahead(node, CHANGES[0][0]), self.ahead(other, CHANGES[0][0])
        for steps, cost in CHANGES:
            if min(len(here), len(there)) > steps:
                length = math.dist(self.points[node], self.points[there[steps]])
                yield Edge(there[steps], length, length + cost, steps)

    def _following(self, node: int, waypoint: Any) -> tuple[int, ...]:
        chain = self._chains[self.keys[node]]
        if node + 1 < chain.stop:
            return (node + 1,)
        found: dict[int, None] = {}
        ends = [waypoint]
        for _ in range(HOPS):
            ends = [further for end in ends for further in self._onward(end, chain, found)]
        return tuple(found)

    def _onward(self, end: Any, own: range, found: dict[int, None]) -> list[Any]:
        """One step on: nodes of other lanes are noted, and what has none yet is to be followed further."""
        further = []
        for waypoint in end.next(STEP):
            chain = self._chains.get(_key(waypoint))
            anew = abs(waypoint.s - end.s) > 3 * STEP  # a lane that leads into itself
            if chain is None or (chain == own and not anew):
                further.append(waypoint)
                continue
            place = np.array(_place(waypoint))
            first = chain[:3]
            found[min(first, key=lambda i: float(np.hypot(*(self.points[i] - place)[:2])))] = None
        return further


def _by_lane(waypoints: list[Any]) -> dict[Key, list[Any]]:
    """Waypoints of each lane in the order of its traffic."""
    chains: dict[Key, list[Any]] = {}
    for waypoint in waypoints:
        chains.setdefault(_key(waypoint), []).append(waypoint)
    for key, chain in chains.items():
        chain.sort(key=lambda waypoint: waypoint.s, reverse=key[2] > 0)
    return chains


def _key(waypoint: Any) -> Key:
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def _place(waypoint: Any) -> tuple[float, float, float]:
    location = waypoint.transform.location
    return location.x, location.y, location.z


def _sides(waypoint: Any) -> tuple[int, ...]:
    """To which sides one may change here."""
    import carla

    if waypoint.is_junction:
        return ()
    allowed = waypoint.lane_change
    right = allowed in (carla.LaneChange.Right, carla.LaneChange.Both)
    left = allowed in (carla.LaneChange.Left, carla.LaneChange.Both)
    return (1,) * right + (-1,) * left
