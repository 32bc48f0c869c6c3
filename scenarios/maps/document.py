"""An OpenDRIVE document under construction: roads with their geometry, lanes and marks, and where things stand."""

import math
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from laco.scenarios.maps.curves import Piece

PROJECTION = "+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
LINE = "0.15"  # [m] width of a painted line


@dataclass(frozen=True)
class LaneSpec:
    """A lane to write: its OpenDRIVE id, kind, width [m], the mark on its outer border as (type, colour, lane change),
    the ids it is linked with, and the width [m] it eases to over the stretch `ease` (s from, to) [m]."""

    id: int
    kind: str
    width: float
    mark: tuple[str, str, str] = ("none", "standard", "none")
    predecessor: int | None = None
    successor: int | None = None
    last_width: float | None = None
    ease: tuple[float, float] = (0.0, 0.0)


@dataclass
class Road:
    """A road written so far: `straight` is its (x, y, heading) where it is one straight piece."""

    id: int
    element: ET.Element
    length: float
    straight: tuple[float, float, float] | None
    objects: ET.Element = field(default_factory=lambda: ET.Element("objects"))
    signals: ET.Element = field(default_factory=lambda: ET.Element("signals"))


@dataclass(frozen=True)
class Anchor:
    """A point in a road's coordinates: s and t [m], and the road's heading there [rad]."""

    road: Road
    s: float
    t: float
    heading: float


