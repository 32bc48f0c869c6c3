"""Which point of the thinned plan is next."""

from __future__ import annotations

from typing import Any

import numpy as np


class RoutePlanner:
    """Points by ego in metres, [-y, x] of the world, which is [latitude, longitude] scaled."""

    def __init__(self, min_distance: float, max_distance: float) -> None:
        self.route: list[list[tuple[Any, Any]]] = []
        self.min_distance, self.max_distance = min_distance, max_distance  # [m]
        self.mean = np.array([0.0, 0.0])
        self.scale = np.array([111324.60662786, 111319.490945])

    def set_route(self, global_plan: list[Any], gps: bool = False) -> None:
        assert gps
        self.route = [
            [((np.array([at["lat"], at["lon"]]) - self.mean) * self.scale, option) for at, option in plan]
            for plan in global_plan
        ]

    def run_step(self, gps: Any, vehicle_num: int) -> tuple[Any, Any]:
        """The point after the one that was reached last; two always stay."""
        route = self.route[vehicle_num]
        if len(route) == 1:
            return route[0]
        reached, farthest, along = 0, -np.inf, 0.0
        for i in range(1, len(route)):
            if along > self.max_distance:
                break
            along += np.linalg.norm(route[i][0] - route[i - 1][0])
            distance = np.linalg.norm(route[i][0] - gps)
            if farthest < distance <= self.min_distance:
                reached, farthest = i, distance
        del route[: min(reached, len(route) - 2)]
        return route[1]
