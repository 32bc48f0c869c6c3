"""The long road of the map `straight`, eastwards (CARLA's frame: y grows to the south): what lies where."""

import numpy as np

LANE, ONCOMING = 133.0, 129.0  # [m] y of the lanes' centres
RIGHT = 133.5  # [m] y where one keeps right
Knot = tuple[float, float]


def detour(rng: np.random.Generator, begin: float, out: float, home: float, aside: float) -> tuple[Knot, ...]:
    """Knots for `weave`, all in [m]: from x = `begin` keeping right, at y = `aside` from x = `out` to `home`, and then
    back into the lane."""
    lead, back = rng.uniform(18.0, 23.0), rng.uniform(18.0, 23.0)
    return (begin, RIGHT), (out - lead, RIGHT), (out, aside), (home, aside), (home + back, LANE)
