"""The teacher: the fastest speed that is safe against what is seen, and against what may hide.

A grid over time and route distance holds what the seen vehicles will occupy at constant velocity, and, where
a crossing lane is hidden, a phantom that may come out of the hidden part. The highest target speed wins that
stays clear of moving vehicles when held (so a crossing car is passed behind without a stop), and that stays
clear of the rest when held, or when held for a moment and followed by braking. `caution` in [0, 1] scales the
phantom's speed; 0 trusts that nothing hides.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame, seen_extent
from laco.agents.drivers.plan import DT, STEPS, Plan
from laco.agents.observation import Observation
from laco.agents.perception import MOVING

CRUISE = 0.9  # share of the speed limit that is driven
PHANTOM = 15.0  # [m/s] at caution 1
ACCEL, BRAKE, HARD = 2.5, 4.0, 7.0  # [m/s^2]
HOLD = 0.6  # [s] a target is kept before braking is considered: reaction plus one decision
LATERAL = 2.5  # [m/s^2] comfortable in bends
MARGIN_ALONG, MARGIN_SIDE = 1.5, 0.5  # [m] kept from others
CRAWL = 1.0  # [m/s] slowest target above a stop
TIMES = np.arange(0.0, 6.01, 0.2)  # [s]
STOPPED = TIMES <= 3.6  # a stop needs to be safe this long: one can move on again
CELLS = np.arange(-6.0, 66.0, 0.5)  # [m] route distance of the grid's cells
TARGETS = np.arange(0.0, 15.01, 0.5)  # [m/s]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def decide(view: Observation, caution: float, peers: Sequence[Observation] = ()) -> Plan:
    """Plan for the union of a vehicle's own view and its peers' views; `caution` in [0, 1]."""
    frame = Frame.of(view)
    target, rate = judge(frame, [view, *peers], caution)
    return plan(frame, view.time, target, rate)


def judge(frame: Frame, views: Sequence[Observation], caution: float) -> tuple[float, float]:
    """Target speed [m/s] and the braking rate [m/s^2] towards it."""
    moving, still = _occupied(frame, views)
    still = still | _phantoms(frame, views, caution)
    cap = bend_cap(frame, frame.limit * CRUISE)
    return _choose(frame.body.speed, cap, _widen(frame, moving), _widen(frame, still))


def plan(frame: Frame, time: float, target: float, rate: float) -> Plan:
    """The plan that takes the vehicle to `target` [m/s] along its route."""
    speeds = _approach(frame.body.speed, np.array(target), rate, DT * np.arange(1.0, STEPS + 1))
    return Plan(time, tuple(float(v) for v in speeds), _curvature(frame, speeds))


def _approach(speed: float, target: Array, rate: float, times: Array) -> Array:
    """Speed at `times` when changing from `speed` to `target` at ACCEL upwards or `rate` downwards."""
    return np.asarray(np.clip(target, speed - rate * times, speed + ACCEL * times))


def _choose(speed: float, cap: float, moving: Mask, still: Mask) -> tuple[float, float]:
    """The highest safe target speed [m/s] and the braking rate towards it; a hard stop if none is safe."""
    targets = np.append(TARGETS[cap - 1e-6 > TARGETS], cap)
    hold = _approach(speed, targets[:, None], BRAKE, TIMES)
    at_hold = _approach(speed, targets[:, None], BRAKE, np.minimum(TIMES, HOLD))
    stop = np.maximum(0.0, at_hold - BRAKE * np.maximum(TIMES - HOLD, 0.0))
    stops = _clear(stop, (moving | still) & STOPPED[:, None])
    for safe in (_clear(hold, moving) & (_clear(hold, still) | stops), stops):
        safe &= (targets == 0.0) | (targets >= CRAWL)
        if safe.any():
            return float(targets[int(np.flatnonzero(safe)[-1])]), BRAKE
    return 0.0, HARD


def _clear(speeds: Array, taken: Mask) -> Mask:
    """Which speed profiles [k, times] never meet a taken cell."""
    middle = (speeds[:, 1:] + speeds[:, :-1]) * (TIMES[1] / 2)
    cell = np.zeros(speeds.shape, dtype=np.intp)
    cell[:, 1:] = np.cumsum(middle, axis=1) * 2.0 + 0.5
    cell += round(-CELLS[0] * 2)
    np.minimum(cell, len(CELLS) - 1, out=cell)
    return np.asarray(~taken[np.arange(len(TIMES)), cell].any(axis=1))


def _widen(frame: Frame, taken: Mask) -> Mask:
    """Grow the taken cells by the vehicle's half length and margin, along the route."""
    cells = round((frame.body.half_length + MARGIN_ALONG) / 0.5)
    summed = np.cumsum(np.pad(taken, ((0, 0), (cells + 1, cells))), axis=1, dtype=np.int16)
    return np.asarray(summed[:, 2 * cells + 1 :] - summed[:, : -2 * cells - 1] > 0)


