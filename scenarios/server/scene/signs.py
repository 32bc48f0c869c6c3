"""Traffic lights and signs. Their x axis points across the road, to the right of those who drive towards them,
and they look along +y, at whom they speak to."""

import math

from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import Builder, Point

LIGHT, SIGN, POLE = 7, 8, 6  # CityObjectLabel
RED, YELLOW, GREEN = 0, 1, 2  # TrafficLightState
STEEL: Colour = (92, 96, 100)
HOUSING: Colour = (24, 26, 26)
LIT: dict[int, Colour] = {RED: (255, 32, 22), YELLOW: (255, 190, 20), GREEN: (24, 240, 90)}
DARK: dict[int, Colour] = {RED: (66, 20, 18), YELLOW: (66, 52, 16), GREEN: (16, 58, 30)}
WHITE: Colour = (240, 240, 238)
SIGN_RED: Colour = (200, 28, 30)
SIGN_HEIGHT = 2.2  # [m] middle of a sign's board
LEAST = 0.36  # [m] width of a head: smaller ones cannot be read in a camera's picture


def traffic_light(state: int, head: float, size: tuple[float, float]) -> Mesh:
    """A pole with a head whose middle is `head` [m] above its foot; `size` is the width and height of the head
    [m]. The lamp of `state` shines; off and unknown shine none."""
    builder = Builder()
    width = max(size[0], LEAST)
    half_width, half = width / 2, max(size[1], 2.6 * width) / 2
    middle = max(head, half + 2.0)
    builder.column(0.0, -0.12, (0.0, middle + half), (0.09, 0.07), POLE, STEEL)
    builder.box((-half_width, half_width), (-0.05, 0.22), (middle - half, middle + half), LIGHT, HOUSING)
    lamp = 0.36 * min(width, 2 * half / 3)
    for row, which in enumerate((RED, YELLOW, GREEN)):
        z = middle + half * (2 - 2 * row) / 3
        _lamp(builder, z, lamp, LIT[which] if which == state else DARK[which], which == state)
        builder.box(
            (-lamp, lamp), (0.22, 0.36), (z + lamp, z + 1.15 * lamp), LIGHT, HOUSING
        )  # a hood over each
    return builder.mesh()


def sign(name: str) -> Mesh:
    """A sign of the kind its blueprint names: a red octagon, a yield triangle, or a ringed disc."""
    builder = Builder()
    builder.column(0.0, -0.06, (0.0, SIGN_HEIGHT), (0.04, 0.04), POLE, STEEL)
    if "stop" in name:
        _board(builder, 8, 0.40, 0.0, SIGN_RED)
        _stripe(builder)
    elif "yield" in name:
        _board(builder, 3, 0.45, 0.0, SIGN_RED)
        _board(builder, 3, 0.28, 0.02, WHITE)
    else:
        _board(builder, 12, 0.38, 0.0, SIGN_RED)
        _board(builder, 12, 0.29, 0.02, WHITE)
    return builder.mesh()


def _lamp(builder: Builder, z: float, radius: float, colour: Colour, glow: bool) -> None:
    disc = _disc(8, radius, z, 0.23)
    builder.face(disc, LIGHT, colour, glow)


def _board(builder: Builder, sides: int, radius: float, out: float, colour: Colour) -> None:
    """A board that shows to both sides; `out` [m] puts it before another."""
    back, front = _disc(sides, radius, SIGN_HEIGHT, -0.01), _disc(sides, radius, SIGN_HEIGHT, 0.01 + out)
    builder.loft(back, front, SIGN, colour)


def _stripe(builder: Builder) -> None:
    builder.box((-0.28, 0.28), (0.01, 0.03), (SIGN_HEIGHT - 0.06, SIGN_HEIGHT + 0.06), SIGN, WHITE)


def _disc(sides: int, radius: float, z: float, y: float) -> list[Point]:
    """A regular polygon that faces +y; a triangle stands on its tip."""
    first = -math.pi / 2 if sides == 3 else math.pi / sides
    turns = [first - 2 * math.pi * i / sides for i in range(sides)]
    return [(radius * math.cos(turn), y, z + radius * math.sin(turn)) for turn in turns]
