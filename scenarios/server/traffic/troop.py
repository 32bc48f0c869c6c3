"""Bodies that SUMO moves, one kind of them, side by side in arrays: where SUMO had them and has them now."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.bodies import (
    AX,
    AY,
    HEADING,
    MOVING,
    PITCH,
    START_X,
    START_Y,
    VX,
    VY,
    WZ,
    YAW,
    X,
    Y,
    Z,
)  # fmt: skip
from laco.scenarios.server.world import World

Numbers = NDArray[np.float64]
CREEP = 0.5  # [m/s] slower than this, turning says nothing about the way
NOW, BEFORE = slice(0, 3), slice(3, 6)  # columns: x [m], y [m], yaw [deg]
SPEED, ACCELERATION, CURVATURE, HALF = 6, 7, 8, 9  # [m/s], [m/s^2], [1/m] to the right, [m]
COLUMNS = 10


class Troop:
    """Named bodies of a world and their numbers, in the order in which they came. `kind` is the part of SUMO's
    interface that knows them (`vehicle` or `person`)."""

    def __init__(self, kind: Any, world: World, step: float) -> None:
        self.kind, self._world, self._step = kind, world, step
        self.solids: dict[str, Solid] = {}
        self.numbers: Numbers = np.zeros((0, COLUMNS))
        self._rows = np.zeros(0, dtype=np.int64)  # where the bodies lie in those of the world
        self._revision = -1

    def __len__(self) -> int:
        return len(self.solids)

    def enter(self, name: str, solid: Solid) -> None:
        """One more, where SUMO has it."""
        self.solids[name] = solid
        solid.pull(solid.pose, 0.0, 0.0, 0.0)
        self.numbers = np.vstack([self.numbers, np.zeros(COLUMNS)])
        half = solid.half_length
        self.numbers[-1, HALF] = half
        self.numbers[-1, BEFORE] = self.numbers[-1, NOW] = self._read([name], np.array([half]))[0, :3]
        self.numbers[-1, SPEED] = self.kind.getSpeed(name)

    def leave(self, name: str) -> None:
        """One less."""
        index = list(self.solids).index(name)
        del self.solids[name]
        self.numbers = np.delete(self.numbers, index, axis=0)

    def rows(self) -> NDArray[np.int64]:
        """The rows of the bodies, in our order."""
        if self._revision != self._world.revision:
            self._revision = self._world.revision
            places = {solid.id: row for row, solid in enumerate(self._world.bodies.solids)}
            self._rows = np.array([places[solid.id] for solid in self.solids.values()], dtype=np.int64)
        return self._rows

    def follow(self) -> None:
        """Read what SUMO has done in its step."""
        if not self.solids:
            return
        numbers, read = self.numbers, self._read(list(self.solids), self.numbers[:, HALF])
        speed = read[:, 3]
        numbers[:, BEFORE] = numbers[:, NOW]
        numbers[:, NOW] = read[:, :3]
        numbers[:, ACCELERATION] = (speed - numbers[:, SPEED]) / self._step
        numbers[:, SPEED] = speed
        bend = np.radians(_turn(numbers)) / np.maximum(speed * self._step, 1e-9)
        numbers[:, CURVATURE] = np.where(speed > CREEP, bend, numbers[:, CURVATURE])

    def _read(self, names: list[str], halves: Numbers) -> Numbers:
        """x, y, yaw of the middles and speeds: SUMO's y points north, its angles run clockwise from there, and its
        vehicles are where their front bumper is."""
        where, angle, speed = self.kind.getPosition, self.kind.getAngle, self.kind.getSpeed
        read = np.array([(*where(name), angle(name) - 90.0, speed(name)) for name in names])
        turn = np.radians(read[:, 2])
        read[:, 0] -= halves * np.cos(turn)
        read[:, 1] = -read[:, 1] - halves * np.sin(turn)
        return read

    def between(self, share: float) -> Numbers:
        """x, y, yaw [N, 3] on the way from the last step to the present one."""
        numbers = self.numbers
        if share >= 1.0:
            return numbers[:, NOW].copy()
        way = numbers[:, NOW] - numbers[:, BEFORE]
        way[:, 2] = _turn(numbers)
        return numbers[:, BEFORE] + share * way

    def put(self, places: Numbers, speed: Numbers, turn: Numbers, acceleration: Numbers) -> None:
        """Write places [N, 3], speeds [N] along the yaws [m/s], turns [N] [deg/s] and accelerations along the yaws [N]
        [m/s^2] into the rows of the bodies."""
        world, rows = self._world, self.rows()
        new = world.bodies.rows[rows]
        heading = np.radians(places[:, 2])
        c, s = np.cos(heading), np.sin(heading)
        across = speed * np.radians(turn)
        new[:, X], new[:, Y], new[:, HEADING] = places[:, 0], places[:, 1], heading
        new[:, YAW] = _wrap(places[:, 2])
        new[:, VX], new[:, VY], new[:, WZ] = speed * c, speed * s, turn
        new[:, AX], new[:, AY] = acceleration * c - across * s, acceleration * s + across * c
        new[:, START_X], new[:, START_Y], new[:, MOVING] = places[:, 0], places[:, 1], 1.0
        if not world.roads.level:
            self._climb(new, c, s)
        world.bodies.rows[rows] = new

    def turning(self) -> Numbers:
        """[deg/s] in SUMO's last step."""
        return _turn(self.numbers) / self._step

    def _climb(self, new: Numbers, c: Numbers, s: Numbers) -> None:
        """Height [m] and pitch [deg] of the road under each."""
        ground, halves = self._world.roads.ground, 0.6 * self.numbers[:, HALF]
        for row, dx, dy, half in zip(new, halves * c, halves * s, halves, strict=True):
            front, back = ground(row[X] + dx, row[Y] + dy, row[Z]), ground(row[X] - dx, row[Y] - dy, row[Z])
            row[Z], row[PITCH] = (front + back) / 2, np.degrees(np.arctan2(front - back, 2 * half))


def _turn(numbers: Numbers) -> Numbers:
    """[deg] from the last step to the present one, the short way."""
    return _wrap(numbers[:, 2] - numbers[:, 5])


def _wrap(angle: Numbers) -> Numbers:
    return angle - 360.0 * np.floor(angle / 360.0 + 0.5)
