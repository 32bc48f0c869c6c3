"""A plan that a model writes down as JSON, in LangCoop's form; everything else is no plan."""

import math
import re

import msgspec

from laco.agents.drivers.plan import STEPS

KEY = "predicted_speeds_curvatures"
FORM = f'{{"{KEY}": [[speed, curvature], ...]}}'


class _Written(msgspec.Struct):
    predicted_speeds_curvatures: list[tuple[float, float]]


def read(text: str, fastest: float) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Five speeds [m/s] in [0, fastest] and five curvatures [deg/m] in [-90, 90]; None if `text` holds no plan.

    Words around the JSON are passed over. A speed or curvature out of range is cut to it; one that is no finite
    number, or any other count than five, makes it no plan.
    """
    for found in re.finditer(r"\{[^{}]*\}", text):
        try:
            rows = msgspec.json.decode(found.group(), type=_Written).predicted_speeds_curvatures
        except msgspec.MsgspecError:
            continue
        if len(rows) == STEPS and all(math.isfinite(value) for row in rows for value in row):
            speeds = tuple(min(max(v, 0.0), fastest) for v, _ in rows)
            return speeds, tuple(min(max(c, -90.0), 90.0) for _, c in rows)
    return None
