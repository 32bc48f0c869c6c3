"""The depth camera: how far each pixel's point is along the camera's axis, by rays."""

import math
import struct
from collections.abc import Iterable

import numpy as np

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import axes
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.tracer import Tracer

FAR = 1000.0  # [m] what the 24 bits span, and what the sky has
LARGEST = 8192  # [pixels] of a side
MOST = 1 << 22  # pixels: each is a ray
NO_RENDERING = 1  # in EpisodeSettings
_HEAD = struct.Struct("<IIf")


class DepthCamera(Sensor):
    """Body: `u32 width | u32 height | f32 fov [deg]`, then blue, green, red, alpha of each pixel: the depth over 1000 m
    in 24 bits, the lowest in red."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        self._width, self._height = (self.whole(f"image_size_{axis}", 1, LARGEST) for axis in "xy")
        if self._width * self._height > MOST:
            raise RefusedError(f"{actor.blueprint.id}: more than {MOST} pixels")
        self._fov = self.number("fov", 1.0, 179.0)  # [deg] across
        self._tracer = site.share(Tracer)
        focus = self._width / 2 / math.tan(math.radians(self._fov) / 2)  # [pixels]
        right = (np.arange(self._width) + 0.5 - self._width / 2) / focus
        below = (np.arange(self._height) + 0.5 - self._height / 2) / focus
        grid = np.broadcast_arrays(1.0, right[None, :], -below[:, None])
        self._rays = np.stack(grid, axis=-1).reshape(-1, 3)  # of length one along the axis

    def measure(self, dt: float) -> Iterable[bytes]:
        """One picture; none while the episode's settings say `no_rendering_mode`."""
        if self.site.simulation.settings[NO_RENDERING]:
            return
        world = (self._rays @ np.array(axes(self.actor.pose))).astype(np.float32)
        depth = np.minimum(self._tracer.reach(self.actor, world, FAR), FAR)
        code = np.round(depth.astype(np.float64) / FAR * (2**24 - 1)).astype("<u4")
        pixels = np.empty((len(code), 4), np.uint8)
        pixels[:, 0], pixels[:, 1], pixels[:, 2] = code >> 16, code >> 8 & 255, code & 255
        pixels[:, 3] = 255
        yield _HEAD.pack(self._width, self._height, self._fov) + pixels.tobytes()
