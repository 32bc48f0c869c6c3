"""Vehicles with four and more wheels. Bodies stay inside their bounding box; the origin is on the ground."""

from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import Builder, Span

GLASS: Colour = (46, 58, 72)
TYRE: Colour = (26, 26, 28)
UNDERSIDE: Colour = (30, 30, 32)
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
    builder, belt = Builder(), 0.58 * height
    _wheels(builder, blueprint, (0.31 * length, -0.30 * length), min(0.34, 0.24 * height))
    builder.taper((-x, x), (-y, y), (0.14 * height, 0.40 * height), (-x, x), (-y, y), label, colour)
    builder.taper(
        (-x, x), (-y, y), (0.40 * height, belt), (-0.97 * x, 0.94 * x), (-0.95 * y, 0.95 * y), label, colour
    )
    top: Span = (-0.50 * x, 0.22 * x)
    builder.taper(
        (-0.82 * x, 0.48 * x),
        (-0.90 * y, 0.90 * y),
        (belt, 0.94 * height),
        top,
        _scaled(y, 0.74),
        label,
        GLASS,
    )
    builder.taper(
        top, _scaled(y, 0.74), (0.94 * height, height), _squeezed(top, 0.94), _scaled(y, 0.70), label, colour
    )
    if _is_emergency(blueprint):
        builder.box((-0.22 * x, -0.08 * x), _scaled(y, 0.6), (0.94 * height, height), label, BEACON, True)
    _lamps(builder, blueprint, (0.34 * height, 0.44 * height), braking)
    return builder.mesh()


def van(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A box on wheels with a slanting windscreen and side windows."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, belt, roof = Builder(), 0.52 * height, 0.90 * height
    _wheels(builder, blueprint, (0.31 * length, -0.30 * length), min(0.38, 0.18 * height))
    builder.box((-x, x), (-y, y), (0.12 * height, belt), label, colour)
    builder.taper(
        (0.30 * x, 0.98 * x), (-y, y), (belt, roof), (0.30 * x, 0.66 * x), _scaled(y, 0.9), label, GLASS
    )
    builder.taper((-x, 0.30 * x), (-y, y), (belt, roof), (-x, 0.30 * x), _scaled(y, 0.94), label, colour)
    builder.taper(
        (-x, 0.66 * x),
        _scaled(y, 0.94),
        (roof, height),
        (-0.97 * x, 0.6 * x),
        _scaled(y, 0.88),
        label,
        colour,
    )
    if _is_emergency(blueprint):
        builder.box((0.40 * x, 0.56 * x), _scaled(y, 0.8), (roof, height), label, BEACON, True)
    _lamps(builder, blueprint, (0.28 * height, 0.36 * height), braking)
    return builder.mesh()


def truck(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A cab of the given colour and a higher load behind it."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder, cab, frame = Builder(), 0.52 * x, 0.26 * height
    _wheels(builder, blueprint, (0.34 * length, -0.24 * length, -0.38 * length), min(0.5, 0.15 * height))
    builder.box((-x, x), _scaled(y, 0.8), (0.14 * height, frame), label, UNDERSIDE)
    builder.box((cab, x), (-y, y), (0.14 * height, 0.48 * height), label, colour)
    builder.taper(
        (cab, x), (-y, y), (0.48 * height, 0.74 * height), (cab, 0.95 * x), _scaled(y, 0.94), label, GLASS
    )
    builder.taper(
        (cab, 0.95 * x),
        _scaled(y, 0.94),
        (0.74 * height, 0.86 * height),
        (cab, 0.85 * x),
        _scaled(y, 0.88),
        label,
        colour,
    )
    emergency = _is_emergency(blueprint)
    builder.box((-x, cab - 0.15), (-y, y), (frame, height), label, colour if emergency else CARGO)
    if emergency:
        builder.box((0.6 * x, 0.7 * x), _scaled(y, 0.8), (0.86 * height, 0.92 * height), label, BEACON, True)
    _lamps(builder, blueprint, (0.18 * height, 0.24 * height), braking)
    return builder.mesh()


def bus(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A long box with a band of windows."""
    length, width, height = blueprint.size
    x, y, label = length / 2 - FENDER, width / 2 - FENDER, blueprint.label
    builder = Builder()
    _wheels(builder, blueprint, (0.30 * length, -0.28 * length), min(0.5, 0.13 * height))
    builder.box((-x, x), (-y, y), (0.12 * height, 0.46 * height), label, colour)
    builder.box((-0.99 * x, 0.99 * x), _scaled(y, 0.98), (0.46 * height, 0.80 * height), label, GLASS)
    for post in range(6):  # between the windows
        at = -0.92 * x + post * 0.34 * x
        builder.box((at - 0.06, at + 0.06), (-y, y), (0.46 * height, 0.80 * height), label, colour)
    builder.box((-x, x), (-y, y), (0.80 * height, height), label, colour)
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


def _squeezed(span: Span, share: float) -> Span:
    middle, half = (span[0] + span[1]) / 2, (span[1] - span[0]) / 2
    return middle - share * half, middle + share * half
