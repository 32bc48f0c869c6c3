"""Scores of a drive: the CARLA leaderboard's rules with V2Xverse's factors, and ours that prices time.

Definitions: DS = RC x P, with RC in percent of the route and P the product of a factor per infraction and of
(1 - share of the driven route off its lanes). A route ends when it is completed, or after a deviation of more than
30 m, 30 s below 0.5 m/s, or int(0.8 x length + 8) s. Timely DS = DS x min(1, T_free / T): DS does not price crawling,
so T, the time the vehicle took, is held against the time the unobstructed expert takes on the same seed.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

FACTORS = {"pedestrian": 0.50, "vehicle": 0.60, "static": 0.65, "red_light": 0.70, "stop": 0.80}
DEVIATION = 30.0  # [m]
BLOCKED_SPEED, BLOCKED_TIME = 0.5, 30.0  # [m/s], [s]
ARRIVED = 2.0  # [m] of route left that count as none


def timeout(length: float) -> float:
    """Seconds allowed for a route of `length` [m]."""
    return float(int(0.8 * length + 8))


def kind_of(type_id: str) -> str:
    """Which factor a collision with an actor of this type costs."""
    if type_id.startswith("walker."):
        return "pedestrian"
    return "vehicle" if type_id.startswith("vehicle.") else "static"


class Infraction(NamedTuple):
    """What costs a factor: a key of `FACTORS`, when [s], and whose: the other actor's, light's or sign's id."""

    kind: str
    time: float
    id: int


@dataclass
class Drive:
    """How one ego's route goes, updated tick by tick."""

    length: float  # [m]
    time: float = 0.0  # [s] until it ended
    progress: float = 0.0  # [m] furthest point of the route that was reached
    status: str = "driving"  # then completed, deviation, blocked, timeout, or why the run was cut
    collisions: list[Infraction] = field(default_factory=list)
    signals: list[Infraction] = field(default_factory=list)  # red lights and stop signs, where a referee watches
    off_lane: float = 0.0  # [m] of the route driven off the road or on the wrong side, where a referee watches
    seen_hazard: float | None = None  # [s] when the hazard was first in view
    place: tuple[float, float] = (0.0, 0.0)  # [m] where the vehicle is
    _slow: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing counts any more."""
        return self.status != "driving"

    def update(self, time: float, along: float, offset: float, speed: float, dt: float) -> None:
        """One tick: route distance and offset [m], speed [m/s]."""
        if self.ended:
            return
        self.time = time
        self.progress = max(self.progress, along)
        self._slow = self._slow + dt if abs(speed) < BLOCKED_SPEED else 0.0
        if self.arrived():
            self.status = "completed"
        elif self.astray(offset):
            self.status = "deviation"
        elif self._slow >= BLOCKED_TIME:
            self.status = "blocked"
        elif time >= self.allowed:
            self.status = "timeout"

    @property
    def allowed(self) -> float:
        """[s] until the time is up."""
        return timeout(self.length)

    def arrived(self) -> bool:
        """Whether the route is completed."""
        return self.length - self.progress <= ARRIVED

    def astray(self, offset: float) -> bool:
        """Whether it has left its route, `offset` [m] beside it."""
        return abs(offset) > DEVIATION

    def collide(self, time: float, actor: int, type_id: str) -> None:
        """Count a collision, once per other actor."""
        if self.counts(time) and all(actor != before.id for before in self.collisions):
            self.collisions.append(Infraction(kind_of(type_id), time, actor))

    def pass_signal(self, kind: str, time: float, id: int) -> None:
        """Count a red light or a stop sign that was run."""
        if self.counts(time):
            self.signals.append(Infraction(kind, time, id))

    def counts(self, time: float) -> bool:
        """Whether what happened at `time` does: nothing after the end."""
        return not self.ended or time <= self.time

    @property
    def infractions(self) -> list[Infraction]:
        """Everything that costs a factor."""
        return [*self.collisions, *self.signals]

    @property
    def completion(self) -> float:
        """RC in percent."""
        return 100.0 if self.status == "completed" else 100.0 * min(1.0, self.progress / self.length)

    @property
    def penalty(self) -> float:
        """P, the product of factors."""
        product = 1.0 - self.off_lane_share
        for infraction in self.infractions:
            product *= FACTORS[infraction.kind]
        return product

    @property
    def off_lane_share(self) -> float:
        """Share of the driven route that was driven off its lanes."""
        return min(1.0, self.off_lane / self.progress) if self.progress > 0.0 else 0.0

    @property
    def score(self) -> float:
        """DS."""
        return self.completion * self.penalty

    def timely(self, free: float | None) -> float:
        """Timely DS, given the unobstructed expert's time [s]; DS if there is none."""
        return self.score if free is None or self.time <= 0.0 else self.score * min(1.0, free / self.time)
