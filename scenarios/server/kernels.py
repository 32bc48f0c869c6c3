"""Compiled steps over all bodies at once. The formulas of `roll` are those of `physics.roll`; a test compares.

Everything is written for scalars, so that the same functions run uncompiled (`roll_all.py_func`). Without fast
mathematics: the numbers are the same either way.
"""

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from laco.scenarios.server.bodies import (
    AX,
    AY,
    AZ,
    BRAKE,
    BRAKING,
    BURIED,
    COLLIDES,
    DRAG,
    FALLS,
    HALF_LENGTH,
    HALF_WIDTH,
    HEADING,
    HEIGHT,
    INVERSE_MASS,
    MOVING,
    POWER,
    PUPPET,
    RADIUS,
    REACH,
    REAR_AXLE,
    RECORD,
    REVERSE,
    ROLLING,
    ROLLS,
    SLIP,
    SPEED,
    START_X,
    START_Y,
    THROTTLE,
    TRACTION,
    TURN,
    VX,
    VY,
    VZ,
    WZ,
    YAW,
    Rows,
    X,
    Y,
    Z,
)  # fmt: skip

Indices = NDArray[np.int64]
GRID_HEAD = 5  # numbers of a level's grid before its cells
_DEGREES = 180.0 / math.pi
Function = TypeVar("Function", bound=Callable[..., object])


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compile a function for these types at once, and keep the result on disk for the next start."""
    return cast("Callable[[Function], Function]", njit(signature, cache=True))


@compiled("void(float64[:, ::1], int64, float64)")
def _roll(rows: Rows, i: int, dt: float) -> None:
    """One step of a vehicle that follows its pedals."""
    r = rows[i]
    speed, slip = r[SPEED], r[SLIP]
    heading = r[HEADING] + slip
    r[X] += speed * math.cos(heading) * dt
    r[Y] += speed * math.sin(heading) * dt
    r[TURN] = speed / r[REAR_AXLE] * math.sin(slip) if slip != 0.0 else 0.0
    r[HEADING] += r[TURN] * dt
    pace = speed if speed >= 0.0 else -speed
    strongest = min(r[TRACTION], r[POWER] / pace) if pace > 1.0 else min(r[TRACTION], r[POWER])
    drive = r[THROTTLE] * strongest
    if r[REVERSE] != 0.0:
        drive = -drive
    driven = speed + drive * dt
    resist = (r[BRAKE] * r[BRAKING] + r[ROLLING] + r[DRAG] * driven * driven) * dt
    r[SPEED] = math.copysign(max(0.0, abs(driven) - resist), driven)
    heading = r[HEADING] + slip
    vx, vy = r[SPEED] * math.cos(heading), r[SPEED] * math.sin(heading)
    r[AX], r[AY] = (vx - r[VX]) / dt, (vy - r[VY]) / dt
    r[VX], r[VY], r[WZ] = vx, vy, r[TURN] * _DEGREES
    yaw = r[HEADING] * _DEGREES
    r[YAW] = yaw - 360.0 * math.floor(yaw / 360.0 + 0.5)


@compiled("void(float64[::1], float64, float64)")
def _fall(r: Rows, gravity: float, dt: float) -> None:
    """Drop towards the ground at height zero."""
    before = r[VZ]
    r[Z] += before * dt - gravity * dt * dt / 2
    r[VZ] = before - gravity * dt
    if r[Z] <= 0.0:
        r[Z], r[VZ] = 0.0, 0.0
    r[AZ] = (r[VZ] - before) / dt


@compiled("int64(float64[:, ::1], int64, int64[::1], float64, float64, boolean)")
def step_all(rows: Rows, count: int, left: Indices, gravity: float, dt: float, level: bool) -> int:
    """Move the first `count` rows on by `dt` [s], at most 0.05. Rows that need more than rolling and falling are
    left alone and listed in `left`. Answers how many these are."""
    others = 0
    for i in range(count):
        r = rows[i]
        r[START_X], r[START_Y] = r[X], r[Y]
        if r[MOVING] == 0.0 or r[PUPPET] != 0.0:
            continue
        if r[ROLLS] == 0.0 or r[Z] > REACH or r[Z] < -BURIED or not level:
            left[others] = i
            others += 1
            continue
        falls = r[FALLS] != 0.0 and (r[Z] != 0.0 or r[VZ] != 0.0 or r[AZ] != 0.0)
        if falls:
            _fall(r, gravity, dt)
        _roll(rows, i, dt)
        # A body that has just come to rest takes one more step, in which its acceleration ends.
        busy = r[VX] != 0.0 or r[VY] != 0.0 or r[THROTTLE] != 0.0 or r[AX] != 0.0 or r[AY] != 0.0
        r[MOVING] = 1.0 if busy or falls else 0.0
    return others


@compiled("boolean(float64[:], float64, float64, float64[:], float64, float64)")
def _overlap(a: Rows, ax: float, ay: float, b: Rows, bx: float, by: float) -> bool:
    """Whether two upright boxes with these centres share a point: separating axes."""
    if a[Z] > b[Z] + b[HEIGHT] or b[Z] > a[Z] + a[HEIGHT]:
        return False
    dx, dy = bx - ax, by - ay
    turn = b[HEADING] - a[HEADING]
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    ca, sa = math.cos(a[HEADING]), math.sin(a[HEADING])
    if abs(dx * ca + dy * sa) > a[HALF_LENGTH] + b[HALF_LENGTH] * c + b[HALF_WIDTH] * s:
        return False
    if abs(dy * ca - dx * sa) > a[HALF_WIDTH] + b[HALF_LENGTH] * s + b[HALF_WIDTH] * c:
        return False
    cb, sb = math.cos(b[HEADING]), math.sin(b[HEADING])
    if abs(dx * cb + dy * sb) > b[HALF_LENGTH] + a[HALF_LENGTH] * c + a[HALF_WIDTH] * s:
        return False
    return bool(abs(dy * cb - dx * sb) <= b[HALF_WIDTH] + a[HALF_LENGTH] * s + a[HALF_WIDTH] * c)


@compiled("int64(float64[:], float64[:], int64)")
def _meeting(a: Rows, b: Rows, parts: int) -> int:
    """The first of `parts` equal parts of the step at whose end two boxes overlap; 0: none."""
    reach = a[RADIUS] + b[RADIUS]
    for k in range(1, parts + 1):
        f = k / parts
        ax, ay = a[START_X] + f * (a[X] - a[START_X]), a[START_Y] + f * (a[Y] - a[START_Y])
        bx, by = b[START_X] + f * (b[X] - b[START_X]), b[START_Y] + f * (b[Y] - b[START_Y])
        dx, dy = bx - ax, by - ay
        if dx * dx + dy * dy <= reach * reach and _overlap(a, ax, ay, b, bx, by):
            return k
    return 0


@compiled("int64(float64[:, ::1], int64, int64, int64[:, ::1])")
def meetings(rows: Rows, count: int, parts: int, found: Indices) -> int:
    """Pairs of bodies that overlap at the end of a part of the step, of which physics moves at least one: rows and
    the part into `found` [n, 3]. Answers how many there are; more than fit are not stored."""
    n = 0
    for i in range(count):
        if rows[i, COLLIDES] == 0.0:
            continue
        x, y, moving, movable = rows[i, X], rows[i, Y], rows[i, MOVING], rows[i, INVERSE_MASS]
        way = abs(x - rows[i, START_X]) + abs(y - rows[i, START_Y])
        for j in range(i + 1, count):
            # Too far apart even before they moved? Numbers only: a view of a row costs more than the rest.
            bx, by = rows[j, X], rows[j, Y]
            near = rows[i, RADIUS] + rows[j, RADIUS] + way + abs(bx - rows[j, START_X]) + abs(by - rows[j, START_Y])
            if abs(bx - x) > near or abs(by - y) > near:
                continue
            if rows[j, COLLIDES] == 0.0 or (moving == 0.0 and rows[j, MOVING] == 0.0):
                continue
            if movable == 0.0 and rows[j, INVERSE_MASS] == 0.0:
                continue
            k = _meeting(rows[i], rows[j], parts)
            if k > 0:
                if n < len(found):
                    found[n, 0], found[n, 1], found[n, 2] = i, j, k
                n += 1
    return n


@compiled("int64(float64[:, ::1], int64, float64[:, ::1], int64[::1], int64, int64[:, ::1])")
def level_meetings(rows: Rows, count: int, level: Rows, grid: Indices, parts: int, found: Indices) -> int:
    """As `meetings`, of moving bodies with boxes of the level. `grid` says which boxes are near: its first column,
    first row, columns, rows and cell [m]; then, cell by cell, where its list begins, and where the last ends; then
    the lists. A box is in every cell that its circle touches."""
    n = 0
    for i in range(count):
        a = rows[i]
        if a[COLLIDES] == 0.0 or a[MOVING] == 0.0 or a[INVERSE_MASS] == 0.0:
            continue
        left = max(0, math.floor((min(a[X], a[START_X]) - a[RADIUS]) / grid[4]) - grid[0])
        right = min(grid[2] - 1, math.floor((max(a[X], a[START_X]) + a[RADIUS]) / grid[4]) - grid[0])
        low = max(0, math.floor((min(a[Y], a[START_Y]) - a[RADIUS]) / grid[4]) - grid[1])
        high = min(grid[3] - 1, math.floor((max(a[Y], a[START_Y]) + a[RADIUS]) / grid[4]) - grid[1])
        for gx in range(left, right + 1):
            for gy in range(low, high + 1):
                cell = GRID_HEAD + gx * grid[3] + gy
                for at in range(grid[cell], grid[cell + 1]):
                    b = level[grid[at]]
                    k = _meeting(a, b, parts) if b[COLLIDES] != 0.0 else 0
                    if k > 0:
                        if n < len(found):
                            found[n, 0], found[n, 1], found[n, 2] = i, grid[at], k
                        n += 1
    return n


@compiled(
    "int64(float64[:, ::1], int64, int64[::1], float64, float64, boolean, int64, float64[:, ::1], int64[::1],"
    " int64[:, ::1])"
)
def step(
    rows: Rows,
    count: int,
    left: Indices,
    gravity: float,
    dt: float,
    flat: bool,
    parts: int,
    level: Rows,
    grid: Indices,
    found: Indices,
) -> int:
    """`step_all`, and a look whether bodies met when all have moved: one call, since each costs more than the work.
    Answers how many are left to move, or -1 when some met, or 0: nothing is left to do."""
    others = step_all(rows, count, left, gravity, dt, flat)
    if others > 0:
        return others
    met = meetings(rows, count, parts, found) > 0 or level_meetings(rows, count, level, grid, parts, found) > 0
    return -1 if met else 0


@compiled("void(float64[:, ::1], int64, uint8[::1], int64, int64)")
def put_motions(rows: Rows, count: int, buffer: NDArray[np.uint8], first: int, stride: int) -> None:
    """Write what moved into the records of a frame, whose fields lie at no address that a number may have: as 15
    numbers of 4 bytes, from byte `first` on and every `stride` bytes."""
    numbers = np.empty(RECORD, dtype=np.float32)
    raw = numbers.view(np.uint8)
    for i in range(count):
        for k in range(RECORD):
            numbers[k] = rows[i, k]
        at = first + i * stride
        for k in range(4 * RECORD):
            buffer[at + k] = raw[k]