def _occupied(frame: Frame, views: Sequence[Observation]) -> tuple[Mask, Mask]:
    """Cells [times, cells] that moving and standing seen vehicles will cover at constant velocity."""
    points = frame.route.at(CELLS)
    points[CELLS < 0] = np.nan  # nothing behind the vehicle is its business
    masks = np.zeros((2, len(TIMES), len(CELLS)), dtype=bool)
    for body in (a.body for v in views for a in v.actors):
        if math.hypot(body.x - frame.body.x, body.y - frame.body.y) < frame.body.half_length:
            continue
        c, s = math.cos(body.yaw), math.sin(body.yaw)
        dx, dy = points[:, 0] - body.x, points[:, 1] - body.y
        forward, right = dx * c + dy * s, dy * c - dx * s
        beside = np.abs(right) < body.half_width + frame.body.half_width + MARGIN_SIDE
        if not beside.any():
            continue
        reach = body.half_length + (frame.body.half_width + MARGIN_SIDE) * 0.8
        moves = abs(body.speed) > MOVING
        masks[int(not moves)] |= beside & (np.abs(forward - body.speed * TIMES[:, None]) < reach)
    return masks[0], masks[1]


def _phantoms(frame: Frame, views: Sequence[Observation], caution: float) -> Mask:
    """Cells that a vehicle out of the hidden part of a crossing lane may cover, from when it may be there."""
    taken = np.zeros((len(TIMES), len(CELLS)), dtype=bool)
    best: dict[int, tuple[float, float]] = {}
    for sight in (s for v in views for s in v.sights):
        found = seen_extent(frame, sight)
        if found is None:
            continue
        lane = round(math.degrees(frame.turn(sight.heading)) / 30) * 1000 + round(found[0] / 6)
        at, extent = best.get(lane, found)
        best[lane] = (at, max(extent, found[1]))
    for at, extent in best.values():
        arrives = extent / max(PHANTOM * caution, 1e-6)
        zone = np.abs(CELLS - at) < frame.body.half_width + 1.2
        taken |= zone & (TIMES[:, None] >= arrives)
    return taken


def bend_cap(frame: Frame, cap: float) -> float:
    """Highest present speed from which every bend ahead, and the end of the route, can be met in comfort."""
    distance = np.arange(0.0, 40.0, 2.0)
    points = frame.route.at(distance)
    heading = np.unwrap(np.arctan2(*np.diff(points, axis=0).T[::-1]))
    bend = np.abs(np.diff(heading)) / 2.0
    allowed = np.sqrt(LATERAL / np.maximum(bend, 1e-3))
    ahead = np.maximum(distance[1:-1] - 1.0, 0.0)
    return float(min(cap, np.sqrt(allowed**2 + 2 * 2.0 * ahead).min()))


def _curvature(frame: Frame, speeds: Array) -> tuple[float, ...]:
    """Pure pursuit: the arc [deg/m] through a route point, further ahead with speed, at each plan step."""
    travelled = np.concatenate([[0.0], np.cumsum(speeds[:-1] * DT)])
    look = travelled * 0.5 + min(max(0.6 * frame.body.speed, 3.5), 8.0)
    local = [frame.local(x, y) for x, y in frame.route.at(look)]
    return tuple(math.degrees(2 * y / max(x * x + y * y, 1.0)) for x, y in local)
