"""Where a vehicle is, from its own satellite receiver and compass, in the world of the route that it was given.

The evaluators' routes carry both kinds of coordinates, so one of their points tells the map's geographic reference.
"""

from __future__ import annotations

import math
from typing import Any

from laco_langcoop.geometry import Pose, wrapped

EARTH = 6378137.0  # [m], CARLA's
MOVED = 0.3  # [m] that a vehicle must move before its way tells where it heads


def _north(latitude: float) -> float:
    """Mercator's ordinate, of the unit sphere."""
    return math.log(math.tan(math.radians(90.0 + latitude) / 2.0))


class Reference:
    """Latitude and longitude [deg] of the map's origin, from a point known as both."""

    def __init__(self, latitude: float, longitude: float, x: float, y: float) -> None:
        self.latitude = latitude
        for _ in range(30):
            self.longitude = longitude
            self.latitude -= math.degrees((self.place(latitude, longitude)[1] - y) / EARTH)
        self.longitude = longitude - math.degrees(x / (EARTH * math.cos(math.radians(self.latitude))))

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """x and y [m] in CARLA's world, whose y grows to the south."""
        scale = EARTH * math.cos(math.radians(self.latitude))
        x = scale * math.radians(longitude - self.longitude)
        return x, scale * (_north(self.latitude) - _north(latitude))


class Localiser:
    """Pose and speed of one vehicle, tick by tick. start: heading before anything tells it [rad]."""

    def __init__(self, reference: Reference, start: float) -> None:
        self._reference = reference
        self._yaw = start
        self._anchor: tuple[float, float, float] | None = None
        self._speed = 0.0

    @classmethod
    def along(cls, plan: Any, world: Any) -> Localiser:
        """From an evaluator's route: [({'lat', 'lon'}, option)] and [(carla.Transform, option)]."""
        geo, place = plan[0][0], world[0][0]
        reference = Reference(float(geo["lat"]), float(geo["lon"]), place.location.x, place.location.y)
        return cls(reference, math.radians(place.rotation.yaw))

    def pose(self, gps: Any, compass: float | None, now: float) -> Pose:
        """gps: [lat, lon, ...] in degrees; compass: [rad] clockwise from -y, None or no number where there is none."""
        x, y = self._reference.place(float(gps[0]), float(gps[1]))
        self._follow(x, y, now, compass is None)
        if compass is not None and math.isfinite(compass):
            self._yaw = wrapped(compass - math.pi / 2.0)
        return x, y, self._yaw

    @property
    def speed(self) -> float:
        """[m/s] from the way, for vehicles without a speedometer."""
        return self._speed

    def _follow(self, x: float, y: float, now: float, blind: bool) -> None:
        if self._anchor is None:
            self._anchor = (x, y, now)
            return
        x0, y0, then = self._anchor
        moved, passed = math.hypot(x - x0, y - y0), now - then
        if moved < MOVED and passed < 0.5:
            return
        self._speed = moved / passed if passed > 1e-3 else self._speed
        self._anchor = (x, y, now)
        if blind and moved >= MOVED:
            self._yaw = math.atan2(y - y0, x - x0)
