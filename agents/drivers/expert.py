"""The teacher: the fastest speed that is safe against what is seen, and against what may hide.

Everybody seen is expected on a way (`ways`): its beacon's route, its arc, straight on. Who goes the same way or stands
takes cells of the route over time; who crosses or comes head-on takes a zone, which must be left before it arrives
or entered after it has gone (`threats`). Where a lane is hidden a phantom may come out of the hidden part; `caution` in
[0, 1] scales its speed, 0 trusts that nothing hides. Connected vehicles go in an order that all of them know
(`priority`).

The highest target speed wins that stays clear of those under way when held (so a crossing car is passed behind
without a stop), that stays clear of the rest when held, or when held for a moment and followed by braking, and that
leaves room for a leader to brake.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import CELL, CELLS, Frame
from laco.agents.drivers.plan import DT, STEPS, Plan
from laco.agents.drivers.threats import MARGIN_ALONG, TIMES, Threats, Zone, threats
from laco.agents.observation import PACE, Observation

CRUISE = 0.9  # share of the speed limit that is driven
FASTEST = 15.0  # [m/s] whatever the limit
PHANTOM = PACE  # [m/s] at caution 1, on an ordinary lane
ACCEL, BRAKE, HARD = 2.5, 4.0, 7.0  # [m/s^2]
HOLD = 0.6  # [s] a target is kept before braking is considered: reaction plus one decision
LEADER = 5.0  # [m/s^2] a leader may brake so hard
LATERAL = 2.5  # [m/s^2] comfortable in bends
CRAWL, PEEK = 1.0, 2.0  # [m/s] slowest target above a stop; with which one feels one's way where nobody can be seen
EARLY, LATE = 0.6, 0.2  # [s] kept before another's arrival: before going in, and once it is too late to stay out
AFTER = 0.2  # [s] kept after another has gone
STOPPED = 3.6  # [s] a stop needs to be safe this long: one can move on again
TARGETS = np.arange(0.0, FASTEST + 0.01, 0.5)  # [m/s]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def decide(view: Observation, caution: float, peers: Sequence[Observation] = ()) -> Plan:
    """Plan for the union of a vehicle's own view and its peers' views; `caution` in [0, 1]."""
    frame = Frame.of(view)
    target, rate = judge(frame, [view, *peers], caution)
    return plan(frame, view.time, target, rate)


def judge(frame: Frame, views: Sequence[Observation], caution: float) -> tuple[float, float]:
    """Target speed [m/s] and the braking rate [m/s^2] towards it."""
    cap = bend_cap(frame, min(frame.limit * CRUISE, FASTEST))
    return _choose(frame, cap, threats(frame, views, caution))


def plan(frame: Frame, time: float, target: float, rate: float) -> Plan:
    """The plan that takes the vehicle to `target` [m/s] along its route."""
    speeds = _approach(frame.body.speed, np.array(target), rate, DT * np.arange(1.0, STEPS + 1))
    return Plan(time, tuple(float(v) for v in speeds), steered(frame, speeds))


def _approach(speed: float, target: Array, rate: float, times: Array) -> Array:
    """Speed at `times` when changing from `speed` to `target` at ACCEL upwards or `rate` downwards."""
    return np.asarray(np.clip(target, speed - rate * times, speed + ACCEL * times))


@dataclass(frozen=True, eq=False)
class Profiles:
    """Ways to go on: speeds and route distances [k, times]; the last speed is kept."""

    speeds: Array
    distance: Array

    @classmethod
    def of(cls, speeds: Array) -> "Profiles":
        """From speeds [k, times] [m/s]."""
        distance = np.zeros(speeds.shape)
        np.cumsum((speeds[:, 1:] + speeds[:, :-1]) * (TIMES[1] / 2), axis=1, out=distance[:, 1:])
        return cls(speeds, distance)

    def first_taken(self, taken: Mask) -> Array:
        """When each profile meets a taken cell [k]; inf where never."""
        cell = np.minimum((self.distance / CELL + 0.5).astype(np.intp), len(CELLS) - 1)
        hits = taken[np.arange(len(TIMES)), cell]
        return np.where(hits.any(axis=1), TIMES[hits.argmax(axis=1)], np.inf)

    def at(self, places: Array) -> Array:
        """When each profile comes to places [z]: [k, z], inf where it never does."""
        after = np.clip((self.distance[:, None] < places[:, None]).sum(axis=2), 1, len(TIMES) - 1)
        row = np.arange(len(self.distance))[:, None]
        low, high = self.distance[row, after - 1], self.distance[row, after]
        share = (places - low) / np.maximum(high - low, 1e-9)
        late = np.full(share.shape, np.inf)
        end, final = self.distance[:, -1:], self.speeds[:, -1:]
        np.divide(places - end, final, out=late, where=final > 0.05)
        inside = np.where(places <= 0.0, 0.0, TIMES[after - 1] + share * TIMES[1])
        return np.where(places > end, TIMES[-1] + late, inside)

    def keep_out(self, zones: Sequence[Zone], margin: float, peek: bool = False) -> Mask:
        """Which profiles are in no zone at the same time as its other user, at least `margin` [s] before it: [k].

        peek: where nobody is seen but somebody may hide, feeling one's way is fine too.
        """
        if not zones:
            return np.ones(len(self.distance), dtype=bool)
        enter, leave, arrives, gone = np.array([(z.enter, z.leave, z.arrives, z.gone) for z in zones]).T
        meets = (self.at(enter) < gone + AFTER) & (self.at(leave) > arrives - margin)
        if peek and any(z.blind for z in zones):
            there = self.distance[:, None] >= enter[:, None]
            slow = (self.speeds[:, None] * there).max(axis=2) < PEEK + 0.2
            meets &= ~(slow & np.array([z.blind for z in zones]))
        return np.asarray(~meets.any(axis=1))


def _choose(frame: Frame, cap: float, threat: Threats) -> tuple[float, float]:
    """The highest safe target speed [m/s] and the braking rate towards it; if none is safe, the latest contact."""
    speed = frame.body.speed
    targets = np.append(TARGETS[cap - 1e-6 > TARGETS], cap)
    hold = Profiles.of(_approach(speed, targets[:, None], BRAKE, TIMES))
    at_hold = _approach(speed, targets[:, None], BRAKE, np.minimum(TIMES, HOLD))
    stop = Profiles.of(np.maximum(0.0, at_hold - BRAKE * np.maximum(TIMES - HOLD, 0.0)))
    moving, still = _widen(frame, threat.moving), _widen(frame, threat.still)
    stays = stop.first_taken((moving | still) & (TIMES <= STOPPED)[:, None]) == np.inf
    passes, clear = hold.first_taken(moving) == np.inf, hold.first_taken(still) == np.inf
    soft, firm = [z for z in threat.zones if z.soft], [z for z in threat.zones if not z.soft]
    lasting = [z for z in threat.zones if not (z.blind and z.short and z.arrives > STOPPED)]
    room, slower = _room(frame, targets, stop, threat.leaders)

    def ranked(margin: float) -> list[Mask]:
        stops = stays & stop.keep_out(lasting, margin)
        goes = passes & hold.keep_out(firm, margin) & (clear & hold.keep_out(soft, margin, peek=True) | stops)
        return [goes & room, goes & slower, stops]

    usable = (targets == 0.0) | (targets >= CRAWL)
    for safe in (*ranked(EARLY), *(ranked(LATE) if threat.zones else ())):
        if (safe & usable).any():
            return float(targets[int(np.flatnonzero(safe & usable)[-1])]), BRAKE
    return _evade(frame, targets, threat, moving | still)


def _room(frame: Frame, targets: Array, stop: Profiles, leaders: Sequence[tuple[float, float]]) -> tuple[Mask, Mask]:
    """Which targets leave room should a leader brake, and which at least let it get away."""
    room = np.ones(len(targets), dtype=bool)
    slowest = math.inf
    for gap, speed in leaders:
        enough = stop.distance[:, -1] + frame.body.half_length + MARGIN_ALONG <= gap + speed**2 / (2 * LEADER)
        room &= enough
        slowest = slowest if enough.all() else min(slowest, speed)
    return room, targets <= max(slowest - 1.0, 0.0)


def _evade(frame: Frame, targets: Array, threat: Threats, taken: Mask) -> tuple[float, float]:
    """Nothing is safe: out of the zone that it is in if that can be done in time, else a hard stop."""
    rates = [(0.0, HARD), (float(targets[-1]), BRAKE)]
    speeds = [_approach(frame.body.speed, np.array(v), rate, TIMES) for v, rate in rates]
    ways = Profiles.of(np.array(speeds))
    inside = [z for z in threat.zones if z.enter <= 0.0]
    out = bool(inside) and bool(ways.keep_out(threat.zones, 0.0)[1]) and ways.first_taken(taken)[1] > 2.0
    return rates[1] if out else rates[0]


def _widen(frame: Frame, taken: Mask) -> Mask:
    """Grow the taken cells by the vehicle's half length and margin, along the route."""
    cells = round((frame.body.half_length + MARGIN_ALONG) / CELL)
    summed = np.cumsum(np.pad(taken, ((0, 0), (cells + 1, cells))), axis=1, dtype=np.int16)
    return np.asarray(summed[:, 2 * cells + 1 :] - summed[:, : -2 * cells - 1] > 0)


def bend_cap(frame: Frame, cap: float) -> float:
    """Highest present speed from which every bend ahead, and the end of the route, can be met in comfort."""
    distance = np.arange(0.0, 40.0, 2.0)
    points = frame.route.at(distance)
    heading = np.unwrap(np.arctan2(*np.diff(points, axis=0).T[::-1]))
    bend = np.abs(np.diff(heading)) / 2.0
    allowed = np.sqrt(LATERAL / np.maximum(bend, 1e-3))
    ahead = np.maximum(distance[1:-1] - 1.0, 0.0)
    return float(min(cap, np.sqrt(allowed**2 + 2 * 2.0 * ahead).min()))


def steered(frame: Frame, speeds: Array) -> tuple[float, ...]:
    """Pure pursuit: the arc [deg/m] through a route point, further ahead with speed, at each plan step."""
    travelled = np.concatenate([[0.0], np.cumsum(speeds[:-1] * DT)])
    look = travelled * 0.5 + min(max(0.6 * frame.body.speed, 3.5), 8.0)
    local = [frame.local(x, y) for x, y in frame.route.at(look)]
    return tuple(math.degrees(2 * y / max(x * x + y * y, 1.0)) for x, y in local)
