"""The maps as recipes: how each network is made, and what stands beside its roads.

Distances in [m], speeds in [m/s], x east and y north. Names are stable: results refer to them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from laco.scenarios.maps.plain import netconvert, netgenerate
from laco.scenarios.maps.scenery import Scenery


RING = 18.0  # [m] radius of the roundabout's inner lane border


@dataclass(frozen=True)
class Recipe:
    """How a map is made: its network, and its scenery."""

    net: Callable[[], str]
    scenery: Scenery


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
        _node("west", -150, 0), _node("east", 150, 0), _node("south", 0, -150),
        _node("centre", 0, 0, type="priority_stop", radius=6),
    ]  # fmt: skip
    arms = [("west", 2), ("east", 2), ("south", 1)]
    edges = [edge for arm, priority in arms for edge in _both_ways(arm, "centre", 13.89, priority)]
    crossings = [
        {"tag": "crossing", "node": "centre", "edges": f"{arm}_centre centre_{arm}", "priority": "true", "width": 3.0}
        for arm in ("south", "east")
    ]
    return netconvert(nodes, edges, crossings, "--sidewalks.guess", "--sidewalks.guess.max-speed=20")


def roundabout() -> str:
    """One lane around an island, 30 km/h; four arms of one lane per direction that yield."""
    nodes, edges = [], []
    names = ("east", "north", "west", "south")
    for quarter, name in enumerate(names):
        c, s = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
        nodes += [_node(f"ring_{name}", RING * c, RING * s, radius=4), _node(name, 160 * c, 160 * s)]
        edges += _both_ways(name, f"ring_{name}", 13.89, 1)
        onward = names[(quarter + 1) % 4]
        arc = [quarter * math.pi / 2 + i * math.pi / 2 / 45 for i in range(46)]
        shape = " ".join(f"{RING * math.cos(a):.4f},{RING * math.sin(a):.4f}" for a in arc)
        edges.append(_edge(f"ring_{name}", f"ring_{onward}", 8.33, 3, shape=shape, width=4.0))
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
        _node("west", -600, -4), _node("merge", -50, -4), _node("end", 200, -4), _node("east", 600, -4),
        _node("back_east", 600, 4), _node("back_west", -600, 4), _node("ramp", -330, -90),
    ]  # fmt: skip
    two, three = [shoulder, lane, lane], [shoulder, lane, lane, lane]
    edges = [
        _edge("west", "merge", fast, 3, lanes=two), _edge("merge", "end", fast, 3, lanes=three),
        _edge("end", "east", fast, 3, lanes=two), _edge("back_east", "back_west", fast, 3, lanes=two),
        _edge("ramp", "merge", 22.22, 1, lanes=[lane], shape=_ramp()),
    ]  # fmt: skip
    links = [
        _link("west_merge", "merge_end", 1, 2), _link("west_merge", "merge_end", 2, 3),
        _link("ramp_merge", "merge_end", 0, 1), _link("merge_end", "end_east", 2, 1), _link("merge_end", "end_east", 3, 2),
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


def narrow_street() -> str:
    """A street of one lane per direction, 30 km/h, that parked cars narrow to one lane for 40 m: two cars cannot pass
    there. Traffic from the west has to wait."""
    nodes = [_node("west", -150, 0), _node("east", 150, 0), _node("narrow_west", -20, 0), _node("narrow_east", 20, 0)]
    return netconvert(nodes, [])


def _node(id: str, x: float, y: float, **more: object) -> dict[str, object]:
    return {"id": id, "x": x, "y": y, **more}


def _edge(source: str, target: str, speed: float, priority: int, **more: object) -> dict[str, object]:
    """A one-way edge, of one lane unless `lanes` says more."""
    lanes = more.get("lanes")
    count = len(lanes) if isinstance(lanes, list) else 1
    return {
        "id": f"{source}_{target}", "from": source, "to": target, "numLanes": count, "speed": speed,
        "priority": priority, **more,
    }  # fmt: skip


def _both_ways(outer: str, inner: str, speed: float, priority: int, **more: object) -> list[dict[str, object]]:
    return [_edge(outer, inner, speed, priority, **more), _edge(inner, outer, speed, priority, **more)]


def _link(source: str, target: str, from_lane: int, to_lane: int, **more: object) -> dict[str, object]:
    return {"from": source, "to": target, "fromLane": from_lane, "toLane": to_lane, **more}


RECIPES = {
    "grid": Recipe(grid, Scenery(seed=3, tree_gap=(18.0, 40.0))),
    "t_junction": Recipe(t_junction, Scenery(seed=5, setback=(0.9, 1.6), reach=60.0)),
    "roundabout": Recipe(roundabout, Scenery(seed=7, setback=(4.0, 9.0), building_gap=(6.0, 20.0))),
    "highway": Recipe(highway, Scenery(seed=11, building_gap=None, tree_gap=(9.0, 25.0), tree_setback=(3.0, 12.0))),
}
