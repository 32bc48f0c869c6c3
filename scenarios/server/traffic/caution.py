"""What SUMO's cars do not see by themselves: whatever stands or walks across their way, on or off the lanes.

A guest that is on a lane slows SUMO's cars down long before. This is the last look ahead, along the curve that a car
drives: it brakes as hard as it must to stop before a body there. And a car that has hit something stands for a while.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.traffic.puppets import Puppet, Puppets
from laco.scenarios.server.world import World

BRAKING = 5.0  # [m/s^2] counted with
HARDEST = 8.0  # [m/s^2] done when that is not enough
MARGIN = 0.25  # [m] to both sides of the car
STOP = 1.0  # [m] to stand before it
SHOCK = 5.0  # [s] that a car stands after a crash
FREE, UNCHECKED = 31, 0  # SUMO's speed modes: all its checks, none
Numbers = NDArray[np.float64]


class Caution:
    """Holds SUMO's cars back."""

    def __init__(self, sumo: Any, world: World, puppets: Puppets, step: float) -> None:
        self._sumo, self._world, self._puppets, self._step = sumo, world, puppets, step
        self._held: set[str] = set()
        self._shocked: dict[str, float] = {}  # until when [s]

    def notice(self) -> None:
        """Crashes of the world's last step."""
        if not self._world.contacts:
            return
        cars = {puppet.solid.id: name for name, puppet in self._puppets.cars.items()}
        for contact in self._world.contacts:
            for body in contact[:2]:
                if body.id in cars:
                    self._shocked[cars[body.id]] = self._world.elapsed + SHOCK

    def act(self, guests: list[Solid]) -> None:
        """Before SUMO's step: brake those that must, let the others go."""
        held: set[str] = set()
        for puppet, limit in self._limits(guests):
            held.add(puppet.name)
            self._hold(puppet, max(limit, puppet.speed - HARDEST * self._step))
        for name, until in tuple(self._shocked.items()):
            if self._world.elapsed >= until or name not in self._puppets.cars:
                del self._shocked[name]
            else:
                held.add(name)
                self._hold(self._puppets.cars[name], 0.0)
        for name in sorted(self._held - held):
            if name in self._puppets.cars:
                self._sumo.vehicle.setSpeedMode(name, FREE)
                self._sumo.vehicle.setSpeed(name, -1.0)
        self._held = held

    def _hold(self, puppet: Puppet, speed: float) -> None:
        self._sumo.vehicle.setSpeedMode(puppet.name, UNCHECKED)
        self._sumo.vehicle.setSpeed(puppet.name, speed)

    def _limits(self, guests: list[Solid]) -> list[tuple[Puppet, float]]:
        """Cars with something in their way, and the speed [m/s] from which they can stop before it."""
        cars = list(self._puppets.cars.values())
        bodies = [body for body in guests if body.collides]
        if not cars or not bodies:
            return []
        gaps = _gaps(cars, bodies)
        speeds = np.array([puppet.speed for puppet in cars])
        limits = np.sqrt(2 * BRAKING * np.maximum(gaps - STOP, 0.0))
        stopped = (speeds < 0.1) & (gaps < 2 * STOP)  # what stands waits until there is some room
        limits[stopped] = 0.0
        return [(cars[i], float(limits[i])) for i in ((speeds > limits) | stopped).nonzero()[0].tolist()]


def _gaps(cars: list[Puppet], bodies: list[Solid]) -> Numbers:
    """Free way [m] of every car along the curve it drives; infinite when nothing is on it."""
    own = np.array([(*puppet.solid.box(), puppet.curvature) for puppet in cars])[:, None, :]
    other = np.array([body.box() for body in bodies])[None, :, :]
    dx, dy = other[..., 0] - own[..., 0], other[..., 1] - own[..., 1]
    c, s = np.cos(own[..., 2]), np.sin(own[..., 2])
    along, across = dx * c + dy * s, dy * c - dx * s
    turn = other[..., 2] - own[..., 2]
    ct, st = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    deep = other[..., 3] * ct + other[..., 4] * st  # half of what the body takes up of the way
    wide = other[..., 3] * st + other[..., 4] * ct
    bend = own[..., 5] * along * along / 2
    beside = np.abs(across - bend) > own[..., 4] + wide + MARGIN
    gaps = along - own[..., 3] - deep
    return np.where(beside | (along <= 0.0) | (gaps < -own[..., 3]), np.inf, np.maximum(gaps, 0.0)).min(axis=1)
