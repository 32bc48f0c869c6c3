"""All vehicles of an evaluator that leaves everything to its agent: from what they sense to pedals, tick by tick."""

from __future__ import annotations

from typing import Any, NamedTuple

from laco_langcoop import plans
from laco_langcoop.board import BOARD, SIZE
from laco_langcoop.charging import Hold
from laco_langcoop.config import settings
from laco_langcoop.controller import STOP, Controller, Pedals
from laco_langcoop.errors import LacoError
from laco_langcoop.fleet import Decision, Fleet
from laco_langcoop.geometry import Pose, Route
from laco_langcoop.plans import Plan
from laco_langcoop.prompts import prompts
from laco_langcoop.sensors import image
from laco_langcoop.settings import vehicle

TICK = 0.05  # [s]


class Sensed(NamedTuple):
    """pose of the middle, speed [m/s], picture [height, width, 3], the route, and others as the wire's `objects`."""

    pose: Pose
    speed: float
    rgb: Any
    route: Route
    objects: list[list[float]]


class Convoy:
    """count: vehicles, `ego0` and so on, each with a server in the planner's endpoints."""

    def __init__(self, config: dict[str, Any], count: int) -> None:
        self.settings = settings(config)
        lacking = [vehicle(i) for i in range(count) if vehicle(i) not in self.settings.endpoints]
        if lacking:
            raise LacoError("planner YAML: endpoints lacks {}".format(", ".join(lacking)))
        self.fleet = Fleet(self.settings)
        self.truth = self.settings.objects == "truth"
        self._config = config
        self._skip = int((config.get("simulation") or {}).get("skip_frames", 4))
        self._hold = Hold(self.settings.charge)
        self._controllers = [Controller() for _ in range(count)]
        self._plans: list[Plan] = [plans.brake(0.0)] * count
        self._force: list[Pedals] = [STOP] * count
        self._tick = self._moment = -1
        BOARD.begin()

    def step(self, sensed: list[Sensed | None], now: float) -> list[Pedals | None]:
        """One tick at simulated time `now` [s]. None for a vehicle that is not there, and None back for it."""
        if self._tick < 0:
            self._begin()
        self._tick += 1
        here = [i for i, one in enumerate(sensed) if one is not None]
        if here and self._tick % self._skip == 0 and not self._hold.busy(self._tick):
            self._decide(sensed, here, now)
        if not self._hold.busy(self._tick):
            for i in here:
                one = sensed[i]
                if one is not None:
                    self._force[i] = self._controllers[i].pedals(self._plans[i], now, one.speed)
        return [None if one is None else pedals for one, pedals in zip(sensed, self._force)]

    def due(self) -> bool:
        """Whether the next tick begins a decision."""
        return (self._tick + 1) % self._skip == 0

    def close(self) -> None:
        """Say bye to the servers."""
        self.fleet.end()

    def _begin(self) -> None:
        names = [vehicle(i) for i in range(len(self._plans))]
        self.fleet.begin(BOARD.run(self.settings.run), names, TICK * self._skip, prompts(self._config))

    def _decide(self, sensed: list[Sensed | None], here: list[int], now: float) -> None:
        self._moment += 1
        views = {vehicle(i): self._view(sensed[i]) for i in here}
        self.fleet.observe(self._moment, now, views, sorted(views))
        found: dict[int, Decision] = {i: self.fleet.decide(vehicle(i)) for i in here}
        for i, decision in found.items():
            self._plans[i] = decision.plan
        self._hold.start(self._tick, max(decision.seconds for decision in found.values()))

    def _view(self, one: Any) -> dict[str, Any]:
        route, remaining = one.route.ahead(one.pose[0], one.pose[1])
        return {"pose": list(one.pose), "speed": max(0.0, one.speed), "size": list(SIZE),
                "route": [list(point) for point in route], "remaining": remaining,
                "limit": float(self.settings.limit), "objects": one.objects, "image": image(one.rgb)}  # fmt: skip
