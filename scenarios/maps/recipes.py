"""The maps as recipes: how each network is made, and what stands beside its roads.

Distances in [m], speeds in [m/s], x east and y north. Names are stable: results refer to them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from laco.scenarios.maps.plain import netconvert, netgenerate
from laco.scenarios.maps.scenery import Scenery


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


RECIPES = {"grid": Recipe(grid, Scenery(seed=3, tree_gap=(18.0, 40.0)))}
