"""What the `carla` client's own OpenDRIVE reader leaves out: the things that stand beside the road, and
whether the road is level.

OpenDRIVE's y points left and its headings turn counter-clockwise; results are in CARLA's frame.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple
from xml.etree import ElementTree

from laco.errors import ScenarioError

Element = ElementTree.Element
Place = tuple[float, float, float]  # x, y, heading [rad] in OpenDRIVE's frame
LARGEST = 5000.0  # [m] half a side of a thing
SPIRAL_STEP = 0.5  # [m] of the numerical integration
LABELS = {"building": 3, "tree": 9, "vegetation": 9, "pole": 6, "streetlamp": 6, "wall": 4, "fence": 5}
LABELS |= {"barrier": 28, "guardrail": 28, "obstacle": 20, "traffic_light_pole": 6, "static": 20}
# car is OpenDRIVE's older word for a parked one
LABELS |= {"car": 14, "truck": 15, "bus": 16}


class Thing(NamedTuple):
    """An upright box of the level: centre [m], half sizes [m], yaw [deg], semantic tag, name."""

    x: float
    y: float
    z: float
    extent: tuple[float, float, float]
    yaw: float
    label: int
    name: str


def parse(xodr: str) -> Element:
    """The document, its tags without a namespace; raises `ScenarioError` when it is not XML."""
    try:
        root = ElementTree.fromstring(xodr.encode())
    except ElementTree.ParseError as error:
        raise ScenarioError(f"not an OpenDRIVE document: {error}") from error
    if root.tag.startswith("{"):
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root


def is_level(root: Element) -> bool:
    """Whether every road lies at height zero."""
    return not any(number(e, key) for e in root.iter("elevation") for key in "abcd")


def things(root: Element) -> list[Thing]:
    """Objects with a body and a known kind (by type, else by name), in document order; their names are unique."""
    found: list[Thing] = []
    names: dict[str, int] = {}
    for road in root.iter("road"):
        for item in road.iterfind("objects/object"):
            label = _label(item)
            if label:
                thing = _thing(road, item, label)
                name = thing.name or item.get("type", "") or "object"
                names[name] = names.get(name, 0) + 1
                found.append(thing._replace(name=name if names[name] == 1 else f"{name}_{names[name]}"))
    return found


def _label(item: Element) -> int:
    kind = item.get("type", "").lower()
    if kind in LABELS:
        return LABELS[kind]
    name = item.get("name", "").lower()
    return next((label for word, label in LABELS.items() if name.startswith(word)), 0)


def _thing(road: Element, item: Element, label: int) -> Thing:
    s, t = number(item, "s"), number(item, "t")
    x, y, heading = place(road, s)
    x, y = x - t * math.sin(heading), y + t * math.cos(heading)
    radius = abs(number(item, "radius"))
    length = abs(number(item, "length")) / 2 or radius or 0.5
    width = abs(number(item, "width")) / 2 or radius or 0.5
    height = abs(number(item, "height")) / 2 or 0.5
    if max(length, width, height) > LARGEST:
        raise ScenarioError(f"object {item.get('id')} is larger than {2 * LARGEST:.0f} m")
    z = _elevation(road, s) + number(item, "zOffset") + height
    yaw = -math.degrees(heading + number(item, "hdg"))
    return Thing(x, -y, z, (length, width, height), math.remainder(yaw, 360.0), label, item.get("name", ""))


def place(road: Element, s: float) -> Place:
    """Point and heading of a road's reference line at `s` [m]."""
    piece = _last_before(road.findall("planView/geometry"), s)
    if piece is None:
        raise ScenarioError(f"road {road.get('id')} has no geometry")
    along = s - number(piece, "s")
    shape = next(iter(piece), None)
    curve = _CURVES.get(shape.tag if shape is not None else "line", _line)
    u, v, turn = curve(shape if shape is not None else piece, along, number(piece, "length"))
    x, y, heading = number(piece, "x"), number(piece, "y"), number(piece, "hdg")
    c, sn = math.cos(heading), math.sin(heading)
    return x + c * u - sn * v, y + sn * u + c * v, heading + turn


def _line(shape: Element, along: float, length: float) -> Place:
    return along, 0.0, 0.0


def _arc(shape: Element, along: float, length: float) -> Place:
    k = number(shape, "curvature")
    if not k:
        return along, 0.0, 0.0
    return math.sin(k * along) / k, (1.0 - math.cos(k * along)) / k, k * along


def _spiral(shape: Element, along: float, length: float) -> Place:
    start, end = number(shape, "curvStart"), number(shape, "curvEnd")
    rate = (end - start) / length if length else 0.0
    steps = max(1, math.ceil(along / SPIRAL_STEP))
    x = y = 0.0
    for i in range(steps):
        middle = (i + 0.5) * along / steps
        angle = start * middle + rate * middle * middle / 2
        x += math.cos(angle) * along / steps
        y += math.sin(angle) * along / steps
    return x, y, start * along + rate * along * along / 2


def _poly3(shape: Element, along: float, length: float) -> Place:
    a, b, c, d = (number(shape, key) for key in "abcd")
    return along, a + along * (b + along * (c + along * d)), math.atan(b + along * (2 * c + along * 3 * d))


def _param_poly3(shape: Element, along: float, length: float) -> Place:
    p = along if shape.get("pRange") == "arcLength" else (along / length if length else 0.0)
    au, bu, cu, du, av, bv, cv, dv = (number(shape, key + axis) for axis in "UV" for key in "abcd")
    u, v = au + p * (bu + p * (cu + p * du)), av + p * (bv + p * (cv + p * dv))
    return u, v, math.atan2(bv + p * (2 * cv + p * 3 * dv), bu + p * (2 * cu + p * 3 * du))


_CURVES: dict[str, Callable[[Element, float, float], Place]] = {
    "line": _line,
    "arc": _arc,
    "spiral": _spiral,
    "poly3": _poly3,
    "paramPoly3": _param_poly3,
}


def _elevation(road: Element, s: float) -> float:
    piece = _last_before(road.findall("elevationProfile/elevation"), s)
    if piece is None:
        return 0.0
    d = s - number(piece, "s")
    a, b, c, e = (number(piece, key) for key in "abcd")
    return a + d * (b + d * (c + d * e))


def _last_before(pieces: list[Element], s: float) -> Element | None:
    before = [piece for piece in pieces if number(piece, "s") <= s + 1e-9]
    return max(before, key=lambda piece: number(piece, "s")) if before else (pieces[0] if pieces else None)


def number(element: Element, key: str) -> float:
    """An attribute as a number, 0 when it is not there; raises `ScenarioError` for what is none, or not finite."""
    text: Any = element.get(key)
    try:
        value = float(text) if text else 0.0
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScenarioError(f"<{element.tag}> has {key}={text!r}, not a number")
    return value
