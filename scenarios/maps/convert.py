"""From a SUMO network to OpenDRIVE as the `carla` client wants it.

Opposite edges become one two-way road: the edge that comes first in the network has the lanes -1, -2, ... (inner to
outer), its counterpart +1, +2, ... Every link across a junction is a connecting road with lane -1. Where a sidewalk
ends at a junction, a connecting road with a sidewalk lane leads it round the corner.
"""

import math
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

import numpy as np

from laco.scenarios.maps.curves import corner, pieces
from laco.scenarios.maps.document import Document, LaneSpec
from laco.scenarios.maps.network import Edge, Link, Network, Points, beside

Mark = tuple[str, str, str]
TAPER = 60.0  # [m] over which a hard shoulder that does not go on narrows to nothing
NONE = ("none", "standard", "none")
SOLID = ("solid", "standard", "none")
MARKS = {  # on the border between two lanes of an edge, the inner one first
    ("driving", "driving"): ("broken", "standard", "both"),
    ("driving", "sidewalk"): SOLID,
    ("driving", "parking"): SOLID,
    ("driving", "shoulder"): SOLID,
    ("driving", ""): SOLID,
    ("parking", "sidewalk"): ("curb", "standard", "none"),
    ("parking", ""): ("curb", "standard", "none"),
}
SAME = 0.02  # [m] within which two borders are one


@dataclass(frozen=True, eq=False)
class Street:
    """A road outside of junctions: one or two edges along one reference line."""

    id: int
    right: Edge
    left: Edge | None = None

    @property
    def width_right(self) -> float:
        """From the reference line to the road's right edge [m]."""
        return sum(lane.width for lane in self.right.lanes)

    def lane_id(self, edge: str, index: int) -> int:
        """OpenDRIVE id of an edge's lane, counted from the right as SUMO does."""
        if edge == self.right.id:
            return index - len(self.right.lanes)
        assert self.left is not None
        return len(self.left.lanes) - index


class Layout:
    """Which OpenDRIVE ids a network's parts get: roads count from 1, junctions from 1001, connecting roads from
    2001."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.streets: list[Street] = []
        self.of_edge: dict[str, Street] = {}
        self.junctions = {name: 1001 + i for i, name in enumerate(_linked(network))}
        for edge in network.edges.values():
            if edge.id not in self.of_edge:
                twin = _twin(network, edge)
                street = Street(len(self.streets) + 1, edge, twin)
                self.streets.append(street)
                self.of_edge |= {one.id: street for one in (edge, twin) if one is not None}

    def approaches(self, junction: str) -> list[Edge]:
        """Edges that lead into a junction and on."""
        sources = {link.source for link in self.network.links if link.junction == junction}
        return [edge for edge in self.network.edges.values() if edge.id in sources]


def _linked(network: Network) -> list[str]:
    crossed = {link.junction for link in network.links}
    return [name for name in network.junctions if name in crossed]


def _twin(network: Network, edge: Edge) -> Edge | None:
    """The edge back, where both lie along one straight line."""
    for other in network.edges.values():
        if (other.source, other.target) == (edge.target, edge.source):
            ours, theirs = edge.left_border, other.left_border[::-1]
            ends = np.abs(ours[[0, -1]] - theirs[[0, -1]])
            if np.max(ends) < SAME and len(pieces(ours)) == 1 and not pieces(ours)[0].cubic:
                return other
    return None


def convert(network: Network, document: Document) -> Layout:
    """Write a network's roads and junctions into a document."""
    layout = Layout(network)
    for street in layout.streets:
        _street(document, layout, street)
    road_id = 2001
    for name, id in layout.junctions.items():
        junction = document.junction(id, name)
        for link in network.links:
            if link.junction == name:
                _connect(document, layout, junction, road_id, link)
                road_id += 1
        for edge in layout.approaches(name):
            road_id += _round_the_corner(document, layout, id, road_id, edge)
            road_id += _past_the_shoulder(document, layout, id, road_id, edge)
    return layout


