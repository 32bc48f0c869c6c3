"""What team agents read off CARLA's client objects and their evaluator's; nothing of CARLA is imported for that."""

from __future__ import annotations

import math
from typing import Any

from laco_langcoop.geometry import Route

REACH = 60.0  # [m] within which others are told where a planner YAML asks for the simulator's truth
MOST = 128  # of them, the nearest
SLIMMEST = 0.1  # [m] half of the least width: some walkers' boxes are flat, and the wire knows no flat ones
ROAD_USERS = ("vehicle.", "walker.")


def speedometer(package: Any) -> float | None:
    """[m/s] forward from a speedometer's `(frame, data)`; None where it said nothing."""
    data = package[1] if package is not None else None
    if isinstance(data, dict):
        data = data.get("speed", (data.get("move_state") or {}).get("speed"))
    return None if data is None or not math.isfinite(float(data)) else float(data)


def planned(agent: Any, idx: int | None) -> Route | None:
    """The route that an evaluator gave its agent, dense if it has that. idx: of the ego, None where plans are flat."""
    for name in ("_global_plan_world_coord_all", "_global_plan_world_coord"):
        plan = getattr(agent, name, None)
        if plan and idx is not None:
            plan = plan[idx] if idx < len(plan) else None
        if plan:
            points = [(step[0].location.x, step[0].location.y) for step in plan]
            return Route(points) if len(set(points)) > 1 else None
    return None


def pose(actor: Any) -> tuple[float, float, float]:
    """x, y [m] and yaw [rad] of an actor's middle."""
    place = actor.get_transform()
    return place.location.x, place.location.y, math.radians(place.rotation.yaw)


def others(world: Any, actor: Any) -> list[list[float]]:
    """All road users near an actor as objects of the wire, whether it can see them or not: the simulator's truth."""
    here = pose(actor)
    near = []
    for other in world.get_actors():
        if other.id != actor.id and other.type_id.startswith(ROAD_USERS):
            there = pose(other)
            away = math.hypot(there[0] - here[0], there[1] - here[1])
            if away <= REACH:
                near.append((away, other, there))
    return [_object(other, there) for _, other, there in sorted(near, key=lambda one: one[0])[:MOST]]


def _object(other: Any, there: tuple[float, float, float]) -> list[float]:
    drive, half = other.get_velocity(), other.bounding_box.extent
    return [*there, math.hypot(drive.x, drive.y), max(SLIMMEST, half.x), max(SLIMMEST, half.y)]
