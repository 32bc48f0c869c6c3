"""What SUMO's cars do not see by themselves: whatever stands or walks across their way, on or off the lanes.

A guest that is on a lane slows SUMO's cars down long before. This is the last look ahead, along the curve that a car
drives: it brakes as hard as it must to stop before a body there. And a car that has hit something brakes hard and
stands for a while; in the crash itself it is as heavy as a wall.
"""

from typing import Any

import numpy as np

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.bodies import HALF_LENGTH, HALF_WIDTH, HEADING, X, Y
from laco.scenarios.server.traffic.puppets import Puppets
from laco.scenarios.server.traffic.troop import CURVATURE, SPEED, Numbers
from laco.scenarios.server.world import World

BRAKING = 5.0  # [m/s^2] counted with
HARDEST = 8.0  # [m/s^2] done when that is not enough
MARGIN = 0.25  # [m] to both sides of the car
STOP = 1.0  # [m] to stand before it
FORESIGHT = 1.5  # [s] that a body is thought to go on as it does
SHOCK = 5.0  # [s] that a car stands after a crash
CHECKED, UNCHECKED = 31, 0  # SUMO's speed modes: all its checks, none


class Caution:
    """Holds SUMO's cars back."""

    def __init__(self, sumo: Any, world: World, puppets: Puppets, step: float) -> None:
        self._sumo, self._world, self._puppets, self._step = sumo, world, puppets, step
        self._held: list[str] = []
        self._shocked: dict[str, float] = {}  # until when [s]

    def notice(self) -> None:
        """Crashes of the world's last step."""
        if not self._world.contacts:
            return
        cars = {solid.id: name for name, solid in self._puppets.cars.solids.items()}
        for contact in self._world.contacts:
            for body in contact[:2]:
                if body.id in cars:
                    self._shocked[cars[body.id]] = self._world.elapsed + SHOCK

    def act(self, guests: list[Solid]) -> None:
        """Before SUMO's step: brake those that must, let the others go."""
        limits = self._limits(guests)
        names = {name: index for index, name in enumerate(self._puppets.cars.solids)}
        for name, until in tuple(self._shocked.items()):
            if self._world.elapsed >= until or name not in names:
                del self._shocked[name]
            else:
                limits[name] = self._brake(names[name], 0.0)
        for name, limit in limits.items():
            self._sumo.vehicle.setSpeedMode(name, UNCHECKED)
            self._sumo.vehicle.setSpeed(name, limit)
        for name in self._held:
            if name not in limits and name in self._puppets.cars.solids:
                self._sumo.vehicle.setSpeedMode(name, CHECKED)
                self._sumo.vehicle.setSpeed(name, -1.0)
        self._held = list(limits)

    def _limits(self, guests: list[Solid]) -> dict[str, float]:
        """Cars with something in their way, and what speed [m/s] they brake to in this step."""
        cars = self._puppets.cars
        bodies = [(*body.box(), body.vx, body.vy) for body in guests if body.collides]
        if not cars or not bodies:
            return {}
        speeds = cars.numbers[:, SPEED]
        rows = self._world.bodies.rows[cars.rows()]
        gaps = _gaps(rows, speeds, cars.numbers[:, CURVATURE], np.array(bodies))
        limits = np.sqrt(2 * BRAKING * np.maximum(gaps - STOP, 0.0))
        limits[(speeds < 0.1) & (gaps < 2 * STOP)] = 0.0  # what stands waits until there is some room
        held = ((speeds > limits) | (limits == 0.0)).nonzero()[0].tolist()
        names = list(cars.solids)
        return {names[i]: self._brake(i, limits[i]) for i in held}

    def _brake(self, index: int, limit: float) -> float:
        """The speed [m/s] after a step of braking towards a limit."""
        return max(limit, float(self._puppets.cars.numbers[index, SPEED]) - HARDEST * self._step)


def _gaps(cars: Numbers, speeds: Numbers, curvature: Numbers, bodies: Numbers) -> Numbers:
    """Free way [C] of every car along the curve it drives [m]. `cars` are rows [C, ...], `bodies` boxes and velocities
    [B, 7]. A body counts where it is and where it will be when the car gets there, if that is soon."""
    own, other = cars[:, None, :], bodies[None, :, :]
    dx, dy = other[..., 0] - own[..., X], other[..., 1] - own[..., Y]
    c, s = np.cos(own[..., HEADING]), np.sin(own[..., HEADING])
    along, across = dx * c + dy * s, dy * c - dx * s
    turn = other[..., 2] - own[..., HEADING]
    ct, st = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    deep = other[..., 3] * ct + other[..., 4] * st  # half of what the body takes up of the way
    wide = other[..., 3] * st + other[..., 4] * ct
    gaps = along - own[..., HALF_LENGTH] - deep
    aside, room = across - curvature[:, None] * along * along / 2, own[..., HALF_WIDTH] + wide + MARGIN
    until = np.clip(gaps / np.maximum(speeds[:, None], 1.0), 0.0, FORESIGHT)
    later = aside + (other[..., 6] * c - other[..., 5] * s) * until
    beside = (np.abs(aside) > room) & (np.abs(later) > room) & (aside * later > 0.0)
    behind = (along <= 0.0) | (gaps < -own[..., HALF_LENGTH])
    nearest = np.where(beside | behind, np.inf, np.maximum(gaps, 0.0)).min(axis=1)
    return nearest  # type: ignore[no-any-return]
