"""The map `straight`: where ScenarioRunner's examples for CARLA's Town01 find what they need.

A two-lane road of 230 m on which one drives east at y = 133 m, from x = 100 m to a crossing (y in CARLA's frame;
-133 m here). Its OpenDRIVE id is 4, as in the examples. Three loops lead back to its start, so that nothing ends in
a dead end: CARLA's agents and its Traffic Manager do not expect one. It shares nothing else with that town.

It swings by a few centimetres, as roads do: CARLA's `BasicAgent` sees a car ahead only at an angle above zero, and
on a straight line rounding leaves none between two cars in the middle of a lane.
"""

import math

from laco.scenarios.maps.plain import Row, netconvert
from laco.scenarios.maps.scenery import Scenery

MIDDLE, BLOCK = -131.0, 120.0  # [m] the line between the lanes, the loops' width
SWING, WAVE, STEP = 0.1, 80.0, 5.0  # [m] of the long road: amplitude, wave length, between its points
LANE, SPEED = 4.0, 13.89  # [m], [m/s]
CORNER = 12.0  # [m] radius of the kerbs
PLACES = {
    "start": (84.0, MIDDLE),  # its corner ends at x = 100 m
    "crossing": (350.0, MIDDLE),
    "north": (350.0, MIDDLE + BLOCK),
    "northwest": (84.0, MIDDLE + BLOCK),
    "south": (350.0, MIDDLE - BLOCK),
    "southwest": (84.0, MIDDLE - BLOCK),
    "east": (350.0 + BLOCK, MIDDLE),
    "northeast": (350.0 + BLOCK, MIDDLE + BLOCK),
}
# In the order in which the converter numbers the roads: the long one comes fourth.
ROADS = (
    ("crossing", "north"),
    ("crossing", "south"),
    ("crossing", "east"),
    ("start", "crossing"),
    ("north", "northwest"),
    ("northwest", "start"),
    ("south", "southwest"),
    ("southwest", "start"),
    ("east", "northeast"),
    ("northeast", "north"),
)
SCENERY = Scenery(seed=4, tree_gap=(20.0, 45.0))


def straight() -> str:
    """Its network, as text."""
    nodes: list[Row] = [{"id": name, "x": x, "y": y, "type": "priority"} for name, (x, y) in PLACES.items()]
    edges: list[Row] = []
    for number, (a, b) in enumerate(ROADS, 1):
        for way, start, end in (("there", a, b), ("back", b, a)):
            id = f"{number:02d}{'a' if way == 'there' else 'b'}"
            long = {start, end} == {"start", "crossing"}
            shape = {"shape": _swinging(PLACES[start][0], PLACES[end][0])} if long else {}
            edges.append({"id": id, "from": start, "to": end, "numLanes": 1, "speed": SPEED, "width": LANE, **shape})
    return netconvert(nodes, edges, (), f"--default.junctions.radius={CORNER}")


def _swinging(start: float, end: float) -> str:
    """The long road's line from one x to the other, as netconvert takes it."""
    low, high = sorted((start, end))
    xs = [low + STEP * i for i in range(int((high - low) / STEP))] + [high]
    points = [(x, MIDDLE + SWING * math.sin(math.tau * (x - low) / WAVE)) for x in xs]
    return " ".join(f"{x:.2f},{y:.3f}" for x, y in (points if start < end else points[::-1]))
