"""A route is a polyline on the ground plane, measured along its length."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


WINDOW = 20.0  # [m] either way in which a vehicle is looked for that was somewhere a moment ago


@dataclass(frozen=True, eq=False)
class Route:
    """Points [n, 2] in metres, at most a metre or so apart, and the distance [n] along them."""

    points: Array
    distance: Array

    @classmethod
    def through(cls, points: Array, spacing: float = 1.0) -> "Route":
        """Resample a polyline [k, 2] at about `spacing` [m]."""
        steps = np.hypot(*np.diff(points, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        distance = np.linspace(0.0, along[-1], max(2, round(along[-1] / spacing) + 1))
        return cls(np.stack([np.interp(distance, along, points[:, i]) for i in (0, 1)], axis=1), distance)

    @property
    def length(self) -> float:
        """[m]"""
        return float(self.distance[-1])

    def project(self, x: float, y: float, near: float | None = None) -> tuple[float, float]:
        """Distance along the route of the nearest point on it, and offset from it (right positive), [m].

        near: where it was a moment ago [m]; a route that crosses itself is then not taken at its other branch.
        """
        first, last = (0, len(self.points)) if near is None else self._window(near)
        along, side = self._project(x, y, self.points[first:last], self.distance[first:last])
        return along, side

    def _window(self, near: float) -> tuple[int, int]:
        first = int(np.searchsorted(self.distance, near - WINDOW))
        last = int(np.searchsorted(self.distance, near + WINDOW)) + 1
        return max(0, min(first, len(self.points) - 2)), min(max(last, 2), len(self.points))

    @staticmethod
    def _project(x: float, y: float, points: Array, distance: Array) -> tuple[float, float]:
        here = np.array([x, y])
        start, step = points[:-1], np.diff(points, axis=0)
        share = ((here - start) * step).sum(1) / (step**2).sum(1)
        away = start + np.clip(share, 0.0, 1.0)[:, None] * step - here
        best = int(np.argmin((away**2).sum(1)))
        span = float(np.hypot(*step[best]))
        side = (step[best, 0] * -away[best, 1] - step[best, 1] * -away[best, 0]) / span
        return float(distance[best] + np.clip(share[best], 0.0, 1.0) * span), float(side)

    def at(self, distance: Array) -> Array:
        """Points [k, 2] at distances [k]; past the end the last piece goes straight on."""
        inside = np.clip(distance, 0.0, self.length)
        found = np.stack([np.interp(inside, self.distance, self.points[:, i]) for i in (0, 1)], axis=1)
        last = self.points[-1] - self.points[-2]
        beyond = np.maximum(distance - self.length, 0.0)[:, None] * (last / np.hypot(*last))
        return np.asarray(found + beyond)
