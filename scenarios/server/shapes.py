"""Shapes of what clients send: each makes of a wire value one that is safe to keep and to tell others, or raises
`TypeError`, `ValueError` or `OverflowError`.

One client's wrong type would otherwise reach every other one, whose library ends such an answer with
`std::bad_cast`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

Shape = Callable[[Any], Any]


def flag(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, int):
        raise TypeError(f"not a truth value: {type(value).__name__}")
    return bool(value)


def number(value: Any) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"not a finite number: {value!r:.40}")
    return float(value)


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"not a string: {type(value).__name__}")
    return value


def whole(bits: int) -> Shape:
    """An unsigned number of so many bits."""

    def shape(value: Any) -> int:
        if not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise ValueError(f"not an unsigned {bits}-bit number: {value!r:.40}")
        return int(value)

    return shape


def optional(inner: Shape) -> Shape:
    """`[false]` or `[true, value]`."""
    return lambda value: [True, inner(value[1])] if value[0] and len(value) > 1 else [False]


def many(inner: Shape) -> Shape:
    """An array of one kind."""
    return lambda values: [inner(value) for value in _array(values)]


def record(*fields: Shape) -> Shape:
    """A struct: an array of its fields; what follows them is ignored, as LibCarla does."""

    def shape(values: Any) -> list[Any]:
        if len(_array(values)) < len(fields):
            raise ValueError(f"{len(values)} fields instead of {len(fields)}")
        return [field(value) for field, value in zip(fields, values, strict=False)]

    return shape


def _array(values: Any) -> Sequence[Any]:
    if not isinstance(values, list):
        raise TypeError(f"not an array: {type(values).__name__}")
    return values


ID, PORT = whole(32), whole(16)
VECTOR2, VECTOR3 = record(number, number), record(number, number, number)
WEATHER = record(*[number] * 14)
SETTINGS = record(
    flag, flag, optional(number), flag, number, whole(31), number, flag, number, number, flag
)  # fmt: skip
ACKERMANN_SETTINGS = record(*[number] * 6)
LIGHT_FLAGS = record(whole(32))
_WHEEL = record(*[number] * 9, VECTOR3)
PHYSICS_CONTROL = record(
    many(VECTOR2), *[number] * 5, flag, number, number, number, many(VECTOR3), number, number, VECTOR3,
    many(VECTOR2), many(_WHEEL), flag,
)  # fmt: skip
