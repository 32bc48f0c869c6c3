"""The roads of a map from above, as one picture that films cut their frames from."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from laco.scenarios.maps import read_map
from laco.view.lanes import Lane, Mark, lanes_and_marks

GRASS, ROAD, PAVEMENT, MARK = (226, 232, 221), (168, 172, 176), (200, 200, 196), (245, 245, 245)
ROADS = {
    "Driving",
    "Bidirectional",
    "Parking",
    "Shoulder",
    "Stop",
    "Biking",
    "Border",
    "OnRamp",
    "OffRamp",
    "Entry",
    "Exit",
}

Pixel = tuple[float, float]


@dataclass(frozen=True)
class Window:
    """A square of the world: middle [m], half its side [m], and its side in pixels."""

    x: float
    y: float
    reach: float
    pixels: int

    @property
    def scale(self) -> float:
        """[pixels/m]"""
        return self.pixels / (2 * self.reach)

    def pixel(self, x: float, y: float) -> Pixel:
        """Where a point of the world lies in the picture."""
        return (x - self.x + self.reach) * self.scale, (y - self.y + self.reach) * self.scale


def draw(name: str, window: Window) -> Image.Image:
    """The window's part of a map, shipped or a file: its lanes and their paint."""
    image = Image.new("RGB", (window.pixels, window.pixels), GRASS)
    pen = ImageDraw.Draw(image)
    lanes, marks = _surfaces(name)
    for colour, paved in ((PAVEMENT, False), (ROAD, True)):
        for lane in lanes:
            if (lane.type in ROADS) is paved:
                pen.polygon(_pixels(lane.outline, window), fill=colour)
    for mark in marks:
        _paint(pen, mark, window)
    return image


@lru_cache(maxsize=8)
def _surfaces(name: str) -> tuple[list[Lane], list[Mark]]:
    import carla

    return lanes_and_marks(carla.Map("film", read_map(name)))


def _pixels(flat: list[float], window: Window) -> list[Pixel]:
    return [window.pixel(x, y) for x, y in zip(flat[::2], flat[1::2], strict=True)]


def _paint(pen: ImageDraw.ImageDraw, mark: Mark, window: Window) -> None:
    points = _pixels(mark.line, window)
    for start, end in _dashes(points, 2.0 * window.scale) if "Broken" in mark.type else pairwise(points):
        pen.line([start, end], fill=MARK)


def _dashes(points: list[Pixel], length: float) -> Iterable[tuple[Pixel, Pixel]]:
    """Every other piece of `length` [pixels] along a line."""
    for (ax, ay), (bx, by) in pairwise(points):
        far = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
        for i in range(0, int(far / length), 2):
            share, after = i * length / far, min(1.0, (i + 1) * length / far)
            yield (ax + (bx - ax) * share, ay + (by - ay) * share), (ax + (bx - ax) * after, ay + (by - ay) * after)
