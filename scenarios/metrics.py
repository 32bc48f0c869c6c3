"""Scores of a drive: the CARLA leaderboard's rules with V2Xverse's factors, and ours that prices time.

Definitions: DS = RC x P, with RC in percent of the route and P the product of a factor per infraction. A
route ends when it is completed, or after a deviation of more than 30 m, 30 s below 0.5 m/s, or
int(0.8 x length + 8) s. Timely DS = DS x min(1, T_free / T): DS does not price crawling, so T, the time the
vehicle took, is held against the time the unobstructed expert takes on the same seed.
"""

from dataclasses import dataclass, field

FACTORS = {"pedestrian": 0.50, "vehicle": 0.60, "static": 0.65}
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


@dataclass
class Drive:
    """How one ego's route goes, updated tick by tick."""

    length: float  # [m]
    time: float = 0.0  # [s] until it ended
    progress: float = 0.0  # [m] furthest point of the route that was reached
    status: str = "driving"  # then completed, deviation, blocked, timeout, or why the run was cut
    collisions: dict[int, str] = field(default_factory=dict)  # other actor's id -> kind, each counted once
    seen_hazard: float | None = None  # [s] when the hazard was first in view
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
        if self.length - self.progress <= ARRIVED:
            self.status = "completed"
        elif abs(offset) > DEVIATION:
            self.status = "deviation"
        elif self._slow >= BLOCKED_TIME:
            self.status = "blocked"
        elif time >= timeout(self.length):
            self.status = "timeout"

    def collide(self, time: float, actor: int, type_id: str) -> None:
        """Count a collision, once per other actor."""
        if not self.ended or time <= self.time:
            self.collisions.setdefault(actor, kind_of(type_id))

    @property
    def completion(self) -> float:
        """RC in percent."""
        return 100.0 if self.status == "completed" else 100.0 * min(1.0, self.progress / self.length)

    @property
    def penalty(self) -> float:
        """P, the product of factors."""
        product = 1.0
        for kind in self.collisions.values():
            product *= FACTORS[kind]
        return product

    @property
    def score(self) -> float:
        """DS."""
        return self.completion * self.penalty

    def timely(self, free: float | None) -> float:
        """Timely DS, given the unobstructed expert's time [s]; DS if there is none."""
        return self.score if free is None or self.time <= 0.0 else self.score * min(1.0, free / self.time)
