"""How many of a whole a fraction means: one rounding, for kept tokens and for shared layers."""

import math

from laco.errors import ConfigError

_SLACK = 1e-9  # 0.07 * 100 is 7.000000000000001 in floating point, and 7 % of 100 is 7


def part_of(fraction: float, total: int, name: str) -> int:
    """ceil(fraction * total), at least 1, free of floating-point surplus.

    Raises: ConfigError, naming `name`, where the fraction is not in (0, 1].
    """
    if not (math.isfinite(fraction) and 0.0 < fraction <= 1.0):
        raise ConfigError(f"{name} must be in (0, 1], not {fraction}")
    return max(1, math.ceil(fraction * total - _SLACK))
