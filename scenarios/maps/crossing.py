"""The map `crossing`: four straight, flat arms meet at the origin without lights, right-hand traffic.

Every arm is a road whose reference line starts at the junction box and runs outwards, so lane -1 leaves the junction
and lane +1 enters it. OpenDRIVE has y to the north; the CARLA client negates y, and traffic stays on the right.

Reference lines of the connecting roads run where the road centres meet: a straight line, or a quarter circle
that touches both arms. Their single lane -1 therefore joins the lane centres with no kink.
"""

import cmath
import math
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from laco.scenarios.maps.plain import edge, link, netconvert, node

BOX = 8.0  # [m] half side of the junction box
ARM = 160.0  # [m]
DRIVING, PARKING, SIDEWALK = 3.5, 2.5, 2.0  # [m] lane widths
SPEED = 50  # [km/h]
JUNCTION = 100
FIRST_CONNECTION = 101  # road ids of the connecting roads count from here
PROJECTION = "+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"


@dataclass(frozen=True)
class Arm:
    """One arm: its road id and the direction in which it leaves the origin, in quarter turns from east."""

    road: int
    name: str
    quarter: int

    @property
    def mouth(self) -> tuple[float, float]:
        """Where the reference line starts, on the edge of the junction box [m]."""
        x, y = ((1, 0), (0, 1), (-1, 0), (0, -1))[self.quarter]
        return BOX * x, BOX * y


ARMS = (Arm(1, "south", 3), Arm(2, "east", 0), Arm(3, "north", 1), Arm(4, "west", 2))
# Quarter turns from the arm of entry to the arm of exit, and the sign of the curvature (left is positive).
MOVES = {"straight": (2, 0), "left": (3, 1), "right": (1, -1)}


