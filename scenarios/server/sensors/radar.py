"""A radar after CARLA's: rays drawn at random within an elliptic cone, with the closing speed of what they meet."""

import math
from collections.abc import Iterable

import numpy as np

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.poses import axes
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.tracer import Tracer

MOST = 1_000_000  # rays in a frame


class Radar(Sensor):
    """Body: `f32 velocity [m/s], azimuth [rad], altitude [rad], depth [m]` of each detection. The velocity is along the
    ray, of the target less that of the radar: negative when they close in."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._reach = self.number("range", 0.01, 1e5)  # [m]
        self._rate = self.number("points_per_second", 0.0, 1e9)
        spans = [self.number(f"{way}_fov", 0.1, 179.0) for way in ("horizontal", "vertical")]
        self._across, self._up = (math.tan(math.radians(span) / 2) for span in spans)
        self._tracer = site.share(Tracer)

    def measure(self, dt: float) -> Iterable[bytes]:
        """What the rays of `dt` [s] met."""
        radius, turn = self.random().random((2, int(min(self._rate * dt, MOST))))
        right = self._across * radius * np.cos(2 * math.pi * turn)
        above = self._up * radius * np.sin(2 * math.pi * turn)
        directions = np.stack([np.ones_like(right), right, above], axis=1)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        world = (directions @ np.array(axes(self.actor.pose))).astype(np.float32)
        hits = self._tracer.cast(self.actor, world, self._reach)
        found = hits.found
        still = (0.0, 0.0, 0.0)
        speeds = [body.velocity if isinstance(body, Solid) else still for body in self._tracer.bodies]
        relative = np.array([*speeds, still])[hits.owners[found]] - np.array(
            self.velocity()
        )  # the last: the level
        along = (relative * world[found]).sum(axis=1)
        seen = directions[found]
        azimuth, altitude = np.arctan2(seen[:, 1], seen[:, 0]), np.arcsin(seen[:, 2])
        yield np.column_stack([along, azimuth, altitude, hits.shares[found]]).astype("<f4").tobytes()
