"""Traffic lights, signs and crosswalks of a SUMO network as OpenDRIVE signals and objects.

A light is one dynamic signal of type 1000001 per approach, at its stop line, turned the way its traffic drives; its
orientation is that of CARLA's towns: - for traffic along the reference line, + for traffic against it.

It carries `<userData code="sumo" value="TLS:0,1,2"/>`: the id of SUMO's traffic light and the link indices of the
approach. Approaches that are green together share a `<controller>`, which their `<junction>` names. Where SUMO makes
an approach yield or stop, a sign of type 205 or 206 stands.
"""

import math
from xml.etree import ElementTree as ET

import numpy as np

from laco.scenarios.maps.convert import Layout, Street
from laco.scenarios.maps.document import Document, number
from laco.scenarios.maps.network import Crossing, Edge, Link

LIGHT, YIELD, STOP = "1000001", "205", "206"  # as CARLA counts them
LINE = 0.3  # [m] a signal stands before the end of its lanes
ASIDE = 0.5  # [m] from the outer edge of the sidewalk, or of a road without one
FIRST = 3001  # ids of lights and signs; controllers count from 4001


def add_signals(document: Document, layout: Layout, lit: bool = True) -> None:
    """Put lights, unless they are not `lit`, and signs on every approach, and controllers on the junctions."""
    id = FIRST
    for name, junction in layout.junctions.items():
        groups: dict[tuple[bool, ...], list[int]] = {}
        for edge in layout.approaches(name):
            links = [link for link in layout.network.links if link.source == edge.id]
            light, kind = lit and links[0].light, _sign(layout, edge, links)
            if light:
                _light(document, layout.of_edge[edge.id], edge, id, links)
                groups.setdefault(_greens(layout, links), []).append(id)
            elif kind:
                _signal(document, layout.of_edge[edge.id], edge, id, kind)
            id += bool(light or kind)
        for members in groups.values():
            _controller(document, junction, members)


def _sign(layout: Layout, edge: Edge, links: list[Link]) -> str:
    """The sign an approach has: none where no other has a higher priority. (The state of its links does not tell: it
    is m wherever there are crosswalks.)"""
    highest = max(other.priority for other in layout.approaches(edge.target))
    if edge.priority >= highest:
        return ""
    return STOP if any(link.state in "sw" for link in links) else YIELD


def _greens(layout: Layout, links: list[Link]) -> tuple[bool, ...]:
    """For every phase of its light, whether an approach has any green."""
    phases = layout.network.phases[links[0].light]
    return tuple(any(phase[link.index] in "gG" for link in links) for phase in phases)


def _light(document: Document, street: Street, edge: Edge, id: int, links: list[Link]) -> None:
    signal = _signal(document, street, edge, id, LIGHT)
    indices = ",".join(str(index) for index in sorted(link.index for link in links))
    ET.SubElement(signal, "userData", code="sumo", value=f"{links[0].light}:{indices}")


def _signal(document: Document, street: Street, edge: Edge, id: int, kind: str) -> ET.Element:
    road, forward = document.roads[street.id], edge is street.right
    width = sum(lane.width for lane in edge.lanes)
    across = width - ASIDE if edge.lanes[0].kind == "sidewalk" else width + ASIDE
    light = kind == LIGHT
    driving = [street.lane_id(edge.id, i) for i, lane in enumerate(edge.lanes) if lane.kind == "driving"]
    signal = ET.SubElement(
        road.signals, "signal", name={LIGHT: "light", YIELD: "yield", STOP: "stop"}[kind], id=str(id),
        s=number(road.length - LINE if forward else LINE, 4), t=number(-across if forward else across, 4),
        zOffset="3" if light else "2", hOffset="0" if forward else number(math.pi, 9), roll="0", pitch="0",
        orientation="-" if forward else "+", dynamic="yes" if light else "no", country="OpenDRIVE", type=kind,
        subtype="-1", value="-1", text="", height="0.9" if light else "0.6", width="0.3" if light else "0.6",
    )  # fmt: skip
    ET.SubElement(signal, "validity", fromLane=str(min(driving)), toLane=str(max(driving)))
    return signal


def _controller(document: Document, junction: int, members: list[int]) -> None:
    id = str(4001 + len(document.controllers))
    controller = ET.Element("controller", id=id, name=f"group {id}", sequence="0")
    for signal in members:
        ET.SubElement(controller, "control", signalId=str(signal), type="0")
    document.controllers.append(controller)
    ET.SubElement(document.junctions[junction], "controller", id=id, type="0", sequence="0")


def add_crosswalks(document: Document, crossings: tuple[Crossing, ...]) -> None:
    """Objects of type crosswalk. CARLA reads an outline's v the other way round and makes u one metre longer at both
    ends, to reach the sidewalks; so the outline is symmetric, and u runs across the road."""
    for index, crossing in enumerate(crossings):
        start, end = crossing.shape[0], crossing.shape[-1]
        middle, (dx, dy) = (start + end) / 2, end - start
        at = document.anchor(float(middle[0]), float(middle[1]))
        assert at is not None, "a crosswalk lies beside no straight road"
        length = float(np.hypot(dx, dy))
        turn = math.remainder(math.atan2(dy, dx) - at.heading, 2 * math.pi)
        item = ET.SubElement(
            at.road.objects, "object", id=str(5001 + index), name="crosswalk", type="crosswalk", s=number(at.s, 4),
            t=number(at.t, 4), zOffset="0", hdg=number(turn, 9), pitch="0", roll="0", orientation="none",
            length=number(length, 4), width=number(crossing.width, 4),
        )  # fmt: skip
        outline = ET.SubElement(item, "outline")
        u, v = number(length / 2, 4), number(crossing.width / 2, 4)
        for x, y in ((u, f"-{v}"), (u, v), (f"-{u}", v), (f"-{u}", f"-{v}"), (u, f"-{v}")):  # closed
            ET.SubElement(outline, "cornerLocal", u=x, v=y, z="0", height="0")
