"""Shows SUMO what it does not move: cars, people and things of clients, as guests that are set to their places.

A guest's route has to lead past the next junction, else cars there do not give way to it (eclipse-sumo/sumo#6140).
It is guessed: as the guest blinks, else straight on.
"""

from collections.abc import Iterable
from typing import Any

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.traffic.cast import Cast
from laco.scenarios.server.traffic.demand import Demand
from laco.scenarios.server.traffic.frame import to_sumo
from laco.scenarios.server.traffic.network import Network
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

ANYWHERE = 2  # keepRoute of moveToXY: exactly there, on or off the road
HIGH = 3.0  # [m] above or below the road: nothing drives into it
BLINKS = ((32, "l"), (16, "r"))  # light flags of the protocol, SUMO's directions


class Mirror:
    """Guests of SUMO, one for each body on or near a road that SUMO does not move."""

    def __init__(
        self, sumo: Any, world: World, network: Network, cast: Cast, demand: Demand, step: float
    ) -> None:
        self._sumo, self._world, self._network, self._cast, self._demand = sumo, world, network, cast, demand
        self._step = step
        self._revision = -1
        self._bodies: list[Solid] = []
        self._guests: dict[str, Solid] = {}  # those near a road
        self._edges: dict[str, str] = {}  # where each was last given a route

    @property
    def guests(self) -> list[Solid]:
        """The bodies that SUMO is shown."""
        return list(self._guests.values())

    def _others(self) -> list[Solid]:
        """All bodies that SUMO does not move."""
        if self._revision != self._world.revision:
            self._revision = self._world.revision
            self._bodies = sorted(
                (s for s in self._world.bodies.solids if not s.puppet), key=lambda solid: solid.id
            )
        return self._bodies

    def show(self) -> None:
        """Move the guests to where their bodies will be at the end of SUMO's next step; those near a road have one."""
        there = {}
        for solid in self._others():
            x, y = solid.x + solid.vx * self._step, solid.y + solid.vy * self._step
            x, y, angle = to_sumo(x, y, solid.yaw, 2 * solid.half_length)
            if not self._network.near(x, y) or abs(solid.z - self._world.roads.ground(solid.x, solid.y)) > HIGH:
                continue
            name = f"guest {solid.id}"
            there[name] = solid
            if name not in self._guests:
                self._add(name, solid)
            if isinstance(solid, Walker):
                self._sumo.person.moveToXY(name, "", x, y, angle, ANYWHERE)
            else:
                self._sumo.vehicle.moveToXY(name, "", -1, x, y, angle, ANYWHERE)
        for name in self._guests:
            if name not in there:
                self._remove(name)
        self._guests = there

    def forget(self, names: Iterable[str]) -> None:
        """SUMO takes guests that come to the end of their route: they come anew in the next step."""
        for name in names:
            self._guests.pop(name, None)
            self._edges.pop(name, None)

    def direct(self) -> None:
        """After SUMO's step: give guests that have come to another edge a way on."""
        for name, solid in self._guests.items():
            if isinstance(solid, Walker):
                continue
            edge = self._sumo.vehicle.getLaneID(name).rpartition("_")[0]  # none: off the lanes
            if edge and not edge.startswith(":") and self._edges.get(name) != edge:
                self._edges[name] = edge
                self._sumo.vehicle.setRoute(name, self._network.ahead(edge, _wish(solid)))

    def _add(self, name: str, solid: Solid) -> None:
        if isinstance(solid, Walker):
            start = (self._network.sidewalks or self._network.driving)[0]
            self._sumo.person.add(name, start, 0.0, typeID="DEFAULT_PEDTYPE")
            self._sumo.person.appendWaitingStage(name, 1e9)
            return
        kind = self._cast.guest(2 * solid.half_length, 2 * solid.half_width)
        route = self._demand.route(self._network.ahead(self._network.driving[0], "s"))
        self._sumo.vehicle.add(name, route, kind, departSpeed="0")
        self._sumo.vehicle.setSpeedMode(name, 0)
        self._sumo.vehicle.setLaneChangeMode(name, 0)

    def _remove(self, name: str) -> None:
        self._edges.pop(name, None)
        kind = self._sumo.person if isinstance(self._guests[name], Walker) else self._sumo.vehicle
        kind.remove(name)


def _wish(solid: Solid) -> str:
    lights = solid.lights if isinstance(solid, Vehicle) else 0
    return next((direction for flag, direction in BLINKS if lights & flag), "s")
