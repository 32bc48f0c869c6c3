"""Films: what is drawn where, on whatever map."""

import io

import numpy as np
from PIL import Image

from laco.agents.observation import Body
from laco.report.ground import GRASS, ROAD, Window, draw
from laco.report.topdown import HEAD, PIXELS, render
from laco.scenarios.layout import Ego, Layout, Placement
from laco.scenarios.metrics import Drive
from laco.scenarios.runner import Record, Scene


def film(route: np.ndarray, name: str, *scenes: Scene) -> Image.Image:
    start = Placement("A", "vehicle.x", *map(float, route[0]), 0.0)
    made = Record(Layout("test-v1", 0, name, 13.0, (Ego(start, route),)), {"A": Drive(80.0)}, list(scenes))
    return Image.open(io.BytesIO(render({"silent": made})))


def car(x: float, y: float) -> Body:
    return Body(x, y, 0.0, 5.0, 2.4, 1.0)


def colour(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = image.convert("RGB").getpixel((x, y + HEAD))
    assert isinstance(found, tuple)
    return found


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 25


def test_the_ground_is_that_of_the_map() -> None:
    window = Window(0.0, 0.0, 40.0, 400)
    image = draw("crossing", window)
    assert near(image.getpixel((200 + 60, 200 + 15)), ROAD)  # type: ignore[arg-type]
    assert near(image.getpixel((300, 300)), GRASS)  # type: ignore[arg-type]


def test_a_short_way_is_shown_whole_and_a_long_one_is_followed() -> None:
    short = np.array([[-30.0, 1.75], [30.0, 1.75]])
    scenes = (Scene(0.0, [("A", car(-20.0, 1.75))]), Scene(0.2, [("A", car(20.0, 1.75))]))
    still = film(short, "crossing", *scenes)
    middle = PIXELS // 2
    for frame in (0, 1):
        still.seek(frame)
        assert not near(colour(still, middle, middle + 14), (31, 111, 235))
    long = np.array([[-120.0, 1.75], [120.0, 1.75]])
    moving = film(long, "crossing", *scenes)
    for frame in (0, 1):
        moving.seek(frame)
        assert near(colour(moving, middle + 6, middle), (31, 111, 235))
