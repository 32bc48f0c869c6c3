"""What stands one behind the other."""

from collections.abc import Iterator, Sequence

import numpy as np

from laco.scenarios.catalog.paths import Array, at
from laco.scenarios.layout import Placement
from laco.scenarios.server.models import PROPS, VEHICLES

TRUCKS = ("vehicle.carlamotors.firetruck", "vehicle.carlamotors.european_hgv")
VANS = ("vehicle.mercedes.sprinter", "vehicle.ford.ambulance")
JAM = (*TRUCKS, TRUCKS[0], VANS[1])  # what a jam is drawn from
LENGTHS = {name: size[0] for name, size, *_ in VEHICLES} | {f"static.prop.{name}": size[0] for name, size in PROPS}
Range = tuple[float, float]


def row(
    role: str, blueprints: Sequence[str], path: Array, along: float, gap: float, yaw: float | None = None
) -> tuple[Placement, ...]:
    """Vehicles or props that stand one behind the other on a path, `gap` [m] between them, the first from `along` [m]
    on; they look along the path, or all the same way `yaw` [deg]."""
    stands = []
    for i, blueprint in enumerate(blueprints):
        length = LENGTHS[blueprint]
        x, y, ahead = at(path, along + length / 2)
        stands.append(Placement(f"{role}{i}", blueprint, x, y, ahead if yaw is None else yaw))
        along += length + gap
    return tuple(stands)


def drawn_row(
    rng: np.random.Generator, kinds: Sequence[str], edge: float, count: int, aside: Range, gap: Range
) -> Iterator[tuple[str, float, float]]:
    """Blueprint, middle along the line and beside it [m] of `count` of `kinds`, the first from `edge` [m] on; `aside`
    and `gap` [m] are drawn for each."""
    for _ in range(count):
        kind = str(rng.choice(kinds))
        yield kind, edge + LENGTHS[kind] / 2, rng.uniform(*aside)
        edge += LENGTHS[kind] + rng.uniform(*gap)
