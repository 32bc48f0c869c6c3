"""The map `straight`: where ScenarioRunner's examples for CARLA's Town01 find what they need.

A two-lane road of 230 m that drives east at y = 133 m, from x = 100 m to a crossing (y in CARLA's frame; -133 m here),
with three short roads beyond. Its OpenDRIVE id is 4, as in the examples. It shares nothing else with that town.
"""

from laco.scenarios.maps.plain import Row, netconvert
from laco.scenarios.maps.scenery import Scenery

START, CROSSING, ARM = 100.0, 338.0, 120.0  # [m]
MIDDLE = -131.25  # [m] the line between the lanes
LANE, SPEED = 3.5, 13.89  # [m], [m/s]
# ids in the order in which the converter numbers the roads: the long one comes fourth
ARMS = {
    "1_east": (CROSSING + ARM, MIDDLE),
    "2_north": (CROSSING, MIDDLE + ARM),
    "3_south": (CROSSING, MIDDLE - ARM),
    "4_west": (START, MIDDLE),
}
SCENERY = Scenery(seed=4, tree_gap=(20.0, 45.0))


def straight() -> str:
    """Its network, as text."""
    nodes: list[Row] = [{"id": "crossing", "x": CROSSING, "y": MIDDLE, "type": "priority"}]
    nodes += [{"id": name, "x": x, "y": y} for name, (x, y) in ARMS.items()]
    edges: list[Row] = []
    for name in ARMS:
        ways = {f"{name}_in": (name, "crossing"), f"{name}_out": ("crossing", name)}
        edges += [
            {"id": id, "from": a, "to": b, "numLanes": 1, "speed": SPEED, "width": LANE, "priority": 1}
            for id, (a, b) in ways.items()
        ]
    return netconvert(nodes, edges, (), "--default.junctions.radius=6")