def _street(document: Document, layout: Layout, street: Street) -> None:
    right, left = street.right, street.left
    limit = max(lane.speed for lane in right.lanes) * 3.6
    kind = "motorway" if limit > 90.0 else "town"
    road = document.road(street.id, right.id, -1, pieces(right.left_border), limit, kind)
    for side, junction in (("predecessor", right.source), ("successor", right.target)):
        if junction in layout.junctions:
            document.link(road, side, "junction", layout.junctions[junction])
    lanes = _lanes(right, -1) + (_lanes(left, 1) if left is not None else [])
    if left is None and _shoulder_ends(layout.network, right):
        lanes[-1] = replace(lanes[-1], last_width=0.0, ease=(road.length - TAPER, road.length - 1.0))
    document.lanes(road, lanes, _centre(street), limit)


def _lanes(edge: Edge, sign: int) -> list[LaneSpec]:
    inner_first = edge.lanes[::-1]
    kinds = [lane.kind for lane in inner_first] + [""]
    return [
        LaneSpec(sign * (i + 1), lane.kind, lane.width, MARKS.get((kinds[i], kinds[i + 1]), NONE))
        for i, lane in enumerate(inner_first)
    ]


def _shoulder_ends(network: Network, edge: Edge) -> bool:
    """Whether an edge has a hard shoulder beside which another road joins."""
    shifts = [link.target_lane - link.source_lane for link in network.links if link.source == edge.id]
    return edge.lanes[0].kind == "shoulder" and any(shift > 0 for shift in shifts)


def _centre(street: Street) -> Mark:
    """A one-way road has a solid edge line there; a two-way one a yellow line, broken where overtaking is possible."""
    if street.left is None:
        return SOLID
    driving = sum(lane.kind == "driving" for lane in street.right.lanes)
    return ("solid solid" if driving > 1 else "broken", "yellow", "none")


def _connect(document: Document, layout: Layout, junction: ET.Element, road_id: int, link: Link) -> None:
    """One link of a junction: a connecting road, and the connection that leads onto it."""
    source, target = layout.of_edge[link.source], layout.of_edge[link.target]
    before, after = (
        source.lane_id(link.source, link.source_lane),
        target.lane_id(link.target, link.target_lane),
    )
    first = layout.network.edges[link.source].lanes[link.source_lane]
    last = layout.network.edges[link.target].lanes[link.target_lane]
    border = beside(link.shape, first.width / 2, last.width / 2)
    border[0] = beside(first.shape, first.width / 2)[-1]
    border[-1] = beside(last.shape, last.width / 2)[0]
    plan = pieces(border, _heading(first.shape[-2:]), _heading(last.shape[:2]))
    limit = min(first.speed, last.speed) * 3.6
    road = document.road(
        road_id, f"{link.source} to {link.target}", layout.junctions[link.junction], plan, limit
    )
    document.link(road, "predecessor", "road", source.id, "end" if before < 0 else "start")
    document.link(road, "successor", "road", target.id, "start" if after < 0 else "end")
    outer, inner = _through_marks(layout, link)
    lane = LaneSpec(-1, first.kind, first.width, outer, before, after, last.width, (0.0, road.length))
    document.lanes(road, [lane], inner, limit)
    connection = ET.SubElement(
        junction, "connection", id=str(len(junction)), incomingRoad=str(source.id), connectingRoad=str(road_id),
        contactPoint="start",
    )  # fmt: skip
    ET.SubElement(connection, "laneLink", attrib={"from": str(before), "to": "-1"})


