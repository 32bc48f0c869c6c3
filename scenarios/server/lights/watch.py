"""Which vehicle stands at which light, without asking every light about every vehicle in every tick.

A vehicle is looked at again only when it has moved: by a metre near a light, by more where none is near.
Lights are found in a grid of cells.
"""

import math

from laco.scenarios.server.lights.actors import TrafficLight, release
from laco.scenarios.server.moved import Moved
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World

CELL = 32.0  # [m]
MARGIN = 40.0  # [m] a cell knows the lights whose box has its centre so near to it
REACH = 12.0  # [m] from the centre of such a box to its corners, sum of the ways in x and y, at most
STEP = 1.0  # [m]


class Watch:
    """Keeps `TrafficLight.held`, and vehicles told."""

    def __init__(self, world: World, lights: list[TrafficLight]) -> None:
        self._moved = Moved(world)
        self._actors = world.actors
        self._cells: dict[tuple[int, int], list[TrafficLight]] = {}
        for light in lights:
            for cell in _cells(*light.signal.approach.centre(), MARGIN):
                self._cells.setdefault(cell, []).append(light)
        self._at: dict[Vehicle, TrafficLight] = {}  # who stands at one

    def look(self) -> None:
        """Once per tick, after everything has moved."""
        for row, vehicle in self._moved.due():
            x, y, yaw, nose, _ = vehicle.box()
            nearest, at = MARGIN, None
            for light in self._cells.get((math.floor(x / CELL), math.floor(y / CELL)), ()):
                distance = abs(light.centre[0] - x) + abs(light.centre[1] - y)
                nearest = min(nearest, distance)
                if distance < REACH + nose and _touches(vehicle, light, x, y, yaw, nose):
                    at = light
            self._move(vehicle, at)
            self._moved.settle(row, max(STEP, nearest - REACH - nose))
        if any(vehicle.id not in self._actors for vehicle in self._at):
            self._forget_the_gone()

    def _move(self, vehicle: Vehicle, light: TrafficLight | None) -> None:
        before = self._at.get(vehicle)
        if light is before:
            return
        if before is not None:
            before.held.remove(vehicle)
            del self._at[vehicle]
        if light is None:
            release(vehicle)
        else:
            self._at[vehicle] = light
            light.held.append(vehicle)
            light.tell(vehicle)

    def _forget_the_gone(self) -> None:
        for vehicle in [vehicle for vehicle in self._at if vehicle.id not in self._actors]:
            self._at.pop(vehicle).held.remove(vehicle)


def _touches(vehicle: Vehicle, light: TrafficLight, x: float, y: float, yaw: float, nose: float) -> bool:
    return light.signal.approach.holds(x, y, vehicle.z, (nose * math.cos(yaw), nose * math.sin(yaw)))


def _cells(x: float, y: float, reach: float) -> list[tuple[int, int]]:
    columns = range(math.floor((x - reach) / CELL), math.floor((x + reach) / CELL) + 1)
    rows = range(math.floor((y - reach) / CELL), math.floor((y + reach) / CELL) + 1)
    return [(column, row) for column in columns for row in rows]
