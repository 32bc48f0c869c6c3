"""Thinning of plans."""

from __future__ import annotations

from typing import Any

from agents.navigation.local_planner import RoadOption


def downsample_route(route: list[Any], sample_factor: float) -> list[int]:
    """Which points of a dense plan stay: one each `sample_factor` [m], where a turn begins or ends, and the last."""
    kept, travelled = [], sample_factor + 1.0
    for i, (transform, option) in enumerate(route):
        before = route[i - 1] if i else None
        if before is not None:
            travelled += transform.location.distance(before[0].location)
        turns = before is not None and option != before[1] and RoadOption.LANEFOLLOW in (option, before[1])
        if turns or travelled > sample_factor or i == len(route) - 1:
            kept.append(i)
            travelled = 0.0
    return kept
