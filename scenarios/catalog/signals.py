"""The middle junction of the map `grid`, whose lights the scenarios on it let stand still: what lies where.

Two lanes per direction; [m] from the middle of the junction, in CARLA's frame (y grows to the south).
"""

import numpy as np

from laco.scenarios.catalog.paths import Array
from laco.scenarios.layout import Placement

MIDDLE = (220.0, -220.0)  # [m] of the junction
INNER, OUTER = 1.6, 4.8  # [m] lane centres from the road's middle
BOX = 11.4  # [m] from the middle to the stop lines


def there(way: Array) -> Array:
    """Points [n, 2] about the middle of the junction, in the map's frame."""
    return np.asarray(way + np.array(MIDDLE))


def place(role: str, blueprint: str, x: float, y: float, yaw: float, speed: float = 0.0) -> Placement:
    """A placement about the middle of the junction."""
    return Placement(role, blueprint, MIDDLE[0] + x, MIDDLE[1] + y, yaw, speed)
