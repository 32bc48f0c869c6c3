"""A rule-based driver as CARLA's own: it follows what is in front of it and expects nothing.

Speed by the intelligent driver model (Treiber, Hennecke, Helbing, 2000) behind the nearest road user that stands or
drives in its way, or will within a moment. It knows nothing of what hides, of who crosses later, and of priority.
"""

import math
from collections.abc import Sequence

import numpy as np

from laco.agents.drivers.expert import CRUISE, FASTEST, bend_cap, steered
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import DT, STEPS, Plan
from laco.agents.drivers.threats import known
from laco.agents.drivers.ways import Legs, conflicts, moves
from laco.agents.observation import Body, Observation

ACCEL, COMFORT, HARD = 2.5, 3.0, 7.0  # [m/s^2]
HEADWAY, GAP = 1.2, 2.0  # [s], [m] kept behind a leader
MOMENT = 1.0  # [s] who will be in the way within it counts


def decide(view: Observation) -> Plan:
    """Plan for a vehicle that sees no more than itself."""
    frame = Frame.of(view)
    cap = bend_cap(frame, min(frame.limit * CRUISE, FASTEST))
    ahead = _ahead(frame, [a.body for a in known(frame, [view])])
    speeds: list[float] = []
    speed, moved = frame.body.speed, 0.0
    for _ in range(STEPS):
        rates = [_acceleration(speed, cap, gap - moved + pace * DT * len(speeds), pace) for gap, pace in ahead]
        rate = min([_acceleration(speed, cap, math.inf, 0.0), *rates])
        after = max(0.0, speed + rate * DT)
        moved += (speed + after) / 2 * DT
        speed = after
        speeds.append(speed)
    return Plan(view.time, tuple(speeds), steered(frame, np.array(speeds)))


def _acceleration(speed: float, wanted: float, gap: float, leader: float) -> float:
    """The model's rate [m/s^2] at `gap` [m] behind one at speed `leader` [m/s]."""
    closing = speed * (speed - leader) / (2 * math.sqrt(ACCEL * COMFORT))
    keep = GAP + max(0.0, speed * HEADWAY + closing)
    free = 1.0 - (speed / max(wanted, 0.1)) ** 4
    return min(max(ACCEL * (free - (keep / max(gap, 0.1)) ** 2), -HARD), ACCEL)


def _ahead(frame: Frame, bodies: Sequence[Body]) -> list[tuple[float, float]]:
    """How far ahead of the nose each of those in the way is [m], and its speed along the route [m/s]."""
    found = []
    for body, some in zip(bodies, conflicts(frame, bodies, [_soon(b) for b in bodies]), strict=True):
        if some and some[0].end > frame.body.half_length:
            gap = some[0].begin - frame.body.half_length
            found.append((max(gap, 0.0), max(0.0, body.speed * some[0].along[0])))
    return found


def _soon(body: Body) -> Legs:
    """Where it is, and where it will be within a moment."""
    return [(body.x, body.y, body.yaw, body.speed * MOMENT if moves(body) else 0.0)]
