"""Keeps the number of cars and people: who has left is followed by someone new."""

import random
from collections.abc import Iterable
from typing import Any

from laco.scenarios.server.traffic.cast import Cast, Role
from laco.scenarios.server.traffic.network import Network


class Demand:
    """Sends `cars` and `walkers` on their way. `sent` are those that SUMO knows, waiting ones among them."""

    def __init__(
        self, sumo: Any, network: Network, cast: Cast, random: random.Random, cars: int, walkers: int
    ) -> None:
        self._sumo, self._network, self._cast, self._random = sumo, network, cast, random
        self._counts = cars, walkers
        self._number = 0
        self._routes: dict[tuple[str, ...], str] = {}
        self._first = True  # whether the first are being sent: these may start anywhere
        self.cars: dict[str, Role] = {}
        self.walkers: dict[str, Role] = {}
        self._targets: dict[str, str] = {}  # where people walk to

    def fill(self) -> None:
        """Send as many as are missing; SUMO lets them in where there is room."""
        cars, walkers = self._counts
        while len(self.cars) < cars:
            self._send_car()
        while len(self.walkers) < walkers:
            self._send_walker()
        self._first = False

    def forget(self, ids: Iterable[str]) -> None:
        """These are gone."""
        for id in ids:
            self.cars.pop(id, None)
            self.walkers.pop(id, None)
            self._targets.pop(id, None)

    def lead_on(self) -> None:
        """Give everyone on the last leg of a walk a new one, so that people do not vanish."""
        for id in self.walkers:
            if id in self._targets and self._sumo.person.getRemainingStages(id) < 2:
                self._add_leg(id, self._targets[id])

    def _send_car(self) -> None:
        id, role = self._new("car"), self._cast.car()
        start = (
            self._network.anywhere(self._random)
            if self._first
            else self._random.choice(self._network.entries)
        )
        self._sumo.vehicle.add(
            id, self.route(self._network.drive(self._random, start)), role.type, departLane="best",
            departPos="random_free" if self._first else "base", departSpeed="max",
        )  # fmt: skip
        self.cars[id] = role

    def _send_walker(self) -> None:
        id, role, edge = (
            self._new("walker"),
            self._cast.walker(),
            self._random.choice(self._network.sidewalks),
        )
        place = self._random.uniform(0.0, self._network.lengths[edge])
        self._sumo.person.add(id, edge, place, typeID=role.type)
        self.walkers[id] = role
        self._add_leg(id, edge)

    def _add_leg(self, id: str, start: str) -> None:
        for _ in range(8):
            target = self._random.choice(self._network.sidewalks)
            edges = self._network.walk(start, target) if target != start else ()
            if edges:
                place = self._random.uniform(0.2, 0.8) * self._network.lengths[target]
                self._sumo.person.appendWalkingStage(id, list(edges), place)
                self._targets[id] = target
                return
        self._sumo.person.appendWaitingStage(id, 10.0)

    def route(self, edges: tuple[str, ...]) -> str:
        """SUMO's name of a route, the same for the same edges."""
        if edges not in self._routes:
            self._routes[edges] = f"route {len(self._routes)}"
            self._sumo.route.add(self._routes[edges], list(edges))
        return self._routes[edges]

    def _new(self, kind: str) -> str:
        self._number += 1
        return f"{kind} {self._number}"
