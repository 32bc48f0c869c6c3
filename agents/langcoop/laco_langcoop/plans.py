"""Plans in LangCoop's form, and what a vehicle does when none comes: hold the last one for a moment, then brake."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Tuple

import numpy as np

from laco_langcoop.steering import steered

STEPS = 5
DT = 0.5  # [s]
HOLD = 1.0  # [s] simulated, from when a plan was made until nothing but braking is left of it
SHARPEST = 30.0  # [deg/m]: an arc of 2 m radius, tighter than any car drives
GRID = DT * np.arange(1, STEPS + 1)
Five = Tuple[float, ...]


class Plan(NamedTuple):
    """speed [m/s] and curvature [deg/m, right positive, as LangCoop's controllers take it] for 0.5, 1.0, ... 2.5 s from
    `time` [s simulated] on."""

    time: float
    speed: Five
    curvature: Five
    failed: bool = False


def read(answer: dict[str, Any], time: float, limit: float, plain: bool = False) -> Plan:
    """The plan in a server's map, with nothing in it that a controller could not follow; ValueError if it has none.

    Arcs that were computed become what LangCoop's controllers drive them by (`steering`), unless `plain`.
    """
    speed = [min(limit, max(0.0, value)) for value in _five(answer.get("speed"))]
    curvature = [min(SHARPEST, max(-SHARPEST, value)) for value in _five(answer.get("curvature"))]
    if answer.get("geometric") is True and not plain:
        curvature = [steered(value) for value in curvature]
    return Plan(time, tuple(speed), tuple(curvature), answer.get("failed") is True)


def _five(values: Any) -> list[float]:
    if not isinstance(values, (list, tuple)) or len(values) != STEPS:
        raise ValueError("a plan has five speeds and five curvatures")
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) != STEPS or not all(math.isfinite(value) for value in numbers):
        raise ValueError("a plan has finite numbers")
    return numbers


def brake(time: float, curvature: float = 0.0) -> Plan:
    """Standing still as soon as possible, on the arc that the vehicle is on."""
    return Plan(time, (0.0,) * STEPS, (curvature,) * STEPS)


def at(plan: Plan, time: float, ahead: float = 0.0) -> tuple[float, float]:
    """Speed [m/s] and curvature [deg/m] that a plan wants `ahead` [s] of `time`; its ends go on for ever."""
    age = time - plan.time + ahead
    return float(np.interp(age, GRID, plan.speed)), float(np.interp(age, GRID, plan.curvature))


def instead(last: Plan | None, time: float) -> tuple[Plan, str]:
    """A plan for `time` [s] from the last one that came, and what it is: `held` or `braked`."""
    if last is None:
        return brake(time), "braked"
    if not 0.0 <= time - last.time <= HOLD + 1e-6:  # clocks are sums of many ticks
        return brake(time, at(last, time)[1]), "braked"
    pairs = [at(last, time, float(ahead)) for ahead in GRID]
    return Plan(time, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), last.failed), "held"
