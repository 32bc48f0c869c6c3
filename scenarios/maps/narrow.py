"""The map `narrow_street`: a street of one lane per direction, 30 km/h, with a bottleneck of one lane in its middle.

For 28 m, cars parked on both sides leave one lane of 3.5 m: two cars cannot pass. Traffic from the west has to wait
(a yield sign). OpenDRIVE has a connecting road each way, one on top of the other. SUMO knows no such rule, so its own
traffic takes turns by a light that only SUMO sees.
"""

import re
from xml.etree import ElementTree as ET

from laco.scenarios.maps.convert import NONE, SOLID, Layout
from laco.scenarios.maps.curves import Piece
from laco.scenarios.maps.document import Document, LaneSpec, number
from laco.scenarios.maps.plain import edge, link, netconvert, node
from laco.scenarios.maps.scenery import Stand

HALF = 28.0  # [m] of the bottleneck
LANE, WALK = 3.5, 2.0  # [m] widths
STRIP = LANE / 2  # [m] left for parked cars on either side
CAR, CAR_WIDTH, CAR_HEIGHT = 4.3, 1.65, 1.5  # [m]
PLACES = (
    -9.5,
    -4.2,
    0.9,
    6.3,
    11.4,
)  # [m] middles of the parked cars on the south side; mirrored on the north
TURNS = (("Gr", 20), ("yr", 3), ("rr", 8), ("rG", 20), ("ry", 3), ("rr", 8))  # of SUMO's hidden light [s]


def narrow_street() -> str:
    """Its SUMO network."""
    nodes = [node("west", -150, 0), node("east", 150, 0), node("narrow", 0, 0, type="traffic_light")]
    lanes = [{"allow": "pedestrian", "width": WALK}, {"disallow": "pedestrian", "width": LANE}]
    edges = []
    for outer, x, priority in (("west", -150, 1), ("east", 150, 2)):
        mouth = HALF if x > 0 else -HALF
        edges.append(edge(outer, "narrow", 8.33, priority, lanes=lanes, shape=f"{x},0 {mouth},0"))
        edges.append(edge("narrow", outer, 8.33, priority, lanes=lanes, shape=f"{mouth},0 {x},0"))
    links = [
        link("west_narrow", "narrow_east", 1, 1, shape=_squeeze(1)),
        link("east_narrow", "narrow_west", 1, 1, shape=_squeeze(-1)),
    ]
    net = netconvert(nodes, edges, links, "--walkingareas")
    phases = "".join(f'<phase duration="{seconds}" state="{state}"/>' for state, seconds in TURNS)
    return re.sub(r"(<tlLogic[^>]*>).*?(</tlLogic>)", lambda m: f"{m[1]}{phases}{m[2]}", net, flags=re.DOTALL)


def _squeeze(direction: int) -> str:
    """The way through, seen from the west (1) or from the east (-1): aside, to the middle, and aside again."""
    sway, steps = 14.0, 28
    points = []
    for i in range(steps + 1):
        share = i / steps
        points.append((-HALF + sway * share, -STRIP * (1 - share * share * (3 - 2 * share))))
    points += [(-x, y) for x, y in reversed(points)]
    return " ".join(f"{direction * x:.3f},{direction * y:.3f}" for x, y in points)


def houses() -> tuple[Stand, ...]:
    """Four houses at the bottleneck itself, close to the sidewalks."""
    places = ((-13.0, 12.4), (11.5, 11.8), (-11.5, -12.0), (12.8, -11.6))
    return tuple(Stand("building", x, y, 0.0, 19.0, 10.0, 9.0) for x, y in places)


def fill_narrow_street(document: Document, layout: Layout) -> None:
    """Pave the strips on both sides of the bottleneck, and park cars there."""
    junction = next(iter(layout.junctions.values()))
    for side, id in ((-1, 2901), (1, 2902)):
        plan = [Piece(-HALF, side * LANE / 2, 0.0, 2 * HALF)]
        road = document.road(id, "parking strip", junction, plan, 0.0)
        document.lanes(road, [LaneSpec(side, "parking", STRIP, SOLID)], NONE, 0.0)
        for index, place in enumerate(PLACES):
            ET.SubElement(
                road.objects, "object", id=str(7001 + 100 * (side > 0) + index), name=f"car_{id}_{index}", type="car",
                s=number(HALF - side * place), t=number(side * STRIP / 2), zOffset="0", hdg="0", pitch="0", roll="0",
                orientation="none", length=number(CAR), width=number(CAR_WIDTH), height=number(CAR_HEIGHT),
            )  # fmt: skip
