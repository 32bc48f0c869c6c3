"""Oriented boxes on the ground plane: the one overlap test that world, perception and scoring share.

A box is `(x, y, yaw, half_length, half_width)`, [m] and [rad].
"""

import math

Box = tuple[float, float, float, float, float]
Point = tuple[float, float]


def overlap(a: Box, b: Box) -> bool:
    """Whether two oriented boxes share a point (separating axis test)."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    reach = math.hypot(a[3], a[4]) + math.hypot(b[3], b[4])
    if dx * dx + dy * dy > reach * reach:
        return False
    turn = b[2] - a[2]
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    ca, sa = math.cos(a[2]), math.sin(a[2])
    if abs(dx * ca + dy * sa) > a[3] + b[3] * c + b[4] * s:
        return False
    if abs(dy * ca - dx * sa) > a[4] + b[3] * s + b[4] * c:
        return False
    cb, sb = math.cos(b[2]), math.sin(b[2])
    if abs(dx * cb + dy * sb) > b[3] + a[3] * c + a[4] * s:
        return False
    return abs(dy * cb - dx * sb) <= b[4] + a[3] * s + a[4] * c


def corners(box: Box) -> list[Point]:
    """The four corners, counter-clockwise in the box's own frame from front left."""
    x, y, yaw, length, width = box
    c, s = math.cos(yaw), math.sin(yaw)
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    return [(x + i * length * c - j * width * s, y + i * length * s + j * width * c) for i, j in signs]


def segment_hits(start: Point, end: Point, box: Box) -> bool:
    """Whether the segment from `start` to `end` touches the box (slab test in the box's frame)."""
    x, y, yaw, length, width = box
    c, s = math.cos(yaw), math.sin(yaw)
    px, py = start[0] - x, start[1] - y
    dx, dy = end[0] - start[0], end[1] - start[1]
    near, far = 0.0, 1.0
    along, across = (px * c + py * s, dx * c + dy * s, length), (py * c - px * s, dy * c - dx * s, width)
    for origin, step, half in (along, across):
        if abs(step) < 1e-12:
            if abs(origin) > half:
                return False
            continue
        low, high = sorted(((-half - origin) / step, (half - origin) / step))
        near, far = max(near, low), min(far, high)
        if near > far:
            return False
    return True


def separations(a: Box, b: Box) -> list[tuple[float, float, float]] | None:
    """Ways to part two boxes: `(nx, ny, depth)` per face direction, the unit normal from `a` to `b` and how
    far `b` overlaps along it [m]; None when they do not overlap."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    turn = b[2] - a[2]
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    reach_a = a[3] + b[3] * c + b[4] * s, a[4] + b[3] * s + b[4] * c
    reach_b = b[3] + a[3] * c + a[4] * s, b[4] + a[3] * s + a[4] * c
    ca, sa, cb, sb = math.cos(a[2]), math.sin(a[2]), math.cos(b[2]), math.sin(b[2])
    ways = []
    for (nx, ny), span in zip(((ca, sa), (-sa, ca), (cb, sb), (-sb, cb)), reach_a + reach_b, strict=True):
        distance = dx * nx + dy * ny
        depth = span - abs(distance)
        if depth < 0:
            return None
        ways.append((nx, ny, depth) if distance >= 0 else (-nx, -ny, depth))
    return ways


def common_middle(a: Box, b: Box) -> Point:
    """The middle of what two overlapping boxes share: the mean of the corners of their common polygon; the point
    half-way between their centres when they only touch."""
    shape = corners(a)
    x, y, yaw, length, width = b
    c, s = math.cos(yaw), math.sin(yaw)
    for nx, ny, reach in ((c, s, length), (-s, c, width), (-c, -s, length), (s, -c, width)):
        shape = _clip(shape, nx, ny, nx * x + ny * y + reach)
    if not shape:
        return (a[0] + x) / 2, (a[1] + y) / 2
    return sum(p[0] for p in shape) / len(shape), sum(p[1] for p in shape) / len(shape)


def _clip(shape: list[Point], nx: float, ny: float, reach: float) -> list[Point]:
    """The part of a convex polygon where `nx * x + ny * y <= reach` (Sutherland and Hodgman)."""
    kept: list[Point] = []
    for i, (x, y) in enumerate(shape):
        px, py = shape[i - 1]
        here, before = nx * x + ny * y - reach, nx * px + ny * py - reach
        if (here > 0.0) != (before > 0.0):
            share = before / (before - here)
            kept.append((px + share * (x - px), py + share * (y - py)))
        if here <= 0.0:
            kept.append((x, y))
    return kept
