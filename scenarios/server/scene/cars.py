"""Vehicles with four and more wheels. Bodies stay inside their bounding box; the origin is on the ground."""

from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import UNDERSIDE, Builder, Level, Span

GLASS: Colour = (46, 58, 72)
TYRE: Colour = (26, 26, 28)
HEADLIGHT: Colour = (250, 246, 220)
TAIL: Colour = (120, 16, 16)
BRAKE: Colour = (255, 40, 30)
BEACON: Colour = (40, 90, 230)
CARGO: Colour = (206, 206, 202)
FENDER = 0.02  # [m] lamps and tyres stand out of the body


def car(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A saloon: bonnet, cabin of glass with a roof, boot."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, belt, eaves, roof = Builder(), 0.58 * height, 0.94 * height, (-0.50 * x, 0.22 * x)
    _wheels(builder, blueprint, (0.31 * length, -0.30 * length), min(0.34, 0.24 * height))
    body: list[Level] = [
        ((-x, x), (-y, y), 0.14 * height),
        ((-x, x), (-y, y), 0.40 * height),
        ((-0.97 * x, 0.94 * x), _scaled(y, 0.95), belt),
        ((-0.82 * x, 0.48 * x), _scaled(y, 0.90), belt),
        (roof, _scaled(y, 0.74), eaves),
        ((-0.48 * x, 0.20 * x), _scaled(y, 0.70), height),
    ]
    builder.stack(body, label, (colour, colour, colour, GLASS, colour))
    if _is_emergency(blueprint):
        builder.box((-0.22 * x, -0.08 * x), _scaled(y, 0.72), (eaves, height), label, BEACON, True)
    _lamps(builder, blueprint, (0.34 * height, 0.44 * height), braking)
    return builder.mesh()


def van(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A high body with a slanting windscreen and windows beside the driver."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, belt, eaves = Builder(), 0.52 * height, 0.90 * height
    _wheels(builder, blueprint, (0.31 * length, -0.30 * length), min(0.38, 0.18 * height))
    builder.box((-x, x), (-y, y), (0.12 * height, belt), label, colour)
    cabin: list[Level] = [
        ((0.3 * x, 0.98 * x), (-y, y), belt),
        ((0.3 * x, 0.66 * x), _scaled(y, 0.94), eaves),
    ]
    builder.stack(cabin, label, (GLASS,))
    hold: list[Level] = [((-x, 0.3 * x), (-y, y), belt), ((-x, 0.3 * x), _scaled(y, 0.94), eaves)]
    builder.stack(hold, label, (colour,))
    roof: list[Level] = [
        ((-x, 0.66 * x), _scaled(y, 0.94), eaves),
        ((-0.97 * x, 0.6 * x), _scaled(y, 0.88), height),
    ]
    builder.stack(roof, label, (colour,))
    if _is_emergency(blueprint):
        builder.box((0.40 * x, 0.56 * x), _scaled(y, 0.92), (eaves, height), label, BEACON, True)
    _lamps(builder, blueprint, (0.28 * height, 0.36 * height), braking)
    return builder.mesh()


def truck(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A cab of the given colour and a higher load behind it."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, back, frame = Builder(), 0.52 * x, 0.26 * height
    _wheels(builder, blueprint, (0.34 * length, -0.24 * length, -0.38 * length), min(0.5, 0.15 * height))
    builder.box((-x, x), _scaled(y, 0.8), (0.14 * height, frame), label, UNDERSIDE)
    cab: list[Level] = [
        ((back, x), (-y, y), 0.14 * height),
        ((back, x), (-y, y), 0.48 * height),
        ((back, 0.95 * x), _scaled(y, 0.94), 0.74 * height),
        ((back, 0.85 * x), _scaled(y, 0.88), 0.86 * height),
    ]
    builder.stack(cab, label, (colour, GLASS, colour))
    emergency = _is_emergency(blueprint)
    builder.box((-x, back - 0.15), (-y, y), (frame, height), label, colour if emergency else CARGO)
    if emergency:
        builder.box((0.6 * x, 0.7 * x), _scaled(y, 0.8), (0.86 * height, 0.92 * height), label, BEACON, True)
    _lamps(builder, blueprint, (0.18 * height, 0.24 * height), braking)
    return builder.mesh()


def bus(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A long box with a band of windows."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, sill, lintel = Builder(), 0.46 * height, 0.80 * height
    _wheels(builder, blueprint, (0.30 * length, -0.28 * length), min(0.5, 0.13 * height))
    body: list[Level] = [
        ((-x, x), (-y, y), 0.12 * height),
        ((-x, x), (-y, y), sill),
        (_scaled(x, 0.99), _scaled(y, 0.98), sill),
        (_scaled(x, 0.99), _scaled(y, 0.98), lintel),
        ((-x, x), (-y, y), lintel),
        ((-x, x), (-y, y), height),
    ]
    builder.stack(body, label, (colour, colour, GLASS, colour, colour))
    for post in range(6):  # between the windows
        at = -0.92 * x + post * 0.34 * x
        builder.box((at - 0.06, at + 0.06), (-y, y), (sill, lintel), label, colour)
    _lamps(builder, blueprint, (0.20 * height, 0.25 * height), braking)
    return builder.mesh()


def _wheels(builder: Builder, blueprint: Blueprint, axles: tuple[float, ...], radius: float) -> None:
    half = blueprint.size[1] / 2
    for x in axles:
        for side in (-1, 1):
            builder.wheel(x, (side * (half - 0.22), side * half), radius, blueprint.label, TYRE)


def _lamps(builder: Builder, blueprint: Blueprint, z: Span, braking: bool) -> None:
    """Headlights, and tail lights that shine when it brakes."""
    x, y, label = blueprint.size[0] / 2, blueprint.size[1] / 2, blueprint.label
    for side in (-1, 1):
        low, high = sorted((side * 0.55 * y, side * 0.88 * y))
        pane = [(low, z[0]), (high, z[0]), (high, z[1]), (low, z[1])]
        builder.face([(x, v, w) for v, w in pane], label, HEADLIGHT, True)
        builder.face([(-x, v, w) for v, w in reversed(pane)], label, BRAKE if braking else TAIL, braking)


def _is_emergency(blueprint: Blueprint) -> bool:
    return any(a.id == "special_type" and a.value == "emergency" for a in blueprint.attributes)


def _scaled(half: float, share: float) -> Span:
    return -share * half, share * half
