"""Which vehicle stands at which light, without asking every light about every vehicle in every tick.

A vehicle is looked at again only when it has moved: by a metre near a light, by more where none is near.
Lights are found in a grid of cells.
"""

import math

from laco.scenarios.server.lights.actors import TrafficLight, release
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World

CELL = 32.0  # [m]
MARGIN = 20.0  # [m] a cell knows the lights that are so near to it
STEP = 1.0  # [m] sum of the ways in x and y


class _Seen:
    """A vehicle as it was when last looked at."""

    __slots__ = ("light", "nose", "slack", "vehicle", "x", "y")

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle = vehicle
        self.x = self.y = math.inf
        self.nose = vehicle.blueprint.size[0] / 2  # [m] from the centre
        self.slack = 0.0  # [m] it may move before it is looked at again
        self.light: TrafficLight | None = None


class Watch:
    """Keeps `TrafficLight.held`, and vehicles told."""

    def __init__(self, world: World, lights: list[TrafficLight]) -> None:
        self._world = world
        self._lights = lights
        self._cells: dict[tuple[int, int], list[TrafficLight]] = {}
        for light in lights:
            for cell in _cells(*light.signal.approach.centre(), MARGIN):
                self._cells.setdefault(cell, []).append(light)
        self._seen: list[_Seen] = []
        self._revision = -1

    def look(self) -> None:
        """Once per tick, after everything has moved."""
        if self._revision != self._world.revision:
            self._gather()
        for seen in self._seen:
            vehicle = seen.vehicle
            if not abs(vehicle.x - seen.x) + abs(vehicle.y - seen.y) < seen.slack:
                self._visit(seen)

    def _gather(self) -> None:
        self._revision = self._world.revision
        old = {seen.vehicle.id: seen for seen in self._seen}
        vehicles = [actor for actor in self._world.actors.values() if isinstance(actor, Vehicle)]
        self._seen = [old.pop(vehicle.id, None) or _Seen(vehicle) for vehicle in vehicles]
        for gone in old.values():
            if gone.light is not None:
                gone.light.held.remove(gone.vehicle)

    def _visit(self, seen: _Seen) -> None:
        vehicle = seen.vehicle
        x, y = vehicle.x, vehicle.y
        seen.x, seen.y = x, y
        near = self._cells.get((math.floor(x / CELL), math.floor(y / CELL)))
        seen.slack = STEP if near else MARGIN - seen.nose - 6.0
        light = self._light_at(seen, near) if near else None
        if light is not seen.light:
            self._move(seen, light)

    def _light_at(self, seen: _Seen, near: list[TrafficLight]) -> TrafficLight | None:
        vehicle, yaw = seen.vehicle, math.radians(seen.vehicle.yaw)
        nose = seen.nose * math.cos(yaw), seen.nose * math.sin(yaw)
        for light in near:
            if light.signal.approach.holds(vehicle.x, vehicle.y, vehicle.z, nose):
                return light
        return None

    def _move(self, seen: _Seen, light: TrafficLight | None) -> None:
        if seen.light is not None:
            seen.light.held.remove(seen.vehicle)
        seen.light = light
        if light is None:
            release(seen.vehicle)
        else:
            light.held.append(seen.vehicle)
            light.tell(seen.vehicle)


def _cells(x: float, y: float, reach: float) -> list[tuple[int, int]]:
    columns = range(math.floor((x - reach) / CELL), math.floor((x + reach) / CELL) + 1)
    rows = range(math.floor((y - reach) / CELL), math.floor((y + reach) / CELL) + 1)
    return [(column, row) for column in columns for row in rows]
