"""Which vehicle stands at which light, without asking every light about every vehicle in every tick: `kernel` looks
at a vehicle again only when it has moved, by a metre near a light, by more where none is near."""

import numpy as np

from laco.scenarios.server.lights.actors import TrafficLight, release
from laco.scenarios.server.lights.kernel import NOWHERE, look, table
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World


class Watch:
    """Keeps `TrafficLight.held`, and vehicles told."""

    def __init__(self, world: World, lights: list[TrafficLight]) -> None:
        self._world, self._lights = world, lights
        self._table = table([light.signal.approach for light in lights])
        self._revision = -1
        self._vehicles: list[Vehicle] = []
        self._held: dict[Vehicle, TrafficLight] = {}
        self._gather()

    def look(self) -> None:
        """Once per tick, after everything has moved."""
        if self._revision != self._world.revision:
            self._gather()
        rows = self._world.bodies.rows
        count = look(rows, self._rows, self._seen, self._table, self._at, self._changed)
        for index in self._changed[:count].tolist():
            at = int(self._at[index])
            self._move(self._vehicles[index], self._lights[at] if at != NOWHERE else None)

    def _gather(self) -> None:
        """Vehicles came or went, and rows changed hands: look at everyone anew."""
        self._revision = self._world.revision
        solids, places = self._world.bodies.solids, {light.id: i for i, light in enumerate(self._lights)}
        found = [(row, solid) for row, solid in enumerate(solids) if isinstance(solid, Vehicle)]
        self._vehicles = [vehicle for _, vehicle in found]
        for gone in self._held.keys() - set(self._vehicles):
            self._held.pop(gone).held.remove(gone)
        at = [places[self._held[one].id] if one in self._held else NOWHERE for one in self._vehicles]
        self._rows = np.array([row for row, _ in found], dtype=np.int64)
        self._at = np.array(at, dtype=np.int64)
        self._changed = np.zeros(len(found), dtype=np.int64)
        self._seen = np.zeros((len(found), 3))

    def _move(self, vehicle: Vehicle, light: TrafficLight | None) -> None:
        before = self._held.pop(vehicle, None)
        if before is not None:
            before.held.remove(vehicle)
        if light is None:
            release(vehicle)
        else:
            self._held[vehicle] = light
            light.held.append(vehicle)
            light.tell(vehicle)