def _through_marks(layout: Layout, link: Link) -> tuple[Mark, Mark]:
    """Outer and inner mark of a link: those of the lane it leads to where one-way roads go on straight."""
    edges = layout.network.edges
    target = edges[link.target]
    turn = _heading(target.left_border[:2]) - _heading(edges[link.source].left_border[-2:])
    one_way = layout.of_edge[link.target].left is None and layout.of_edge[link.source].left is None
    if not one_way or link.light or abs(math.remainder(turn, 2 * math.pi)) > 0.05:
        return NONE, NONE
    outer = target.lanes[link.target_lane - 1].kind if link.target_lane else ""
    inner = SOLID if link.target_lane == len(target.lanes) - 1 else NONE
    return MARKS.get(("driving", outer), NONE), inner


def _past_the_shoulder(document: Document, layout: Layout, junction: int, road_id: int, edge: Edge) -> int:
    """A road with the hard shoulder across a junction, beside the outermost link; how many were made. Where a lane
    ends there, it takes the lane's width and eases out of it."""
    link = min(
        (one for one in layout.network.links if one.source == edge.id), key=lambda one: one.source_lane
    )
    onward = layout.network.edges[link.target]
    kinds = [lane.kind for lane in onward.lanes[: link.target_lane]]
    if edge.lanes[0].kind != "shoulder" or kinds != ["shoulder"]:
        return 0
    first, last = (
        sum(lane.width for lane in one) for one in (edge.lanes[: link.source_lane], onward.lanes[:1])
    )
    half = onward.lanes[link.target_lane].width / 2
    source, target = layout.of_edge[edge.id], layout.of_edge[onward.id]
    before, after = source.lane_id(edge.id, 0), target.lane_id(onward.id, 0)
    plan = pieces(beside(link.shape, -half))
    road = document.road(road_id, f"shoulder {edge.id} to {onward.id}", junction, plan, 0.0)
    document.link(road, "predecessor", "road", source.id, "end" if before < 0 else "start")
    document.link(road, "successor", "road", target.id, "start" if after < 0 else "end")
    lane = LaneSpec(-1, "shoulder", first, NONE, before, after, last, (0.0, road.length))
    document.lanes(road, [lane], NONE, 0.0)
    return 1


def _round_the_corner(document: Document, layout: Layout, junction: int, road_id: int, edge: Edge) -> int:
    """A road with a sidewalk lane from an approach's sidewalk to the next one on the right; how many were made."""
    onward = _next_on_the_right(layout.network, edge)
    if onward is None:
        return 0
    here, there = edge.lanes[0], onward.lanes[0]
    start, end = beside(here.shape, here.width / 2), beside(there.shape, there.width / 2)
    plan = corner(start[-1], _heading(here.shape[-2:]), end[0], _heading(there.shape[:2]))
    source, target = layout.of_edge[edge.id], layout.of_edge[onward.id]
    before, after = source.lane_id(edge.id, 0), target.lane_id(onward.id, 0)
    road = document.road(road_id, f"sidewalk {edge.id} to {onward.id}", junction, plan, here.speed * 3.6)
    document.link(road, "predecessor", "road", source.id, "end" if before < 0 else "start")
    document.link(road, "successor", "road", target.id, "start" if after < 0 else "end")
    document.lanes(road, [LaneSpec(-1, "sidewalk", here.width, NONE, before, after)], NONE, 0.0)
    return 1


def _next_on_the_right(network: Network, edge: Edge) -> Edge | None:
    """The edge that begins where the sidewalk of `edge` ends: the one most to the right, but not back."""
    arriving = _heading(edge.lanes[0].shape[-2:])
    found = []
    for other in network.edges.values():
        back = (other.source, other.target) == (edge.target, edge.source)
        if other.source == edge.target and not back:
            turn = math.remainder(_heading(other.lanes[0].shape[:2]) - arriving, 2 * math.pi)
            found.append((turn, other))
    onward = min(found, key=lambda one: one[0])[1] if found else None
    walks = onward is not None and edge.lanes[0].kind == onward.lanes[0].kind == "sidewalk"
    return onward if walks else None


def _heading(step: Points) -> float:
    """Of the line from the first point to the second [rad]."""
    return math.atan2(*(step[1] - step[0])[::-1])
