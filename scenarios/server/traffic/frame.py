"""Between SUMO's frame and the world's: SUMO's y points north and its angles run clockwise from north; its vehicles
are where their front bumper is."""

import math
from typing import NamedTuple


class Place(NamedTuple):
    """Middle of a body [m] and its yaw [deg], in the world's frame."""

    x: float
    y: float
    yaw: float


def from_sumo(position: tuple[float, float], angle: float, length: float) -> Place:
    """Where the middle of a body is whose front SUMO says."""
    yaw = angle - 90.0
    turn, half = math.radians(yaw), length / 2
    return Place(position[0] - half * math.cos(turn), -position[1] - half * math.sin(turn), yaw)


def to_sumo(x: float, y: float, yaw: float, length: float) -> tuple[float, float, float]:
    """SUMO's x, y of the front bumper and its angle."""
    turn, half = math.radians(yaw), length / 2
    return x + half * math.cos(turn), -(y + half * math.sin(turn)), (yaw + 90.0) % 360.0
