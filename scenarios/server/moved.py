"""Which vehicles have moved since they were last looked at, asked of all at once: most of them have not, and what
applies to them need not be found out again."""

import math

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server import bodies
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World


class Moved:
    """The vehicles of a world, and how far each may move before it is due again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._revision = -1
        self.vehicles: dict[int, Vehicle] = {}  # by row
        self._seen: NDArray[np.float64] = np.zeros((0, 2))  # [m] where each row was
        self._slack: NDArray[np.float64] = np.zeros(0)  # [m]

    def due(self) -> list[tuple[int, Vehicle]]:
        """Rows and vehicles that are new or have moved far enough; say `settle` for each."""
        if self._revision != self._world.revision:
            self._gather()
        moved = np.abs(self._world.bodies.rows[: len(self._seen), : bodies.Z] - self._seen).sum(axis=1)
        rows = (moved > self._slack).nonzero()[0].tolist()
        return [(row, self.vehicles[row]) for row in rows]

    def settle(self, row: int, slack: float) -> None:
        """It has been looked at where it is now; not again before the ways in x and y add up to `slack` [m]."""
        self._seen[row] = self._world.bodies.rows[row, : bodies.Z]
        self._slack[row] = slack

    def _gather(self) -> None:
        """Rows change hands when a body leaves: look at everyone anew."""
        self._revision = self._world.revision
        solids = self._world.bodies.solids
        self.vehicles = {row: solid for row, solid in enumerate(solids) if isinstance(solid, Vehicle)}
        self._seen = np.zeros((len(solids), 2))
        self._slack = np.full(len(solids), math.inf)
        self._slack[list(self.vehicles)] = -1.0
