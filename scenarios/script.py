"""A mover's script as it is played: when its clock started, how fast it goes, how it steers. No server, no physics."""

import math
from collections.abc import Mapping

import numpy as np

from laco.agents.control import steering
from laco.agents.observation import Body
from laco.agents.route import Route
from laco.geometry import overlap
from laco.scenarios.layout import Mover

LOOK_TIME, LOOK_LEAST, LOOK_MOST = 0.4, 2.5, 8.0  # [s], [m] how far ahead a driven mover aims
TOUCH = 0.15  # [m] boxes nearer than this have met


class Script:
    """One mover's part in one run."""

    def __init__(self, mover: Mover) -> None:
        self.mover = mover
        self.over = False  # whether it has met an ego, and stands
        self._path = Route.through(mover.path)
        self._times, self._speeds = np.array(mover.profile).T
        self._since: float | None = None

    def speed(self, time: float, along: Mapping[str, float]) -> float:
        """Wanted speed [m/s] at `time` [s], once every ego has covered `along` [m] of its route."""
        if self.over:
            return 0.0
        gate = self.mover.gate
        if self._since is None and (gate is None or along[gate.ego] >= gate.along):
            self._since = time
        if self._since is None:
            return self.mover.placement.speed
        return float(np.interp(time - self._since, self._times, self._speeds))

    def steer(self, body: Body) -> float:
        """Steering wheel in -1..1: the arc through a point of the path a little ahead."""
        x, y = self._aim(body)
        c, s = math.cos(body.yaw), math.sin(body.yaw)
        right = y * c - x * s
        return steering(math.degrees(2 * right / max(x * x + y * y, 1.0)))

    def direction(self, body: Body) -> tuple[float, float]:
        """Unit vector towards the path a little ahead."""
        x, y = self._aim(body)
        reach = math.hypot(x, y)
        return x / reach, y / reach

    def _aim(self, body: Body) -> tuple[float, float]:
        done, _ = self._path.project(body.x, body.y)
        look = min(max(LOOK_TIME * abs(body.speed), LOOK_LEAST), LOOK_MOST)
        ((x, y),) = self._path.at(np.array([done + look]))
        return float(x) - body.x, float(y) - body.y

    def meet(self, body: Body, ego: Body) -> bool:
        """Whether it touches this ego now, for the first time. Seen from the boxes, not told by a sensor: sensors'
        events come on threads of the client, whenever they come, and the run must not depend on that."""
        if self.over or math.hypot(body.x - ego.x, body.y - ego.y) > 12.0:
            return False
        self.over = overlap(ego.box, (body.x, body.y, body.yaw, body.half_length + TOUCH, body.half_width + TOUCH))
        return self.over
