"""Where it is on the globe, after the map's <geoReference>, with CARLA's noise model: bias plus a normal
deviate, in degrees and metres.

The projection is that of the client's own `Map.transform_to_geolocation`: what a program works out on its map
and what it measures agree. In 0.9.16 that is a transverse Mercator whose latitude grows with the world's y.
"""

from collections.abc import Iterable

import carla
import msgpack

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.sensors.base import Sensor, Site

AXES = ("lat", "lon", "alt")
LARGEST = 1e6  # [deg] or [m] of noise


class Gnss(Sensor):
    """Body: MessagePack `[latitude [deg], longitude [deg], altitude [m]]`."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._bias = [self.number(f"noise_{axis}_bias", -LARGEST, LARGEST) for axis in AXES]
        self._spread = [self.number(f"noise_{axis}_stddev", 0.0, LARGEST) for axis in AXES]

    def measure(self, dt: float) -> Iterable[bytes]:
        """Where it is."""
        at = carla.Location(x=self.actor.x, y=self.actor.y, z=self.actor.z)
        point = self.site.world.roads.map.transform_to_geolocation(at)
        noise = self.random().normal(self._bias, self._spread)
        truth = (point.latitude, point.longitude, point.altitude)
        yield msgpack.packb([value + float(error) for value, error in zip(truth, noise, strict=True)])
