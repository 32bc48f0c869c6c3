"""What one needs to know of SUMO's network to send someone on their way."""

import math
import random
from itertools import pairwise
from typing import Any

PERSON = "pedestrian"
CAR = "passenger"
CELL = 8.0  # [m]


class Network:
    """Edges that cars may use, where they come in and go out, and edges with a sidewalk. Lists are in the order of
    their names: choices depend on the seed alone."""

    def __init__(self, sumo: Any) -> None:
        self._sumo = sumo
        lanes = [lane for lane in sorted(sumo.lane.getIDList()) if not lane.startswith(":")]
        self.driving = _edges(lane for lane in lanes if _allows(sumo, lane, CAR))
        self.sidewalks = _edges(lane for lane in lanes if sumo.lane.getAllowed(lane) == (PERSON,))
        self.lengths = {
            edge: float(sumo.lane.getLength(f"{edge}_0")) for edge in self.driving + self.sidewalks
        }
        self.next = {edge: _after(sumo, edge) for edge in self.driving}
        reached = {after for ways in self.next.values() for after in ways.values()}
        self._cells = _cells(sumo)
        self.entries = [edge for edge in self.driving if edge not in reached] or self.driving
        self.exits = [edge for edge in self.driving if not self.next[edge]] or self.driving

    def drive(self, random: random.Random, start: str) -> tuple[str, ...]:
        """Edges from `start` to an exit that can be reached, or just `start`."""
        exits = list(self.exits)
        random.shuffle(exits)
        for target in exits:
            if target != start:
                edges = tuple(self._sumo.simulation.findRoute(start, target).edges)
                if edges:
                    return edges
        return (start,)

    def walk(self, start: str, target: str) -> tuple[str, ...]:
        """Edges to walk along from `start` to `target`; empty when there is no way."""
        stages = self._sumo.simulation.findIntermodalRoute(start, target, "")
        return tuple(stages[0].edges) if len(stages) == 1 else ()

    def near(self, x: float, y: float) -> bool:
        """Whether a road is within some metres, in SUMO's frame."""
        return (int(x // CELL), int(y // CELL)) in self._cells

    def ahead(self, edge: str, wish: str) -> tuple[str, ...]:
        """The edge and the two after it: first in the direction of the wish, else straight on, else anyhow."""
        way = [edge]
        for direction in (wish, "s"):
            choices = self.next.get(way[-1], {})
            onward = choices.get(direction) or choices.get("s") or next(iter(choices.values()), "")
            if not onward or onward in way:
                break
            way.append(onward)
        return tuple(way)

    def anywhere(self, random: random.Random) -> str:
        """An edge to start on, long ones more often; not one that only leads out."""
        inner = [edge for edge in self.driving if self.next[edge]] or self.driving
        return random.choices(inner, [self.lengths[edge] for edge in inner])[0]


def _allows(sumo: Any, lane: str, kind: str) -> bool:
    allowed, barred = sumo.lane.getAllowed(lane), sumo.lane.getDisallowed(lane)
    return kind in allowed if allowed else kind not in barred and "all" not in barred


def _edges(lanes: Any) -> list[str]:
    return sorted({lane.rpartition("_")[0] for lane in lanes})


def _after(sumo: Any, edge: str) -> dict[str, str]:
    """Edges that its lanes lead to, by SUMO's letter for the direction (s, l, r and others)."""
    found: dict[str, str] = {}
    for index in range(sumo.edge.getLaneNumber(edge)):
        lane = f"{edge}_{index}"
        if _allows(sumo, lane, CAR):
            for link in sumo.lane.getLinks(lane):
                found.setdefault(link[6].lower(), link[0].rpartition("_")[0])
    return dict(sorted(found.items()))


def _cells(sumo: Any) -> set[tuple[int, int]]:
    """Squares that a lane passes, and those around them."""
    found = set()
    for lane in sumo.lane.getIDList():
        shape = sumo.lane.getShape(lane)
        for (x, y), (to_x, to_y) in pairwise(shape):
            pieces = math.ceil(math.hypot(to_x - x, to_y - y) / CELL) or 1
            for i in range(pieces + 1):
                share = i / pieces
                found.add((int((x + share * (to_x - x)) // CELL), int((y + share * (to_y - y)) // CELL)))
    return {(i + di, j + dj) for i, j in found for di in (-1, 0, 1) for dj in (-1, 0, 1)}
