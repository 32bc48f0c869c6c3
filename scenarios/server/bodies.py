"""The bodies of a world side by side in one array, a row each, so that compiled code can step them all at once.

The first fifteen columns are those of an episode record, in its order. A solid reads and writes its own row
(`column`); one that is in no world has a row of its own.
"""

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from laco.scenarios.server.actors import Solid

    Row = memoryview[float]
else:
    Row = memoryview

(
    X, Y, Z, PITCH, YAW, ROLL,  # [m], [deg]
    VX, VY, VZ, WX, WY, WZ, AX, AY, AZ,  # [m/s], [deg/s], [m/s^2]
    HALF_LENGTH, HALF_WIDTH, HEIGHT, RADIUS, INVERSE_MASS,  # [m], [1/kg]
    MOVING, COLLIDES, PUPPET, ROLLS, FALLS,  # whether: the last two, the kernel rolls its wheels, gravity pulls it
    HEADING, SPEED, TURN,  # what the wheels roll: [rad], [m/s], [rad/s]
    THROTTLE, SLIP, BRAKE, REVERSE,  # pedals in 0..1, angle between nose and velocity [rad]
    REAR_AXLE, TRACTION, POWER, BRAKING, DRAG, ROLLING,  # constants of `physics.VehicleModel`
    START_X, START_Y,  # [m] where the step began
    COLUMNS,
) = range(41)  # fmt: skip
RECORD = 15  # columns of an episode record
FIRST = 64  # rows
REACH = 0.6  # [m] of the springs: wheels and feet hold on while the ground is no farther below
BURIED = 10.0  # [m] what is deeper under the ground is not lifted onto it: programs hide actors down there
Rows = NDArray[np.float64]


def column(index: int) -> Any:
    """A property that is a number of the solid's row."""

    def get(self: Any) -> float:
        return self.row[index]  # type: ignore[no-any-return]

    def put(self: Any, value: float) -> None:
        self.row[index] = value

    return property(get, put)


def own_row() -> Row:
    """A row outside any world."""
    return memoryview(array("d", bytes(8 * COLUMNS)))


class Bodies:
    """The rows of a world's solids; `solids[i]` is the one in row `i`. Leaving moves the last into the gap."""

    def __init__(self) -> None:
        self.solids: list[Solid] = []
        self.rows: Rows = np.zeros((FIRST, COLUMNS))
        self._view = self.rows.data.cast("B").cast("d")

    def __len__(self) -> int:
        return len(self.solids)

    def enter(self, solid: "Solid") -> None:
        """Give a solid a row here."""
        if len(self.solids) == len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
            self._view = self.rows.data.cast("B").cast("d")
            for index, other in enumerate(self.solids):
                other.row = self._row(index)
        row = self._row(len(self.solids))
        row[:] = solid.row
        solid.row = row
        self.solids.append(solid)

    def leave(self, solid: "Solid") -> None:
        """Give a solid its own row back."""
        index, last = self.solids.index(solid), self.solids.pop()
        gone = own_row()
        gone[:] = solid.row
        if last is not solid:
            row = self._row(index)
            row[:] = last.row
            last.row = row
            self.solids[index] = last
        solid.row = gone

    def _row(self, index: int) -> Row:
        return self._view[index * COLUMNS : (index + 1) * COLUMNS]