def crossing() -> str:
    """The OpenDRIVE text of the four-way crossing."""
    root = ET.Element("OpenDRIVE")
    reach = _number(BOX + ARM)
    header = ET.SubElement(
        root, "header", revMajor="1", revMinor="4", name="crossing", version="1.00",
        north=reach, south=f"-{reach}", east=reach, west=f"-{reach}",
    )  # fmt: skip
    ET.SubElement(header, "geoReference").text = PROJECTION
    for arm in ARMS:
        _arm(root, arm)
    junction = ET.Element("junction", id=str(JUNCTION), name="crossing")
    pairs = [(arm, move) for arm in ARMS for move in MOVES]
    for index, (arm, move) in enumerate(pairs):
        target = _target(arm, move)
        _connecting_road(root, FIRST_CONNECTION + index, arm, target, move)
        _connection(junction, index, arm)
    root.append(junction)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _number(value: float, decimals: int = 9) -> str:
    """A number as text: no exponent, no trailing zeros, no negative zero."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _target(arm: Arm, move: str) -> Arm:
    quarter = (arm.quarter + MOVES[move][0]) % 4
    return next(other for other in ARMS if other.quarter == quarter)


def _arm(root: ET.Element, arm: Arm) -> None:
    road = _road(root, arm.road, arm.name, ARM, junction=-1)
    link = ET.SubElement(road, "link")
    ET.SubElement(link, "predecessor", elementType="junction", elementId=str(JUNCTION))
    _speed_type(road)
    _plan(road, arm.mouth, arm.quarter, ARM, curvature=0.0)
    section = _flat_section(road)
    kinds = (("driving", DRIVING), ("parking", PARKING), ("sidewalk", SIDEWALK))
    left = ET.SubElement(section, "left")
    for index, (kind, width) in reversed(list(enumerate(kinds, start=1))):
        _lane(left, index, kind, width)
    _centre(section, "broken")
    right = ET.SubElement(section, "right")
    for index, (kind, width) in enumerate(kinds, start=1):
        _lane(right, -index, kind, width)


def _connecting_road(root: ET.Element, road_id: int, source: Arm, target: Arm, move: str) -> None:
    sign = MOVES[move][1]
    length = 2 * BOX if sign == 0 else BOX * math.pi / 2
    road = _road(root, road_id, f"{source.name} {move}", length, junction=JUNCTION)
    link = ET.SubElement(road, "link")
    for side, arm in (("predecessor", source), ("successor", target)):
        ET.SubElement(link, side, elementType="road", elementId=str(arm.road), contactPoint="start")
    _speed_type(road)
    _plan(road, source.mouth, (source.quarter + 2) % 4, length, curvature=sign / BOX)
    section = _flat_section(road)
    _centre(section, "none")
    # Entering lanes are +1 of their arm (they run against its reference line), leaving lanes are -1.
    _lane(ET.SubElement(section, "right"), -1, "driving", DRIVING, predecessor=1, successor=-1)


def _connection(junction: ET.Element, index: int, arm: Arm) -> None:
    connection = ET.SubElement(
        junction, "connection", id=str(index), incomingRoad=str(arm.road),
        connectingRoad=str(FIRST_CONNECTION + index), contactPoint="start",
    )  # fmt: skip
    ET.SubElement(connection, "laneLink", attrib={"from": "1", "to": "-1"})


def _road(root: ET.Element, road_id: int, name: str, length: float, junction: int) -> ET.Element:
    return ET.SubElement(
        root, "road", name=name, length=_number(length), id=str(road_id), junction=str(junction), rule="RHT"
    )


def _speed_type(road: ET.Element) -> None:
    kind = ET.SubElement(road, "type", s="0", type="town")
    ET.SubElement(kind, "speed", max=str(SPEED), unit="km/h")


def _plan(
    road: ET.Element, start: tuple[float, float], quarter: int, length: float, curvature: float
) -> None:
    heading = ((quarter + 1) % 4 - 1) * math.pi / 2  # within (-pi, pi]: the client reports yaw as it is given
    view = ET.SubElement(road, "planView")
    geometry = ET.SubElement(
        view, "geometry", s="0", x=_number(start[0]), y=_number(start[1]),
        hdg=_number(heading, decimals=15), length=_number(length),
    )  # fmt: skip
    if curvature == 0.0:
        ET.SubElement(geometry, "line")
    else:
        ET.SubElement(geometry, "arc", curvature=_number(curvature))


def _flat_section(road: ET.Element) -> ET.Element:
    profile = ET.SubElement(road, "elevationProfile")
    ET.SubElement(profile, "elevation", s="0", a="0", b="0", c="0", d="0")
    ET.SubElement(road, "lateralProfile")
    lanes = ET.SubElement(road, "lanes")
    ET.SubElement(lanes, "laneOffset", s="0", a="0", b="0", c="0", d="0")
    return ET.SubElement(lanes, "laneSection", s="0")


def _centre(section: ET.Element, mark: str) -> None:
    lane = ET.SubElement(ET.SubElement(section, "center"), "lane", id="0", type="none", level="false")
    _mark(lane, mark)


def _lane(
    side: ET.Element,
    lane_id: int,
    kind: str,
    width: float,
    predecessor: int | None = None,
    successor: int | None = None,
) -> None:
    lane = ET.SubElement(side, "lane", id=str(lane_id), type=kind, level="false")
    link = ET.SubElement(lane, "link")
    for name, other in (("predecessor", predecessor), ("successor", successor)):
        if other is not None:
            ET.SubElement(link, name, id=str(other))
    ET.SubElement(lane, "width", sOffset="0", a=_number(width), b="0", c="0", d="0")
    connects = predecessor is not None
    _mark(lane, "none" if connects else {"driving": "solid", "parking": "curb", "sidewalk": "none"}[kind])
    if kind == "driving":
        ET.SubElement(lane, "speed", sOffset="0", max=str(SPEED), unit="km/h")


def _mark(lane: ET.Element, kind: str) -> None:
    mark = ET.SubElement(lane, "roadMark", sOffset="0", type=kind, weight="standard", color="standard")
    if kind != "none":
        mark.set("width", "0.15")
    mark.set("laneChange", "none")


def crossing_net() -> str:
    """Its SUMO network: the same lanes, and the same ways across the junction. Nobody has priority: who comes from
    the right goes first."""
    lanes = [
        {"allow": "pedestrian", "width": SIDEWALK}, {"disallow": "all", "width": PARKING},
        {"disallow": "pedestrian", "width": DRIVING},
    ]  # fmt: skip
    nodes = [node("crossing", 0, 0, type="right_before_left", radius=0)]
    edges, links = [], []
    for arm in ARMS:
        (x, y), share = arm.mouth, (BOX + ARM) / BOX
        far, near = f"{x * share:g},{y * share:g}", f"{x:g},{y:g}"
        nodes.append(node(arm.name, x * share, y * share))
        edges.append(edge(arm.name, "crossing", SPEED / 3.6, 1, lanes=lanes, shape=f"{far} {near}"))
        edges.append(edge("crossing", arm.name, SPEED / 3.6, 1, lanes=lanes, shape=f"{near} {far}"))
        for move in MOVES:
            source, target = f"{arm.name}_crossing", f"crossing_{_target(arm, move).name}"
            links.append(link(source, target, 2, 2, shape=_way(arm, move)))
    return netconvert(nodes, edges, links, "--walkingareas")


def _way(arm: Arm, move: str) -> str:
    """Points of the lane centre across the junction, as SUMO writes a shape."""
    turn = MOVES[move][1]
    ahead = (arm.quarter + 2) * math.pi / 2
    start = complex(*arm.mouth) - 1j * DRIVING / 2 * cmath.rect(1.0, ahead)
    if turn == 0:
        points = [start, start + cmath.rect(2 * BOX, ahead)]
    else:
        radius = BOX + turn * DRIVING / 2
        centre = start + turn * 1j * cmath.rect(radius, ahead)
        points = [centre + (start - centre) * cmath.rect(1.0, turn * i * math.pi / 60) for i in range(31)]
    return " ".join(f"{point.real:.4f},{point.imag:.4f}" for point in points)
