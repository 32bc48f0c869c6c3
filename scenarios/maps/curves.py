"""A line through points as OpenDRIVE geometry: straight pieces, and cubic curves where it bends."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2) [m]
TOLERANCE = 0.01  # [m] between the points and the geometry
DENSE = 0.5  # [m] between the points that a curve is fitted to
STRAIGHT = 0.005  # [m] a line may miss its points by
ROUNDS = 12  # of finding the curve's parameter for each point anew


@dataclass(frozen=True)
class Piece:
    """One `<geometry>`: start [m], heading [rad], length [m] and, unless it is straight, the coefficients
    (u: b, c, d; v: b, c, d) of a paramPoly3 with its parameter from 0 to 1."""

    x: float
    y: float
    heading: float
    length: float
    cubic: tuple[float, ...] = ()


def pieces(line: Points, start: float | None = None, end: float | None = None) -> list[Piece]:
    """Geometry through the points (n, 2); `start` and `end` are headings [rad] where they are known better than the
    points tell."""
    if _is_straight(line):
        return [_straight(line[0], line[-1])]
    first = _end_heading(line) if start is None else start
    last = _end_heading(line[::-1]) + math.pi if end is None else end
    return _curved(_dense(line), first, last)


def _curved(line: Points, first: float, last: float) -> list[Piece]:
    if _is_straight(line):
        return [_straight(line[0], line[-1])]
    corners, error = _fit(line, first, last)
    if error <= TOLERANCE or len(line) <= 6:
        return [_cubic(corners)]
    middle = len(line) // 2
    step = line[middle + 1] - line[middle - 1]
    through = math.atan2(step[1], step[0])
    return _curved(line[: middle + 1], first, through) + _curved(line[middle:], through, last)


def _dense(line: Points) -> Points:
    """With more points on its straight stretches, for a curve to keep to them."""
    parts = [line[:1]]
    for start, end in itertools.pairwise(line):
        count = max(1, math.ceil(float(np.hypot(*(end - start))) / DENSE))
        parts.append(start + (end - start) * np.arange(1, count + 1)[:, None] / count)
    return np.vstack(parts)


def corner(start: Points, first: float, end: Points, last: float) -> list[Piece]:
    """A round corner between two points (2,) with the headings [rad] there; a line where they face each other."""
    ahead, back = np.array([math.cos(first), math.sin(first)]), np.array([math.cos(last), math.sin(last)])
    turn = math.remainder(last - first, 2 * math.pi)
    if abs(turn) < 1e-3:
        return [_straight(start, end)]
    reach = np.zeros(2)
    if abs(abs(turn) - math.pi) > 0.2:
        reach = np.linalg.solve(np.stack([ahead, back], axis=1), end - start)
    if min(reach) <= 0.0:  # the tangents do not meet between the points
        reach = np.full(2, float(np.hypot(*(end - start))) * 0.6)
    share = 2 / 3  # a parabola, like SUMO's turning lanes beside it
    return [_cubic(np.stack([start, start + share * reach[0] * ahead, end - share * reach[1] * back, end]))]


def _is_straight(line: Points) -> bool:
    along = line[-1] - line[0]
    length = float(np.hypot(*along))
    offsets = np.cross(np.append(along, 0.0), np.pad(line - line[0], ((0, 0), (0, 1))))[:, 2] / length
    return bool(np.max(np.abs(offsets)) <= STRAIGHT)


def _straight(start: Points, end: Points) -> Piece:
    dx, dy = (float(c) for c in end - start)
    return Piece(float(start[0]), float(start[1]), math.atan2(dy, dx), math.hypot(dx, dy))


def _end_heading(line: Points) -> float:
    """Heading [rad] in the first point, of the circle through the first three."""
    first, second = line[1] - line[0], line[min(2, len(line) - 1)] - line[1]
    a, b = math.atan2(first[1], first[0]), math.atan2(second[1], second[0])
    share = np.hypot(*first) / (np.hypot(*first) + np.hypot(*second))
    return a - math.remainder(b - a, 2 * math.pi) * float(share) if np.hypot(*second) else a


def _fit(line: Points, first: float, last: float) -> tuple[Points, float]:
    """Bezier corners (4, 2) of the cubic nearest to the points, with given end headings, and its error [m]."""
    start, end = line[0], line[-1]
    ahead = np.array([math.cos(first), math.sin(first)])
    back = -np.array([math.cos(last), math.sin(last)])
    chords = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    t = chords / chords[-1]
    corners = np.stack([start, start, end, end])
    for _ in range(ROUNDS):
        weights = _bernstein(t)
        rest = line - weights[:, :2].sum(1)[:, None] * start - weights[:, 2:].sum(1)[:, None] * end
        matrix = np.stack(
            [np.outer(weights[:, 1], ahead).ravel(), np.outer(weights[:, 2], back).ravel()], axis=1
        )
        reach, *_ = np.linalg.lstsq(matrix, rest.ravel(), rcond=None)
        reach = np.maximum(reach, chords[-1] / 20)
        corners = np.stack([start, start + reach[0] * ahead, end + reach[1] * back, end])
        t = _nearest(corners, line, t)
    error = np.linalg.norm(_bernstein(t) @ corners - line, axis=1)
    return corners, float(np.max(error))


def _bernstein(t: Points) -> Points:
    return np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], axis=1)


def _nearest(corners: Points, line: Points, t: Points) -> Points:
    """Parameters of the curve's points nearest to the given ones: one step of Newton's."""
    away = _bernstein(t) @ corners - line
    slope = _slope(corners, t)
    step = np.sum(away * slope, axis=1) / np.maximum(np.sum(slope * slope, axis=1), 1e-9)
    moved = np.clip(t - step, 0.0, 1.0)
    moved[0], moved[-1] = 0.0, 1.0
    return np.asarray(moved)


def _slope(corners: Points, t: Points) -> Points:
    legs = 3 * np.diff(corners, axis=0)
    return np.asarray(np.stack([(1 - t) ** 2, 2 * t * (1 - t), t * t], axis=1) @ legs)


def _cubic(corners: Points) -> Piece:
    heading = math.atan2(*(corners[1] - corners[0])[::-1])
    c, s = math.cos(heading), math.sin(heading)
    local = (corners - corners[0]) @ np.array([[c, -s], [s, c]])
    b = 3 * (local[1] - local[0])
    cc = 3 * (local[2] - 2 * local[1] + local[0])
    d = local[3] - 3 * local[2] + 3 * local[1] - local[0]
    t = (np.arange(400) + 0.5) / 400
    length = float(np.mean(np.linalg.norm(_slope(corners, t), axis=1)))
    x, y = (float(value) for value in corners[0])
    coefficients = (b[0], cc[0], d[0], b[1], cc[1], d[1])
    return Piece(x, y, heading, length, tuple(float(value) for value in coefficients))
