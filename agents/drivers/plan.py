"""What a driver answers: five speeds and curvatures half a second apart, LangCoop's form."""

import msgspec

STEPS = 5
DT = 0.5  # [s]


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """speed [m/s] and curvature [deg/m], right positive, for 0.5, 1.0, 1.5, 2.0, 2.5 s after `time` [s].

    failed: the driver's model gave no plan that can be read, and this one brakes instead.
    """

    time: float
    speed: tuple[float, ...]
    curvature: tuple[float, ...]
    failed: bool = False
