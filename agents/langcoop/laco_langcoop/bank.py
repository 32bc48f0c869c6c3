"""One vehicle's part of LangCoop's `perception_memory_bank`, as the wire's `observe` tells it.

The traps: `detmap_pose` is a point 12 m ahead of the lidar, which sits 1.3 m ahead of the vehicle's middle, in axes
[-Yw, Xw, compass + pi/2]; `target` is [right, -forward], clipped, and only the next point of the route; there is no
speed, and entries are 0.2 s apart.
Arrays may be numpy's or torch's, on any device; torch is not imported for that.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List

import numpy as np

from laco_langcoop.board import Facts
from laco_langcoop.errors import LacoError
from laco_langcoop.geometry import Point, Pose, straight, world, wrapped
from laco_langcoop.sensors import image
from laco_langcoop.simulator import MOST, SLIMMEST

AHEAD = 12.0 + 1.3  # [m] from the vehicle's middle to the point of detmap_pose
FRAME = 0.2  # [s] between two entries where they carry no times
MORE = 60.0  # [m] of route that are taken to be left where only its next point is known: all that a driver looks at
Bank = List[Dict[str, Any]]


def array(value: Any) -> Any:
    """A numpy array of anything that is one, wherever it lies."""
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    return np.asarray(value)


def look(entry: dict[str, Any], name: str, idx: int) -> Any:
    """One vehicle's row of an array of the bank."""
    if name not in entry:
        raise LacoError(f"the memory bank has no {name}: this LangCoop is not the one that LACO knows")
    there = entry[name]
    if idx >= len(there):
        raise LacoError(f"the memory bank has {name} for {len(there)} vehicles, and ego{idx} is asked for")
    return array(there[idx])


def rows(entry: dict[str, Any]) -> int:
    """How many vehicles an entry is about."""
    return len(entry.get("target", ()))


def clock(entry: dict[str, Any]) -> float:
    """[s] of simulated time. Decisions are told apart by it."""
    if entry.get("timestamp") is None:
        raise LacoError("the memory bank has no timestamp: this LangCoop is not the one that LACO knows")
    return float(entry["timestamp"])


def pose(entry: dict[str, Any], idx: int) -> Pose:
    """Of the middle of the vehicle."""
    west, east, turned = (float(value) for value in look(entry, "detmap_pose", idx)[:3])
    yaw = wrapped(turned - math.pi)
    x, y = world((east, -west, yaw), 0.0, -AHEAD)
    return x, y, yaw


def speed(bank: Bank, idx: int) -> float:
    """[m/s] along the heading, from the last two poses; never backwards, 0 where there is only one."""
    if len(bank) < 2:
        return 0.0
    (x0, y0, _), (x1, y1, yaw) = pose(bank[-2], idx), pose(bank[-1], idx)
    passed = float(bank[-1].get("timestamp", 0.0)) - float(bank[-2].get("timestamp", 0.0))
    forward = (x1 - x0) * math.cos(yaw) + (y1 - y0) * math.sin(yaw)
    return max(0.0, forward / (passed if passed > 1e-3 else FRAME))


def target(entry: dict[str, Any], idx: int, here: Pose) -> Point:
    """The next point of the route, in the world."""
    right, backward = (float(value) for value in look(entry, "target", idx)[:2])
    return world(here, right, -backward)


def picture(entry: dict[str, Any], idx: int) -> dict[str, Any]:
    """The front camera's rows of RGB bytes."""
    pixels = look(entry, "rgb_front", idx)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise LacoError(f"rgb_front of ego{idx} has shape {pixels.shape}, not [height, width, 3]")
    return image(pixels)


def boxes(entry: dict[str, Any], idx: int, here: Pose) -> list[list[float]]:
    """What LangCoop's perception found, as objects of the wire; their speeds are unknown and told as 0.

    Corners [k, 8, 3] or [k, 4, 2], the first four at one height, in the vehicle's frame [right, forward]: what is left
    of opencood's boxes after LangCoop's own transformation. Anything else is passed over.
    """
    found = entry.get("object_list")
    if found is None or len(found) <= idx or found[idx] is None or len(found[idx]) == 0:
        return []
    corners = array(found[idx]).astype(float)
    if corners.ndim != 3 or corners.shape[1] < 4 or corners.shape[2] < 2 or not np.isfinite(corners).all():
        return []
    return [_box(four, here) for four in corners[:MOST, :4, :2]]


def _box(corners: Any, here: Pose) -> list[float]:
    """corners: [4, 2] in order around the box."""
    right, forward = corners.mean(axis=0)
    x, y = world(here, float(right), float(forward))
    edges = sorted((corners[1] - corners[0], corners[2] - corners[1]), key=lambda edge: -float(np.hypot(*edge)))
    yaw = wrapped(here[2] + math.atan2(float(edges[0][0]), float(edges[0][1])))
    half = [max(SLIMMEST, float(np.hypot(*edge)) / 2.0) for edge in edges]
    return [x, y, yaw, 0.0, half[0], half[1]]


def view(bank: Bank, idx: int, facts: Facts, limit: float) -> dict[str, Any]:
    """The fields of `observe` that the vehicle sees, without run, moment and who else is there.

    facts: what the team agent knows beside the bank; without it the route is the straight way to the target.
    """
    entry = bank[-1]
    here = pose(entry, idx)
    if facts.route is not None:
        route, remaining = facts.route.ahead(here[0], here[1])
    else:
        route = straight(here[:2], target(entry, idx, here))
        remaining = MORE
    objects = facts.objects if facts.objects is not None else boxes(entry, idx, here)
    rate = facts.speed if facts.speed is not None else speed(bank, idx)
    return {"pose": list(here), "speed": float(rate), "size": list(facts.size), "route": [list(p) for p in route],
            "remaining": float(remaining), "limit": float(limit), "objects": objects,
            "image": picture(entry, idx)}  # fmt: skip
