"""Rotating lidars after CARLA's: `channels` lasers between two elevations turn at a steady rate.

A frame holds what was scanned since the last one: `points_per_second` over the time, shared among the channels.
Intensity is exp(-a d) with the attenuation rate a [1/m]. A share of the points is lost at random, and more of the weak.
"""

import math
import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.poses import axes
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.tracer import Hits, Tracer

MOST = 4_000_000  # points in a frame
_HEAD = struct.Struct("<fI")


class Rays(NamedTuple):
    """Some of a frame's rays: unit vectors in the sensor's frame [n, 3], and the channel of each [n]."""

    directions: NDArray[np.float64]
    channels: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> "Rays":
        """Those that `kept` [n] says."""
        return Rays(self.directions[kept], self.channels[kept])


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

    def rays(self, dt: float) -> Rays:
        """What is shot while the head turns for `dt` [s], channel by channel."""
        each = int(min(self._rate * dt / self.channels + 0.5, MOST // self.channels))
        speed, start = self._turns * self._arc, self._head_at(self.site.world.elapsed - dt)
        turned = start + speed * dt * np.arange(each) / max(each, 1)  # [deg]
        azimuth = np.radians(np.mod(turned, self._arc) - self._arc / 2)[None, :]
        elevation = self._elevations[:, None]
        flat, up = np.cos(elevation), np.broadcast_to(np.sin(elevation), (self.channels, each))
        directions = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), up], axis=-1).reshape(-1, 3)
        return Rays(directions, np.repeat(np.arange(self.channels), each))

    def cast(self, rays: Rays) -> Hits:
        """What they meet."""
        world = (rays.directions @ np.array(axes(self.actor.pose))).astype(np.float32)
        return self._tracer.cast(self.actor, world, self.reach)

    def pack(self, rays: Rays, points: NDArray[np.void]) -> bytes:
        """`f32 horizontal_angle [rad] | u32 channels | u32 points[channels]`, then the points of these rays."""
        counts = np.bincount(rays.channels, minlength=self.channels).astype("<u4")
        angle = math.radians(self._head_at(self.site.world.elapsed))
        return _HEAD.pack(angle, self.channels) + counts.tobytes() + points.tobytes()

    def _head_at(self, time: float) -> float:
        """Where the head stands [deg] at a time [s]; rounded, so that whole turns come out as zero."""
        return round((time - self.born) * self._turns * self._arc, 6) % self._arc


class Lidar(RotatingLidar):
    """Body: the head, then `f32 x, y, z [m], intensity` of each point, channel by channel."""

    POINT = np.dtype([("place", "<f4", 3), ("intensity", "<f4")])

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._attenuation = self.number("atmosphere_attenuation_rate", 0.0, 1e3)  # [1/m]
        self._lost = self.number("dropoff_general_rate", 0.0, 1.0)
        self._weak = self.number("dropoff_intensity_limit", 0.0, 1.0)
        self._lost_at_zero = self.number("dropoff_zero_intensity", 0.0, 1.0)
        self._spread = self.number("noise_stddev", 0.0, 1e3)  # [m] along the ray

    def measure(self, dt: float) -> Iterable[bytes]:
        """The points of one frame. What is lost whatever it meets is not even cast."""
        rays, random = self.rays(dt), self.random()
        if self._lost:
            rays = rays.only(random.random(len(rays.channels)) >= self._lost)
        hits = self.cast(rays)
        rays, way = rays.only(hits.found), hits.shares[hits.found].astype(np.float64)
        intensity = np.exp(-self._attenuation * way)
        if self._spread:
            way = way + random.normal(0.0, self._spread, len(way))
        kept = (intensity > self._weak) | (random.random(len(way)) < self._chance(intensity))
        rays = rays.only(kept)
        points = np.empty(len(rays.channels), self.POINT)
        points["place"], points["intensity"] = rays.directions * way[kept, None], intensity[kept]
        yield self.pack(rays, points)

    def _chance(self, intensity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of a weak point to be kept: from one at the limit down to what is left at intensity zero."""
        limit = max(self._weak, 1e-9)
        return 1.0 - self._lost_at_zero * (1.0 - np.minimum(intensity / limit, 1.0))


class SemanticLidar(RotatingLidar):
    """Body: the head, then `f32 x, y, z [m], cosine of the incidence | u32 actor id | u32 tag` of each point."""

    POINT = np.dtype([("place", "<f4", 3), ("cosine", "<f4"), ("id", "<u4"), ("tag", "<u4")])

    def measure(self, dt: float) -> Iterable[bytes]:
        """The points of one frame: nothing is lost or blurred."""
        rays = self.rays(dt)
        hits = self.cast(rays)
        kept = hits.found
        rays = rays.only(kept)
        ids = np.array([max(body.id, 0) for body in self._tracer.bodies] + [0], np.uint32)  # last: the level
        points = np.empty(len(rays.channels), self.POINT)
        points["place"] = rays.directions * hits.shares[kept, None]
        world = rays.directions @ np.array(axes(self.actor.pose))
        points["cosine"] = np.abs((world * hits.normals[kept]).sum(axis=1))
        points["id"], points["tag"] = ids[hits.owners[kept]], hits.labels[kept]
        yield self.pack(rays, points)
