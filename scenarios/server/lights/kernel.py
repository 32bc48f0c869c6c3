"""Compiled: which vehicles have come to a light or left it. Written for scalars, like `server.kernels`."""

import math

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.bodies import HALF_LENGTH, HEADING, Rows, X, Y, Z
from laco.scenarios.server.kernels import Indices, compiled
from laco.scenarios.server.lights.signals import HIGH, Approach

STEP = 1.0  # [m] a vehicle moves near a light before it is looked at again
NOWHERE = -1  # at no light
Numbers = NDArray[np.float64]


def table(approaches: list[Approach]) -> Numbers:
    """Approaches as the kernel reads them: [L, 10]."""
    rows = []
    for a in approaches:
        reach = math.hypot(a.depth / 2, a.half_width)  # [m] from the middle of the box to its corners
        rows.append([a.x, a.y, a.z, *a.way, a.half_width, a.depth, *a.centre(), reach])
    return np.array(rows)


@compiled("int64(float64[:, :], int64[:], float64[:, :], float64[:, :], int64[:], int64[:])")
def look(rows: Rows, vehicles: Indices, seen: Numbers, lights: Numbers, at: Indices, changed: Indices) -> int:
    """Look at those of the `vehicles` (rows [V]) that have moved as far as they may: `seen` [V, 3] holds where they
    were looked at last and how far that is [m]. `at` [V] is the light each stands at, kept up; answers how many of
    these are new, and lists them in `changed`. The rule is that of `Approach.holds`."""
    count = 0
    for i in range(len(vehicles)):
        r = rows[vehicles[i]]
        x, y, nose = r[X], r[Y], r[HALF_LENGTH]
        dx, dy = x - seen[i, 0], y - seen[i, 1]
        if dx * dx + dy * dy < seen[i, 2] * seen[i, 2]:
            continue
        found, nearest = NOWHERE, 1e9
        for j in range(len(lights)):
            a = lights[j]
            gap = math.hypot(x - a[7], y - a[8]) - a[9] - nose
            nearest = min(nearest, gap)
            if gap > 0.0 or found != NOWHERE or abs(r[Z] - a[2]) > HIGH:
                continue
            ex, ey = x - a[0], y - a[1]
            along = ex * a[3] + ey * a[4]
            front = along + nose * (math.cos(r[HEADING]) * a[3] + math.sin(r[HEADING]) * a[4])
            if along <= 0.0 and front >= -a[6] and abs(ey * a[3] - ex * a[4]) < a[5]:
                found = j
        seen[i, 0], seen[i, 1], seen[i, 2] = x, y, max(STEP, nearest)
        if found != at[i]:
            at[i], changed[count] = found, i
            count += 1
    return count
