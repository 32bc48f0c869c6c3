"""Whether the `carla` library survives an OpenDRIVE document, before any server or client reads it.

It ends the whole process on some documents, and never comes back from others. So what is known to be deadly is refused
with its reason, some lawful forms it cannot read are written in another way, and the rest is tried in a process of its
own first.
"""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from laco.errors import LacoError, ScenarioError
from laco.scenarios.server import opendrive
from laco.scenarios.server.roads import Roads

Element = ET.Element
SHAPES = {"line", "arc", "spiral", "poly3", "paramPoly3"}
FARTHEST = 1e8  # [m] from the origin
LIMIT = 60.0  # [s] for the trial
UNUSABLE = "the carla library cannot use it"
REFUSED = 2  # exit status of a trial that ends with a reason


def admit(xodr: str, name: str) -> str:
    """The document in a form that can be used; raises `ScenarioError`, with a reason, when there is none."""
    try:
        root = opendrive.parse(xodr)
        complaint = next(complaints(root), "")
        text = ET.tostring(root, encoding="unicode") if not complaint and mend(root) else xodr
    except ScenarioError as error:  # of a value that is no number
        complaint = str(error)
    if complaint:
        raise ScenarioError(f"map {name}: {complaint}")
    _try(text, name)
    return text


def complaints(root: Element) -> Iterator[str]:
    """What is wrong with a document; nothing when it may be tried."""
    roads = root.findall("road")
    if not roads:
        yield "no <road> in the OpenDRIVE document"
    for road in roads:
        for complaint in (*_geometry(road), *_lanes(road), *_objects(road)):
            yield f"road {road.get('id')}: {complaint}"
    signals = {signal.get("id") for signal in root.iterfind("road/signals/signal")}
    for tag, key in (("road/signals/signalReference", "id"), ("controller/control", "signalId")):
        for item in root.iterfind(tag):
            if item.get(key) not in signals:
                yield f"<{item.tag}> names signal {item.get(key)}, which is not there"
    ids = {road.get("id") for road in roads}
    for connection in root.iterfind("junction/connection"):
        for key in ("incomingRoad", "connectingRoad"):
            if connection.get(key) not in ids:
                yield f"a junction names road {connection.get(key)}, which is not there"


def _geometry(road: Element) -> Iterator[str]:
    pieces = road.findall("planView/geometry")
    numbers = [
        (road, "length"),
        *((piece, key) for piece in pieces for key in ("s", "x", "y", "hdg", "length")),
    ]
    for item, key in numbers:
        if abs(opendrive.number(item, key)) > FARTHEST:
            yield f"<{item.tag}> has {key}={item.get(key)!r}, which is out of this world"
    if not opendrive.number(road, "length") > 0.0:
        yield f"its length is {road.get('length')!r}"
    if not pieces or opendrive.number(pieces[0], "s") > 1e-3:
        yield "no <geometry> at its start"
    if not all(any(shape.tag in SHAPES for shape in piece) for piece in pieces):
        yield "a <geometry> of no known shape"


def _lanes(road: Element) -> Iterator[str]:
    sections = road.findall("lanes/laneSection")
    starts = [opendrive.number(section, "s") for section in sections]
    if not sections:
        yield "no <laneSection>"
    if len(set(starts)) < len(starts):
        yield "two lane sections at one place"
    for section in sections:
        ids = sorted(round(opendrive.number(lane, "id")) for lane in section.iterfind("*/lane"))
        if not ids or 0 not in ids or ids != list(range(ids[0], ids[0] + len(ids))):
            yield f"the lanes of a section are {', '.join(map(str, ids)) or 'none'}: not in one row around 0"


def _objects(road: Element) -> Iterator[str]:
    length = opendrive.number(road, "length")
    for item in road.iterfind("objects/object"):
        name = item.get("name", "")
        if item.get("type") == "crosswalk" and not 0.0 <= opendrive.number(item, "s") <= length:
            yield f"crosswalk {item.get('id')} is not on it"
        if name[:6] in ("Speed_", "speed_"):  # the library reads a limit out of such a name
            speed = name[13:] if "STATIC" in name else name[6:]
            if not speed[:1].isdigit():
                yield f"object {name!r} is named like a speed limit, without one"


def mend(root: Element) -> bool:
    """Write in another way what is lawful but not readable; whether anything was."""
    changed = False
    for road in root.iterfind("road"):
        for holder, tag in (("lanes", "laneOffset"), ("elevationProfile", "elevation")):
            first = road.find(f"{holder}/{tag}")
            if first is not None and opendrive.number(first, "s") > 0.0:  # none before: that is zero
                parent = road.find(holder)
                assert parent is not None
                parent.insert(0, ET.Element(tag, s="0", a="0", b="0", c="0", d="0"))
                changed = True
        for shape in road.iterfind("planView/geometry/*"):
            bends = [opendrive.number(shape, key) for key in ("curvature", "curvStart", "curvEnd")]
            if shape.tag in ("arc", "spiral") and not any(bends):
                shape.tag, shape.attrib = "line", {}
                changed = True
    return changed


def _try(text: str, name: str) -> None:
    """Read the document in another process, and ask of it what a server and a client will ask."""
    command = [sys.executable, "-m", "laco.scenarios.server.soundness"]
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=LIMIT, check=False,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ScenarioError(f"map {name}: the carla library does not come to an end with it") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if done.returncode == REFUSED and lines else f"{UNUSABLE}: it crashes"
        raise ScenarioError(f"map {name}: {reason}")


def trial(text: str) -> None:
    """All that a map is asked for later."""
    roads = Roads(text, "map")
    points = roads.spawn_points
    roads.map.get_topology()
    roads.map.get_crosswalks()
    roads.map.get_all_landmarks()
    for x, y in [point[:2] for point in points[:100]] or [(0.0, 0.0)]:
        if not math.isfinite(roads.ground(x, y) + x + y):
            raise ScenarioError("its roads lead to nowhere")


def main() -> int:
    """The other process: the document is on stdin; says on stderr what is wrong with it."""
    try:
        trial(sys.stdin.buffer.read().decode())
    except LacoError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except (RuntimeError, LookupError, ValueError) as error:
        sys.stderr.write(f"{UNUSABLE}: {' '.join(str(error).split())}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
