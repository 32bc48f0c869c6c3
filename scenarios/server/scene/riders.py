"""Motorcycles and bicycles with who rides them, and people on foot."""

from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.scene.cars import BRAKE, HEADLIGHT, TAIL, TYRE
from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import Builder

RIDER = 13  # CityObjectLabel
BICYCLE = 19
SKIN: Colour = (214, 168, 138)
HELMET: Colour = (60, 62, 70)
SHIRTS: tuple[Colour, ...] = ((196, 62, 48), (50, 92, 170), (228, 190, 60), (70, 140, 90), (224, 224, 220))
TROUSERS: tuple[Colour, ...] = ((44, 50, 72), (70, 62, 54), (36, 36, 40))
HAIR: tuple[Colour, ...] = ((56, 40, 30), (30, 26, 24), (150, 112, 60))


def two_wheeler(blueprint: Blueprint, colour: Colour, braking: bool) -> Mesh:
    """A motorcycle, or a bicycle with its thin frame, and its rider."""
    length, width, height = blueprint.size
    label, thin = blueprint.label, blueprint.label == BICYCLE
    builder, radius = Builder(), min(0.32, 0.22 * length)
    x, tyre = length / 2, 0.03 if thin else 0.07
    for at in (x - radius, radius - x):
        builder.wheel(at, (0.0, tyre), radius, label, TYRE, 10)
        builder.wheel(at, (0.0, -tyre), radius, label, TYRE, 10)
    body, low = (0.03 if thin else 0.14), 0.62 * radius if thin else 0.5 * radius
    builder.taper(
        (-0.62 * x, 0.40 * x),
        (-body, body),
        (low + 0.12, 0.52 * height),
        (-0.66 * x, 0.46 * x),
        (-body, body),
        label,
        colour,
    )
    bar = min(0.30, width / 2)
    builder.box((0.42 * x, 0.50 * x), (-bar, bar), (0.60 * height, 0.63 * height), label, TYRE)
    builder.box((0.44 * x, 0.48 * x), (-0.03, 0.03), (radius, 0.62 * height), label, colour)
    if not thin:
        builder.box(
            (0.50 * x, 0.56 * x), (-0.09, 0.09), (0.50 * height, 0.58 * height), label, HEADLIGHT, True
        )
    tail = BRAKE if braking else TAIL
    builder.box((-0.74 * x, -0.66 * x), (-0.08, 0.08), (0.44 * height, 0.50 * height), label, tail, braking)
    _rider(builder, height, min(0.22, width / 2), _number(blueprint))
    return builder.mesh()


def walker(blueprint: Blueprint) -> Mesh:
    """A person who stands: legs, trunk, arms, head."""
    length, width, height = blueprint.size
    x, y, label, number = length / 2, width / 2, blueprint.label, _number(blueprint)
    shirt, trousers = SHIRTS[number % len(SHIRTS)], TROUSERS[number % len(TROUSERS)]
    builder, hip, neck = Builder(), 0.48 * height, 0.84 * height
    for side in (-1, 1):
        leg = sorted((side * 0.08 * y, side * 0.60 * y))
        builder.box((-0.40 * x, 0.40 * x), (leg[0], leg[1]), (0.05 * height, hip), label, trousers)
        builder.box((-0.45 * x, 0.80 * x), (leg[0], leg[1]), (0.0, 0.05 * height), label, TYRE)
        arm = sorted((side * 0.72 * y, side * y))
        builder.box((-0.30 * x, 0.30 * x), (arm[0], arm[1]), (0.46 * height, 0.82 * height), label, shirt)
        builder.box((-0.25 * x, 0.25 * x), (arm[0], arm[1]), (0.40 * height, 0.46 * height), label, SKIN)
    builder.taper(
        (-0.45 * x, 0.45 * x),
        (-0.62 * y, 0.62 * y),
        (hip, neck),
        (-0.45 * x, 0.45 * x),
        (-0.75 * y, 0.75 * y),
        label,
        shirt,
    )
    _head(builder, 0.0, (neck, height), min(x, y) * 0.62, label, HAIR[number % len(HAIR)])
    return builder.mesh()


def _rider(builder: Builder, height: float, half: float, number: int) -> None:
    shirt, trousers = SHIRTS[(number + 1) % len(SHIRTS)], TROUSERS[number % len(TROUSERS)]
    seat, neck = 0.52 * height, 0.82 * height
    builder.taper((-0.26, 0.0), (-half, half), (seat, neck), (-0.12, 0.14), (-half, half), RIDER, shirt)
    for side in (-1, 1):
        leg = sorted((side * 0.55 * half, side * half))
        builder.taper(
            (0.0, 0.18),
            (leg[0], leg[1]),
            (0.20 * height, seat),
            (-0.24, 0.24),
            (leg[0], leg[1]),
            RIDER,
            trousers,
        )
        builder.taper(
            (0.22, 0.36),
            (leg[0], leg[1]),
            (0.61 * height, 0.66 * height),
            (0.0, 0.14),
            (leg[0], leg[1]),
            RIDER,
            shirt,
        )
    _head(builder, 0.06, (neck, height), 0.12, RIDER, HELMET)


def _head(
    builder: Builder, x: float, z: tuple[float, float], radius: float, label: int, hair: Colour
) -> None:
    low, high = z[0] + 0.15 * (z[1] - z[0]), z[0] + 0.72 * (z[1] - z[0])
    builder.column(x, 0.0, (z[0], low), (0.5 * radius, 0.5 * radius), label, SKIN)
    builder.column(x, 0.0, (low, high), (0.8 * radius, radius), label, SKIN, 8)
    builder.column(x, 0.0, (high, z[1]), (radius, 0.55 * radius), label, hair, 8)


def _number(blueprint: Blueprint) -> int:
    """Tells people apart: the same for the same blueprint in every process."""
    return sum(blueprint.id.encode())
