"""Rotating lidars after CARLA's: `channels` lasers between two elevations turn at a steady rate.

A frame holds what was scanned since the last one: `points_per_second` over the time, shared among the channels.
Intensity is exp(-a d) with the attenuation rate a [1/m]. A share of the points is lost at random, and more of the weak.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.poses import axes
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.tracer import Floats, Hits, Tracer

MOST = 4_000_000  # points in a frame
_ANGLE = struct.Struct("<fI")


class Scan(NamedTuple):
    """One frame's rays: `directions` [n, 3] unit vectors in the sensor's frame, their `channels` [n], what they
    met, and where the head stands afterwards [rad]."""

    directions: Floats
    channels: NDArray[np.int64]
    hits: Hits
    angle: float


class RotatingLidar(Sensor):
    """What both lidars share: the rays."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self.channels = self.whole("channels", 1, 1024)
        self.reach = self.number("range", 0.01, 1e5)  # [m]
        self._rate = self.number("points_per_second", 1.0, 1e9)
        self._turns = self.number("rotation_frequency", 0.0, 1e4)  # [1/s]
        self._arc = self.number("horizontal_fov", 0.1, 360.0)  # [deg]
        upper, lower = (self.number(f"{end}_fov", -90.0, 90.0) for end in ("upper", "lower"))
        self._elevations = np.radians(np.linspace(upper, lower, self.channels))
        self._tracer = site.share(Tracer)

    def scan(self, dt: float) -> Scan:
        """What is met while the head turns for `dt` [s]."""
        each = int(min(round(self._rate * dt / self.channels), MOST // self.channels))
        now = self.site.world.elapsed
        turned = np.linspace(now - dt, now, each, endpoint=False) * self._turns * self._arc  # [deg]
        azimuths = np.radians(np.mod(turned, self._arc) - self._arc / 2)
        azimuth, elevation = np.tile(azimuths, self.channels), np.repeat(self._elevations, each)
        flat = np.cos(elevation)
        directions = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=1)
        world = (directions @ np.array(axes(self.actor.pose))).astype(np.float32)
        hits = self._tracer.cast(self.actor, world, self.reach)
        angle = float(np.radians(np.mod(now * self._turns * self._arc, self._arc)))
        return Scan(directions.astype(np.float32), np.repeat(np.arange(self.channels), each), hits, angle)

    def head(self, scan: Scan, kept: NDArray[np.bool_]) -> bytes:
        """`f32 horizontal_angle | u32 channels | u32 points[channels]`."""
        counts = np.bincount(scan.channels[kept], minlength=self.channels)
        return _ANGLE.pack(scan.angle, self.channels) + counts.astype("<u4").tobytes()


class Lidar(RotatingLidar):
    """Body: the head, then `f32 x, y, z [m], intensity` of each point, channel by channel."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._attenuation = self.number("atmosphere_attenuation_rate", 0.0, 1e3)  # [1/m]
        self._lost = self.number("dropoff_general_rate", 0.0, 1.0)
        self._weak = self.number("dropoff_intensity_limit", 0.0, 1.0)
        self._lost_at_zero = self.number("dropoff_zero_intensity", 0.0, 1.0)
        self._spread = self.number("noise_stddev", 0.0, 1e3)  # [m] along the ray

    def measure(self, dt: float) -> Iterable[bytes]:
        """The points of one frame."""
        scan, random = self.scan(dt), self.random()
        intensity = np.exp(-self._attenuation * np.where(scan.hits.found, scan.hits.shares, 0.0))
        first, second = random.random((2, len(intensity)))
        kept = scan.hits.found & (first >= self._lost) & ((intensity > self._weak) | (second < self._chance(intensity)))
        way = scan.hits.shares[kept]
        if self._spread:
            way = way + random.normal(0.0, self._spread, len(way))
        points = np.column_stack([scan.directions[kept] * way[:, None], intensity[kept]])
        yield self.head(scan, kept) + points.astype("<f4").tobytes()

    def _chance(self, intensity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of a weak point to be kept: from one at the limit down to what is left at intensity zero."""
        limit = max(self._weak, 1e-9)
        return 1.0 - self._lost_at_zero * (1.0 - np.minimum(intensity / limit, 1.0))


class SemanticLidar(RotatingLidar):
    """Body: the head, then `f32 x, y, z [m], cosine of the incidence | u32 actor id | u32 tag` of each point."""

    POINT = np.dtype([("place", "<f4", 3), ("cosine", "<f4"), ("id", "<u4"), ("tag", "<u4")])

    def measure(self, dt: float) -> Iterable[bytes]:
        """The points of one frame: nothing is lost or blurred."""
        scan = self.scan(dt)
        hits, kept = scan.hits, scan.hits.found
        ids = np.array([max(body.id, 0) for body in self._tracer.bodies] + [0], np.uint32)  # the last for the level
        points = np.zeros(int(kept.sum()), self.POINT)
        points["place"] = scan.directions[kept] * hits.shares[kept][:, None]
        world = scan.directions[kept] @ np.array(axes(self.actor.pose))
        points["cosine"] = np.abs((world * hits.normals[kept]).sum(axis=1))
        points["id"], points["tag"] = ids[hits.owners[kept]], hits.labels[kept]
        yield self.head(scan, kept) + points.tobytes()
