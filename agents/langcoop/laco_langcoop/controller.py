"""From a plan to pedals and a steering wheel, for evaluators that leave that to the agent.

The gains and signs are those that LangCoop drives with (turn 1.0, 0.2, 0.1 over 30 ticks; speed 5, 1, 0.1 over 5), so
that plans mean the same everywhere.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from laco_langcoop.plans import DT, Plan, at

STEERING = 3.0 / 180.0  # wheel per deg/m
MOST_THROTTLE, MOST_GAIN = 0.75, 0.35  # of the pedal; [m/s] of missing speed that are looked at
TOO_FAST = 1.1  # times the wanted speed
STANDING = 0.1  # [m/s]


class Pedals(NamedTuple):
    """throttle and brake in 0..1, steer in -1..1, right positive."""

    throttle: float
    steer: float
    brake: float


STOP = Pedals(0.0, 0.0, 1.0)


class Pid:
    """Proportional, mean over the last ticks, and difference to the tick before."""

    def __init__(self, proportional: float, integral: float, differential: float, ticks: int) -> None:
        self._gains = (proportional, integral, differential)
        self._window: deque[float] = deque(maxlen=ticks)

    def step(self, error: float) -> float:
        change = error - self._window[-1] if self._window else 0.0
        self._window.append(error)
        terms = (error, sum(self._window) / len(self._window), change)
        return sum(gain * term for gain, term in zip(self._gains, terms))


class Controller:
    """Of one vehicle."""

    def __init__(self) -> None:
        self._turn = Pid(1.0, 0.2, 0.1, 30)
        self._speed = Pid(5.0, 1.0, 0.1, 5)

    def pedals(self, plan: Plan, now: float, speed: float) -> Pedals:
        """For one tick at simulated time `now` [s] and `speed` [m/s]."""
        wanted, curvature = at(plan, now, DT)
        steer = min(1.0, max(-1.0, self._turn.step(curvature * STEERING)))
        throttle = min(MOST_THROTTLE, max(0.0, self._speed.step(min(MOST_GAIN, max(0.0, wanted - speed)))))
        if wanted < STANDING or speed > TOO_FAST * wanted:
            return Pedals(0.0, steer, 1.0)
        return Pedals(throttle, steer, 0.0)
