"""Colour, semantic and instance cameras. Attributes that only shape the look of a real lens (bloom, motion blur
and the like) are accepted and have no effect."""

import struct
from collections.abc import Iterable

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.renderer import Image, Lens, Renderer

LARGEST = 8192  # [pixels] of a side
WIDEST = 179.0  # [deg]
NO_RENDERING = 1  # in EpisodeSettings
_HEAD = struct.Struct("<IIf")


class Camera(Sensor):
    """Body: `u32 width | u32 height | f32 fov [deg]`, then blue, green, red, alpha of each pixel, row by row. Nothing
    is sent while the episode's settings say `no_rendering_mode`."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        width, height = (self.whole(f"image_size_{axis}", 1, LARGEST) for axis in "xy")
        self._lens = Lens(width, height, self.number("fov", 1.0, WIDEST))
        self._head = _HEAD.pack(*self._lens)
        self.renderer = site.share(Renderer)

    def measure(self, dt: float) -> Iterable[bytes]:
        """One picture."""
        if not self.site.simulation.settings[NO_RENDERING]:
            yield self._head + self.picture(self._lens).tobytes()

    def picture(self, lens: Lens) -> Image:
        """What it sees now."""
        raise NotImplementedError


class ColourCamera(Camera):
    """The world as it looks in the present weather."""

    def picture(self, lens: Lens) -> Image:
        """Colours."""
        return self.renderer.colours(self.actor.pose, lens, self.site.weather)


class SemanticCamera(Camera):
    """The tag (CityObjectLabel) of what is seen, in red."""

    def picture(self, lens: Lens) -> Image:
        """Labels alone."""
        image = self.renderer.labels(self.actor.pose, lens)
        image[..., :2] = 0
        return image


class InstanceCamera(Camera):
    """The tag in red, and the actor's id in green (low byte) and blue."""

    def picture(self, lens: Lens) -> Image:
        """Labels and ids."""
        return self.renderer.labels(self.actor.pose, lens)
