"""What scenarios share: routes that swing aside, and when an unhindered driver gets where."""

import math

import numpy as np
from numpy.typing import NDArray

from laco.agents.route import Route

Array = NDArray[np.float64]
LIMIT = 50 / 3.6  # [m/s]
CRUISE = 0.9 * LIMIT  # [m/s] what an unhindered driver drives
GAIN, SLOWING, LATERAL = 2.5, 2.0, 2.5  # [m/s^2] how it speeds up, slows down for bends, and takes them


def weave(*knots: tuple[float, float]) -> Array:
    """A way [n, 2] through knots of (distance along a straight road, distance aside) [m]: half a cosine from each
    knot to the next one."""
    points = [knots[0]]
    for (s, d), (to_s, to_d) in zip(knots, knots[1:], strict=False):
        steps = 1 if d == to_d else max(2, round(abs(to_s - s)))
        shares = np.arange(1, steps + 1) / steps
        points += [(s + (to_s - s) * t, d + (to_d - d) * (1 - math.cos(math.pi * t)) / 2) for t in shares]
    return np.array(points)


def arc(centre: tuple[float, float], radius: float, start: float, end: float) -> Array:
    """Points [n, 2] of an arc about `centre` from the angle `start` to `end` [deg], clockwise where it grows."""
    angles = np.radians(np.linspace(start, end, 1 + max(2, round(abs(end - start) / 5))))
    return np.asarray(np.array(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def arrival(route: Array, speed: float, along: float) -> float:
    """Time [s] in which an unhindered driver covers `along` [m] of a route [n, 2] from `speed` [m/s]."""
    way = Route.through(route)
    ways = np.diff(way.points, axis=0)
    step = float(way.distance[1])
    heading = np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))
    bend = np.pad(np.abs(np.diff(heading)) / step, 1)
    pace = np.minimum(CRUISE, np.sqrt(LATERAL / np.maximum(bend, 1e-3)))
    for i in range(len(pace) - 2, -1, -1):
        pace[i] = min(pace[i], math.sqrt(pace[i + 1] ** 2 + 2 * SLOWING * step))
    pace[0] = min(pace[0], speed)
    for i in range(1, len(pace)):
        pace[i] = min(pace[i], math.sqrt(pace[i - 1] ** 2 + 2 * GAIN * step))
    times = np.concatenate([[0.0], np.cumsum(2 * step / (pace[1:] + pace[:-1]))])  # no pace is zero
    return float(np.interp(along, way.distance, times))
