"""Arcs that are driven: LangCoop's controllers turn the wheel to about a third of what a plan's geometry asks for.

They steer by curvature * 3 / 180 through gains that add up to 1.2 on a steady arc, whatever the vehicle: numbers that
LangCoop's models write down are meant for that. Where LACO computes a curvature from the route (`geometric`), it is the
arc itself; the same controllers drive it once the wheel's own map is put in front of them.
The bicycle is the one of `laco.agents.control`: fitted to CARLA's `vehicle.lincoln.mkz2017`, LangCoop's ego.
"""

from __future__ import annotations

import math

AXLE, SHARE, WHEEL = 1.4178275, 1.4178275 / (1.4178275 - 0.090769015), 0.36848336  # [m], ratio, [rad] at full steer
PER_STEER = 180.0 / (3.0 * 1.2)  # [deg/m] that make those controllers steer 1 on a steady arc
MOST_SLIP = 0.38  # sine of the slip angle at which the wheel is at its end


def steered(curvature: float) -> float:
    """What to ask those controllers for, to drive an arc of `curvature` [deg/m, right positive]; at most full steer."""
    slip = math.asin(min(MOST_SLIP, max(-MOST_SLIP, math.radians(curvature) * AXLE)))
    return PER_STEER * min(1.0, max(-1.0, math.atan(math.tan(slip) / SHARE) / WHEEL))
