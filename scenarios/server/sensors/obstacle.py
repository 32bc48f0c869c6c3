"""The nearest thing ahead: a sphere is moved forward from the sensor until it touches something.

Distances are exact for boxes (sphere tracing on the distance to a box), so it needs no meshes. As on CARLA the
ground counts: mounted lower than its own radius it reports the road, at distance zero, in every frame.
"""

import math
from collections.abc import Iterable

import msgpack

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.poses import Pose, Vector, axes
from laco.scenarios.server.roads import ROAD, SIDEWALK
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.walker import Walker

TOUCH = 1e-4  # [m]
PATIENCE = 400  # steps; a sphere that grazes something advances slowly
SURFACES = {ROAD: "static.road", SIDEWALK: "static.sidewalk"}


class ObstacleDetector(Sensor):
    """Body: MessagePack `[Actor sensor, Actor other, distance [m]]`; nothing when the way is clear. The distance
    is what the sphere travels. With `only_dynamics` only vehicles and walkers count."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._reach = self.number("distance", 0.0, 1e5)  # [m]
        self._radius = self.number("hit_radius", 0.0, 1e4)  # [m]
        self._only_dynamics = self.flag("only_dynamics")

    def measure(self, dt: float) -> Iterable[bytes]:
        """The first thing ahead."""
        start, forward = (self.actor.x, self.actor.y, self.actor.z), axes(self.actor.pose)[0]
        solids = [solid for solid in self._candidates() if self._near(solid)]
        way = 0.0
        for _ in range(PATIENCE):
            x, y, z = (s + way * f for s, f in zip(start, forward, strict=True))
            gap, other = self._ground((x, y, z))
            for solid in solids:
                distance = _distance(solid, (x, y, z)) - self._radius
                if distance < gap:
                    gap, other = distance, solid
            if gap < TOUCH:
                yield msgpack.packb([self.actor.wire(), (other or self._soil(x, y)).wire(), way])
                return
            way += gap
            if way > self._reach:
                return

    def _candidates(self) -> Iterable[Solid]:
        world, mine = self.site.world, self.holder
        for actor in world.actors.values():
            movable = isinstance(actor, (Vehicle, Walker))
            wanted = movable or not self._only_dynamics
            if wanted and isinstance(actor, Solid) and actor.collides and actor is not mine:
                yield actor
        if not self._only_dynamics:
            yield from world.level

    def _near(self, solid: Solid) -> bool:
        across = math.hypot(solid.x - self.actor.x, solid.y - self.actor.y)
        return bool(across <= self._reach + self._radius + solid.radius)

    def _ground(self, point: Vector) -> tuple[float, Solid | None]:
        """The sphere's gap to the ground [m]."""
        if self._only_dynamics:
            return math.inf, None
        return point[2] - self.site.world.roads.ground(point[0], point[1]) - self._radius, None

    def _soil(self, x: float, y: float) -> Actor:
        """The ground as an actor of the level."""
        label = self.site.world.roads.surface(x, y)
        return Actor(
            0, Blueprint(SURFACES.get(label, "static.terrain"), Kind.OTHER, label=label), Pose(x, y), []
        )


def _distance(solid: Solid, point: Vector) -> float:
    """From a point to an upright box [m]; negative inside."""
    x, y, yaw, length, width = solid.box()
    c, s = math.cos(yaw), math.sin(yaw)
    dx, dy, half = point[0] - x, point[1] - y, float(solid.height) / 2
    out = (
        abs(c * dx + s * dy) - length,
        abs(c * dy - s * dx) - width,
        abs(point[2] - solid.z - half) - half,
    )
    outside: float = math.hypot(*(max(0.0, value) for value in out))
    return outside + min(0.0, float(max(out)))
