"""A drive by the leaderboard's letter, where ours is simpler: when a route is completed or left, what is a collision
of its own, and one time limit for all vehicles."""

import math
from dataclasses import dataclass, field

from laco.scenarios.metrics import DEVIATION, Drive, Infraction, kind_of, timeout

DONE, NEAR_END = 0.99, 10.0  # share of the route, and [m] from its end, that complete it
SAFE, ASTRAY = 15.0, 0.30  # [m] beside the route that are safe, and the share of it that may be driven beyond
SAME_PLACE, LEFT = 3.0, 5.0  # [m] around a collision in which no other counts, and beyond which it is forgotten
SAME_ACTOR = 5.0  # [s] in which the same actor does not count again


@dataclass
class RouteDrive(Drive):
    """limit: [s] that all vehicles of the route have; end: where the route ends [m]."""

    limit: float | None = None
    end: tuple[float, float] | None = None
    _beyond: float = 0.0
    _counted: float = 0.0
    _hits: list[tuple[float, float]] = field(default_factory=list)
    _last: Infraction | None = None

    @property
    def allowed(self) -> float:
        return timeout(self.length) if self.limit is None else self.limit

    def arrived(self) -> bool:
        near = self.end is None or math.dist(self.place, self.end) < NEAR_END
        return self.progress > DONE * self.length and near

    def astray(self, offset: float) -> bool:
        if abs(offset) >= SAFE:
            self._beyond += self.progress - self._counted
        self._counted = self.progress
        return abs(offset) > DEVIATION or self._beyond > ASTRAY * self.length

    def update(self, time: float, along: float, offset: float, speed: float, dt: float) -> None:
        self._hits = [hit for hit in self._hits if math.dist(hit, self.place) <= LEFT]
        super().update(time, along, offset, speed, dt)

    def collide(self, time: float, actor: int, type_id: str) -> None:
        """Count a collision, unless it goes on from one that was counted, or is with a kerb."""
        same = self._last is not None and self._last.id == actor and time - self._last.time <= SAME_ACTOR
        here = any(math.dist(hit, self.place) <= SAME_PLACE for hit in self._hits)
        if not self.counts(time) or same or here or "sidewalk" in type_id:
            return
        found = Infraction(kind_of(type_id), time, actor)
        self.collisions.append(found)
        self._hits.append(self.place)
        if actor > 0:  # nothing of the level is an actor of its own
            self._last = found