class Document:
    """Collects roads, controllers and junctions, in the order in which OpenDRIVE wants them."""

    def __init__(self, name: str, about: str, extent: tuple[float, float, float, float]) -> None:
        """`extent` is west, south, east, north [m]; `about` says how the map came to be, seeds included."""
        west, south, east, north = (number(value, 2) for value in extent)
        self.root = ET.Element("OpenDRIVE")
        header = ET.SubElement(
            self.root, "header", revMajor="1", revMinor="4", name=name, version="1.00",
            north=north, south=south, east=east, west=west,
        )  # fmt: skip
        ET.SubElement(header, "geoReference").text = PROJECTION
        ET.SubElement(header, "userData", code="laco", value=about)
        self.roads: dict[int, Road] = {}
        self.controllers: list[ET.Element] = []
        self.junctions: dict[int, ET.Element] = {}

    def road(
        self, id: int, name: str, junction: int, plan: list[Piece], speed: float, kind: str = "town"
    ) -> Road:
        """A new flat road with its geometry; `speed` is its limit [km/h], `junction` -1 outside of any."""
        length = sum(piece.length for piece in plan)
        element = ET.SubElement(
            self.root,
            "road",
            name=name,
            length=number(length, 6),
            id=str(id),
            junction=str(junction),
            rule="RHT",
        )
        ET.SubElement(element, "link")
        ET.SubElement(
            ET.SubElement(element, "type", s="0", type=kind), "speed", max=number(speed, 1), unit="km/h"
        )
        _plan(element, plan)
        ET.SubElement(
            ET.SubElement(element, "elevationProfile"), "elevation", s="0", a="0", b="0", c="0", d="0"
        )
        ET.SubElement(element, "lateralProfile")
        straight = (plan[0].x, plan[0].y, plan[0].heading) if len(plan) == 1 and not plan[0].cubic else None
        self.roads[id] = Road(id, element, length, straight)
        return self.roads[id]

    def link(self, road: Road, side: str, kind: str, id: int, contact: str = "") -> None:
        """Say what a road's predecessor or successor is: kind is junction or road."""
        link = road.element.find("link")
        assert link is not None
        found = ET.SubElement(link, side, elementType=kind, elementId=str(id))
        if contact:
            found.set("contactPoint", contact)

    def lanes(self, road: Road, lanes: list[LaneSpec], centre: tuple[str, str, str], speed: float) -> None:
        """Write a road's lanes; those with positive ids lie on its left and run against it."""
        holder = ET.SubElement(road.element, "lanes")
        ET.SubElement(holder, "laneOffset", s="0", a="0", b="0", c="0", d="0")
        section = ET.SubElement(holder, "laneSection", s="0")
        left = sorted((lane for lane in lanes if lane.id > 0), key=lambda lane: -lane.id)
        right = sorted((lane for lane in lanes if lane.id < 0), key=lambda lane: -lane.id)
        if left:
            _side(ET.SubElement(section, "left"), left, speed)
        _mark(
            ET.SubElement(ET.SubElement(section, "center"), "lane", id="0", type="none", level="false"),
            centre,
        )
        if right:
            _side(ET.SubElement(section, "right"), right, speed)

    def elevate(self, road: Road, profile: list[tuple[float, ...]]) -> None:
        """Give a road heights: records (s, a, b, c, d)."""
        holder = road.element.find("elevationProfile")
        assert holder is not None
        holder.clear()
        for record in profile:
            values = {key: number(value) for key, value in zip("sabcd", record, strict=True)}
            ET.SubElement(holder, "elevation", values)

    def junction(self, id: int, name: str) -> ET.Element:
        """A new junction."""
        self.junctions[id] = ET.Element("junction", id=str(id), name=name)
        return self.junctions[id]

    def anchor(self, x: float, y: float) -> Anchor | None:
        """The nearest straight road beside which a point lies, if any. On straight roads alone do all readers of
        OpenDRIVE agree about s."""
        found: list[tuple[float, int, Anchor]] = []
        for road in self.roads.values():
            if road.straight is None:
                continue
            x0, y0, heading = road.straight
            c, s = math.cos(heading), math.sin(heading)
            along, across = (x - x0) * c + (y - y0) * s, (y - y0) * c - (x - x0) * s
            inside = min(max(along, 0.01), road.length - 0.01)
            if abs(inside - along) < 0.02:
                found.append((abs(across), road.id, Anchor(road, inside, across, heading)))
        return min(found, key=lambda one: one[:2])[2] if found else None

    def text(self) -> str:
        """The finished document."""
        for road in self.roads.values():
            road.element.extend(part for part in (road.objects, road.signals) if len(part))
        self.root.extend([*self.controllers, *self.junctions.values()])
        ET.indent(self.root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(self.root, encoding="unicode") + "\n"


def number(value: float, decimals: int = 9) -> str:
    """A number as text: no exponent, no trailing zeros, no negative zero."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _plan(road: ET.Element, plan: list[Piece]) -> None:
    view = ET.SubElement(road, "planView")
    s = 0.0
    for piece in plan:
        geometry = ET.SubElement(
            view, "geometry", s=number(s, 6), x=number(piece.x, 6), y=number(piece.y, 6),
            hdg=number(piece.heading, 12), length=number(piece.length, 6),
        )  # fmt: skip
        if piece.cubic:
            keys = ("bU", "cU", "dU", "bV", "cV", "dV")
            values = {key: number(value) for key, value in zip(keys, piece.cubic, strict=True)}
            ET.SubElement(geometry, "paramPoly3", {"pRange": "normalized", "aU": "0", "aV": "0", **values})
        else:
            ET.SubElement(geometry, "line")
        s += piece.length


def _side(side: ET.Element, lanes: list[LaneSpec], speed: float) -> None:
    for spec in lanes:
        lane = ET.SubElement(side, "lane", id=str(spec.id), type=spec.kind, level="false")
        link = ET.SubElement(lane, "link")
        for name, other in (("predecessor", spec.predecessor), ("successor", spec.successor)):
            if other is not None:
                ET.SubElement(link, name, id=str(other))
        _width(lane, spec)
        _mark(lane, spec.mark)
        if spec.kind == "driving":
            ET.SubElement(lane, "speed", sOffset="0", max=number(speed, 1), unit="km/h")


def _width(lane: ET.Element, spec: LaneSpec) -> None:
    """Constant, or along a cubic that is flat at both ends."""
    records = [(0.0, spec.width, 0.0, 0.0)]
    if spec.last_width is not None and spec.last_width != spec.width:
        start, end = spec.ease
        change, length = spec.last_width - spec.width, end - start
        bend = (start, spec.width, 3 * change / length**2, -2 * change / length**3)
        records = [*records[: int(start > 0.0)], bend, (end, spec.last_width, 0.0, 0.0)]
    for s, a, c, d in records:
        ET.SubElement(
            lane, "width", sOffset=number(s, 6), a=number(a, 4), b="0", c=number(c, 12), d=number(d, 12)
        )


def _mark(lane: ET.Element, mark: tuple[str, str, str]) -> None:
    kind, colour, change = mark
    found = ET.SubElement(lane, "roadMark", sOffset="0", type=kind, weight="standard", color=colour)
    if kind != "none":
        found.set("width", LINE)
    found.set("laneChange", change)
