"""What the team agent tells the planner beside LangCoop's memory bank, and what all planners of a process share.

LangCoop makes both and lets them share nothing but the bank, so they meet here, in one object of the process.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from typing import Any

from laco_langcoop.geometry import Route

SIZE = (2.45, 0.93)  # [m] half length and half width of the Lincoln MKZ that every evaluator here uses


@dataclass
class Facts:
    """Of one ego: speedometer [m/s], half length and half width [m], planned route, others as the wire's `objects`."""

    speed: float | None = None
    size: tuple[float, float] = SIZE
    route: Route | None = None
    objects: list[list[float]] | None = None


@dataclass
class Board:
    """number: of the run; led: whether a team agent of ours leads it; absent: egos that have finished or are not there
    yet; charge, truth: what a planner YAML asks of the team agent.
    """

    number: int = 0
    led: bool = False
    moment: int = -1
    absent: set[int] = field(default_factory=set)
    charge: Any = None
    truth: bool = False
    _facts: dict[int, Facts] = field(default_factory=dict)
    _time: float | None = None
    _seconds: float | None = None
    _tag: str = ""

    def begin(self, led: bool = False) -> None:
        """A new run: the next route, or the same one again."""
        self.number += 1
        self.led = led
        self.moment, self._time, self._seconds = -1, None, None
        self.absent, self._facts = set(), {}
        self.charge, self.truth = None, False
        self._tag = self._tag or f"{int(time.time())}-{os.getpid()}-{random.getrandbits(24):06x}"

    def run(self, label: str | None = None) -> str:
        """A text that no other run has, as long as `label` is nobody else's."""
        return f"{label or self._tag}-{self.number}"

    def tick(self, now: float) -> int:
        """Number of the decision at simulated time `now` [s]. A clock that goes back is a new run, told or not."""
        if self.number == 0 or (self._time is not None and now < self._time):
            charge, truth = self.charge, self.truth
            self.begin(self.led)
            self.charge, self.truth = charge, truth
        if self._time is None or now > self._time:
            self.moment += 1
            self._time = now
        return self.moment

    def facts(self, idx: int) -> Facts:
        return self._facts.setdefault(idx, Facts())

    def took(self, seconds: float) -> None:
        """A decision took this long [s]; the slowest of a moment counts, for the vehicles think side by side."""
        self._seconds = max(self._seconds or 0.0, seconds)

    def taken(self) -> float | None:
        """What the decisions since the last call took [s], or None if there were none."""
        seconds, self._seconds = self._seconds, None
        return seconds


BOARD = Board()
