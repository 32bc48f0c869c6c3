"""The maps as recipes: how each network is made, and what stands beside its roads.

Distances in [m], speeds in [m/s], x east and y north. Names are stable: results refer to them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from laco.scenarios.maps.convert import Layout
from laco.scenarios.maps.document import Document
from laco.scenarios.maps.narrow import fill_narrow_street, houses, narrow_street
from laco.scenarios.maps.plain import both_ways, edge, link, netconvert, netgenerate, node
from laco.scenarios.maps.scenery import Scenery
from laco.scenarios.maps.straight import SCENERY, straight

RING = 18.0  # [m] radius of the roundabout's inner lane border
BEND, WIDE = 32.0, 60.0  # [m] radii of the middle line in the bends of `curve`


@dataclass(frozen=True)
class Recipe:
    """How a map is made: its network, its scenery, and what else goes into the OpenDRIVE document. Lights that only
    SUMO shall see are not `lit`."""

    net: Callable[[], str]
    scenery: Scenery
    finish: Callable[[Document, Layout], None] | None = None
    lit: bool = True


def grid() -> str:
    """3x3 signalised junctions 120 m apart, two lanes per direction, 50 km/h, sidewalks and crosswalks."""
    return netgenerate(
        "--grid", "--grid.number=3", "--grid.length=120", "--grid.attach-length=100", "--default.lanenumber=2",
        "--default.speed=13.89", "--default-junction-type=traffic_light", "--default.junctions.radius=5",
        "--sidewalks.guess", "--crossings.guess",
    )  # fmt: skip


def t_junction() -> str:
    """A street of one lane per direction from west to east, 50 km/h, and one from the south that stops at it."""
    nodes = [
        node("west", -150, 0), node("east", 150, 0), node("south", 0, -150),
        node("centre", 0, 0, type="priority_stop", radius=6),
    ]  # fmt: skip
    arms = [("west", 2), ("east", 2), ("south", 1)]
    edges = [edge for arm, priority in arms for edge in both_ways(arm, "centre", 13.89, priority)]
    crossings = [
        {
            "tag": "crossing",
            "node": "centre",
            "edges": f"{arm}_centre centre_{arm}",
            "priority": "true",
            "width": 3.0,
        }
        for arm in ("south", "east")
    ]
    return netconvert(nodes, edges, crossings, "--sidewalks.guess", "--sidewalks.guess.max-speed=20")


def roundabout() -> str:
    """One lane around an island, 30 km/h; four arms of one lane per direction that yield."""
    nodes, edges = [], []
    names = ("east", "north", "west", "south")
    for quarter, name in enumerate(names):
        c, s = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
        nodes += [node(f"ring_{name}", RING * c, RING * s, radius=4), node(name, 160 * c, 160 * s)]
        edges += both_ways(name, f"ring_{name}", 13.89, 1)
        onward = names[(quarter + 1) % 4]
        arc = [quarter * math.pi / 2 + i * math.pi / 2 / 45 for i in range(46)]
        shape = " ".join(f"{RING * math.cos(a):.4f},{RING * math.sin(a):.4f}" for a in arc)
        edges.append(edge(f"ring_{name}", f"ring_{onward}", 8.33, 3, shape=shape, width=4.0))
    ring = " ".join(f"ring_{name}" for name in names)
    around = " ".join(f"ring_{a}_ring_{b}" for a, b in zip(names, (*names[1:], names[0]), strict=True))
    return netconvert(nodes, [*edges, {"tag": "roundabout", "nodes": ring, "edges": around}])


def highway() -> str:
    """Two carriageways of two lanes and a hard shoulder, 120 km/h; a ramp joins the eastbound one over an acceleration
    lane of 250 m."""
    fast = 33.33
    shoulder = {"disallow": "all", "width": 2.5}
    lane: dict[str, object] = {"width": 3.75}
    nodes = [
        node("west", -600, -4), node("merge", -50, -4), node("end", 200, -4, radius=45), node("east", 600, -4),
        node("back_east", 600, 4), node("back_west", -600, 4), node("ramp", -330, -90),
    ]  # fmt: skip
    two, three = [shoulder, lane, lane], [shoulder, lane, lane, lane]
    edges = [
        edge("west", "merge", fast, 3, lanes=two), edge("merge", "end", fast, 3, lanes=three),
        edge("end", "east", fast, 3, lanes=two), edge("back_east", "back_west", fast, 3, lanes=two),
        edge("ramp", "merge", 22.22, 1, lanes=[lane], shape=_ramp()),
    ]  # fmt: skip
    links = [
        link("west_merge", "merge_end", 1, 2), link("west_merge", "merge_end", 2, 3),
        link("ramp_merge", "merge_end", 0, 1), link("merge_end", "end_east", 2, 1), link("merge_end", "end_east", 3, 2),
    ]  # fmt: skip
    return netconvert(nodes, edges, links)


def _ramp() -> str:
    """Left border of the ramp: a smooth turn from the south-west that ends beside the carriageway's two lanes."""
    end_y, start = -4 - 2 * 3.75, (-330.0, -90.0)
    points = []
    for i in range(61):
        t = i / 60
        x = start[0] + (-50 - start[0]) * t
        rise = t * t * (3 - 2 * t) if t < 0 else 1 - (1 - t) ** 2 * (1 + 0.0 * t)
        points.append(f"{x:.3f},{start[1] + (end_y - start[1]) * rise:.3f}")
    return " ".join(points)


def curve() -> str:
    """One lane per direction, 50 km/h: from the west into a tight bend to the south, and on into a wider one to the
    east."""
    way = [(-140.0, 0.0), *_arc(0.0, -BEND, BEND, 90, 0), (BEND, -100.0), *_arc(BEND + WIDE, -100.0, WIDE, 180, 270)]
    way.append((BEND + WIDE + 110.0, -100.0 - WIDE))
    there = " ".join(f"{x:.3f},{y:.3f}" for x, y in way)
    back = " ".join(f"{x:.3f},{y:.3f}" for x, y in reversed(way))
    nodes = [node("west", *way[0]), node("east", *way[-1])]
    lane = {"width": 3.5}
    return netconvert(
        nodes,
        [edge("west", "east", 13.89, 2, shape=there, **lane), edge("east", "west", 13.89, 2, shape=back, **lane)],
    )


def _arc(x: float, y: float, radius: float, start: int, end: int) -> list[tuple[float, float]]:
    """Points, two degrees apart, around (x, y)."""
    angles = range(start, end + 1, 2) if end > start else range(start, end - 1, -2)
    turns = [math.radians(a) for a in angles]
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in turns]


RECIPES = {
    "grid": Recipe(grid, Scenery(seed=3, tree_gap=(18.0, 40.0))),
    "t_junction": Recipe(t_junction, Scenery(seed=5, setback=(0.9, 1.6), reach=60.0)),
    "roundabout": Recipe(roundabout, Scenery(seed=7, setback=(4.0, 9.0), building_gap=(6.0, 20.0))),
    "highway": Recipe(highway, Scenery(seed=11, building_gap=None, tree_gap=(9.0, 25.0), tree_setback=(3.0, 12.0))),
    "narrow_street": Recipe(
        narrow_street,
        Scenery(seed=13, setback=(0.9, 1.5), tree_gap=None, extra=houses()),
        finish=fill_narrow_street,
        lit=False,
    ),
    "straight": Recipe(straight, SCENERY),
    "curve": Recipe(curve, Scenery(seed=17, setback=(5.5, 10.0), building_gap=(8.0, 25.0), tree_setback=(3.8, 4.4))),
}
