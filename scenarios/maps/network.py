"""A SUMO road network, read from its `.net.xml`: edges with their lanes, links across junctions, crosswalks.

Coordinates are SUMO's [m], x east and y north; with a `netOffset` of zero they are OpenDRIVE's.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2) [m]
WIDTH = 3.2  # [m] SUMO's default of a lane
FAST = 25.0  # [m/s] from this speed on, a lane that nobody may use is a hard shoulder


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane of an edge: `shape` is its centre line in driving direction."""

    id: str
    kind: str  # OpenDRIVE's: driving, sidewalk, parking, shoulder
    width: float  # [m]
    speed: float  # [m/s]
    shape: Points


@dataclass(frozen=True, eq=False)
class Edge:
    """A one-way carriageway from junction to junction; lanes from right to left."""

    id: str
    source: str
    target: str
    lanes: tuple[Lane, ...]
    priority: int = 0  # among the edges of a junction: the lower one waits

    @cached_property
    def left_border(self) -> Points:
        """Its left edge (n, 2): where the oncoming traffic begins on a two-way road."""
        return beside(self.lanes[-1].shape, self.lanes[-1].width / 2)

    @cached_property
    def right_border(self) -> Points:
        """Its right edge (n, 2)."""
        return beside(self.lanes[0].shape, -self.lanes[0].width / 2)


@dataclass(frozen=True, eq=False)
class Link:
    """A way from a lane across a junction to another lane. `state` is SUMO's right of way: M major, m minor, s stop,
    o by traffic light, = equal."""

    source: str
    target: str
    source_lane: int
    target_lane: int
    junction: str
    shape: Points
    light: str
    index: int
    state: str
    direction: str


@dataclass(frozen=True, eq=False)
class Crossing:
    """A crosswalk: the line along which people cross, and how wide it is."""

    junction: str
    shape: Points
    width: float  # [m]


@dataclass(frozen=True, eq=False)
class Network:
    """What an OpenDRIVE document needs to know; `phases` are each traffic light's states, one letter per link."""

    edges: dict[str, Edge]
    links: tuple[Link, ...]
    crossings: tuple[Crossing, ...]
    junctions: dict[str, Points]  # outlines
    areas: tuple[Points, ...]  # outlines of the walking areas
    phases: dict[str, tuple[str, ...]]


def beside(shape: Points, offset: float, last: float | None = None) -> Points:
    """The line `offset` [m] to the left of another one, or from `offset` to `last` along it; its corners are
    mitred."""
    step = np.diff(shape, axis=0)
    lengths = np.linalg.norm(step, axis=1, keepdims=True)
    step = step / lengths
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    before, after = np.vstack([normal[:1], normal]), np.vstack([normal, normal[-1:]])
    middle = before + after
    scale = 2.0 / np.sum(middle * middle, axis=1, keepdims=True)
    share = np.concatenate([np.zeros((1, 1)), np.cumsum(lengths, axis=0)]) / lengths.sum()
    reach = offset + ((offset if last is None else last) - offset) * share * share * (3 - 2 * share)
    return np.asarray(shape + reach * scale * middle)


def read_network(source: Path | str) -> Network:
    """A network from a file, or from the text of one."""
    root = ET.fromstring(source) if isinstance(source, str) else ET.parse(source).getroot()
    edges = {e.attrib["id"]: _edge(e) for e in root.iterfind("edge") if not e.get("function")}
    inner = {lane.attrib["id"]: points(lane.attrib["shape"]) for lane in root.iterfind("edge/lane")}
    onward = {
        c.attrib["from"] + "_" + c.attrib["fromLane"]: c.get("via", "") for c in root.iterfind("connection")
    }
    return Network(
        edges=edges,
        links=tuple(_link(c, edges, inner, onward) for c in root.iterfind("connection") if c.get("from") in edges
                    and c.get("to") in edges),
        crossings=tuple(_crossing(e) for e in root.iterfind("edge") if e.get("function") == "crossing"),
        junctions={j.attrib["id"]: points(j.attrib["shape"]) for j in root.iterfind("junction")
                   if j.get("type") not in ("internal", "dead_end") and j.get("shape")},
        areas=tuple(points(e[0].attrib["shape"]) for e in root.iterfind("edge") if e.get("function") == "walkingarea"),
        phases={t.attrib["id"]: tuple(p.attrib["state"] for p in t.iterfind("phase"))
                for t in root.iterfind("tlLogic")},
    )  # fmt: skip


def points(shape: str) -> Points:
    """SUMO's `x,y x,y ...`, without repeated points; a height is left out."""
    values = np.array([[float(c) for c in pair.split(",")[:2]] for pair in shape.split()])
    return distinct(values)


def distinct(line: Points, gap: float = 0.02) -> Points:
    """The line without points that repeat the one before; the first and the last stay."""
    kept = [line[0]]
    for point in line[1:-1]:
        if np.hypot(*(point - kept[-1])) > gap and np.hypot(*(point - line[-1])) > gap:
            kept.append(point)
    return np.vstack([*kept, line[-1]])


def _edge(edge: ET.Element) -> Edge:
    lanes = tuple(_lane(lane) for lane in edge.iterfind("lane"))
    return Edge(
        edge.attrib["id"], edge.attrib["from"], edge.attrib["to"], lanes, int(edge.get("priority", 0))
    )


def _lane(lane: ET.Element) -> Lane:
    speed = float(lane.attrib["speed"])
    kind = "driving"
    if lane.get("allow", "") == "pedestrian":
        kind = "sidewalk"
    elif lane.get("disallow", "") == "all":
        kind = "shoulder" if speed >= FAST else "parking"
    return Lane(lane.attrib["id"], kind, float(lane.get("width", WIDTH)), speed, points(lane.attrib["shape"]))


def _link(link: ET.Element, edges: dict[str, Edge], inner: dict[str, Points], onward: dict[str, str]) -> Link:
    source, target = edges[link.attrib["from"]], edges[link.attrib["to"]]
    first, last = int(link.attrib["fromLane"]), int(link.attrib["toLane"])
    parts, via = [source.lanes[first].shape[-1:]], link.get("via", "")
    while via:
        parts.append(inner[via])
        via = onward.get(via, "")
    parts.append(target.lanes[last].shape[:1])
    return Link(
        source.id, target.id, first, last, source.target, distinct(np.vstack(parts)), link.get("tl", ""),
        int(link.get("linkIndex", -1)), link.get("state", ""), link.get("dir", ""),
    )  # fmt: skip


def _crossing(edge: ET.Element) -> Crossing:
    lane = edge[0]
    junction = edge.attrib["id"][1:].rpartition("_")[0]
    return Crossing(junction, points(lane.attrib["shape"]), float(lane.attrib["width"]))
