"""SUMO's traffic as a part of the simulation.

SUMO steps by 0.05 s whatever the tick is: a longer tick takes several steps, and between two steps actors are shown
on the way from one to the next, so that a shorter tick, or a length that changes, does no harm.
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from laco.errors import WorldError
from laco.scenarios.server import opendrive
from laco.scenarios.server.lights.actors import TrafficLight
from laco.scenarios.server.simulation import Part, Simulation
from laco.scenarios.server.traffic import sumo as process
from laco.scenarios.server.traffic.cast import Cast, Role
from laco.scenarios.server.traffic.caution import Caution
from laco.scenarios.server.traffic.demand import Demand
from laco.scenarios.server.traffic.mirror import Mirror
from laco.scenarios.server.traffic.network import Network
from laco.scenarios.server.traffic.puppets import Puppets
from laco.scenarios.server.traffic.signals import junctions
from laco.scenarios.server.traffic.sumo import STEP
from laco.scenarios.server.traffic.troop import Troop

log = logging.getLogger(__name__)

WARM_UP = 100  # steps at most, until all have been let in
SLACK = 1e-6  # [s] for the rounding of many ticks
EVERY = 20  # steps between two looks at who has come to the end of a walk


class Traffic:
    """One episode of it. Raises `WorldError` when SUMO is missing or its network of no use."""

    def __init__(self, simulation: Simulation, net: Path, vehicles: int, walkers: int, seed: int) -> None:
        self._world = world = simulation.world
        self._sumo: Any = process.start(net, seed)
        draw = random.Random(f"traffic {seed}")
        network = Network(self._sumo)
        _check(world.name, network, vehicles, walkers)
        cast = Cast(self._sumo, world.library, draw)
        self._demand = Demand(self._sumo, network, cast, draw, vehicles, walkers)
        self._puppets = Puppets(self._sumo, world, STEP)
        self._mirror = Mirror(self._sumo, world, network, cast, self._demand, STEP)
        self._caution = Caution(self._sumo, world, self._puppets, STEP)
        lights = [actor for actor in world.actors.values() if isinstance(actor, TrafficLight)]
        self._junctions = junctions(self._sumo, opendrive.parse(world.roads.xodr), lights)
        self._ahead = 0.0  # [s] of SUMO before the world
        self._steps = 0
        self._warm_up(vehicles + walkers)

    def before(self, dt: float) -> None:
        """Move SUMO on, and our actors with it, before the world's own step."""
        for troop, name in tuple(self._puppets.gone()):
            troop.kind.remove(name)
            troop.leave(name)
            self._demand.forget([name])
        self._caution.notice()
        self._ahead -= dt
        while self._ahead < -SLACK:
            self._step()
            self._ahead += STEP
        self._puppets.show(1.0 - self._ahead / STEP, dt)

    def after(self, dt: float) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """End SUMO."""
        process.stop()

    def _warm_up(self, wanted: int) -> None:
        for _ in range(WARM_UP):
            self._step()
            if len(self._puppets.cars) + len(self._puppets.walkers) >= wanted:
                break
        self._puppets.show(1.0, 1.0)

    def _step(self) -> None:
        self._demand.fill()
        if self._steps % EVERY == 0:
            self._demand.lead_on()
        for junction in self._junctions:
            junction.show()
        self._mirror.show()
        self._caution.act(self._mirror.guests)
        self._sumo.simulation.step()
        self._steps += 1
        self._come_and_go()
        self._puppets.follow()
        self._mirror.direct()

    def _come_and_go(self) -> None:
        news = self._sumo.simulation
        arrived = sorted((*news.getArrivedIDList(), *news.getArrivedPersonIDList()))
        for name in arrived:
            self._puppets.dismiss(name)
        self._demand.forget(arrived)
        self._mirror.forget(arrived)
        self._welcome(self._puppets.cars, news.getDepartedIDList(), self._demand.cars)
        self._welcome(self._puppets.walkers, news.getDepartedPersonIDList(), self._demand.walkers)

    def _welcome(self, troop: Troop, names: Iterable[str], roles: Mapping[str, Role]) -> None:
        """Guests depart, too, but have no role. What finds no room in the world leaves SUMO again."""
        for name in sorted(names):
            role = roles.get(name)
            if role is not None and not self._puppets.welcome(troop, name, role):
                troop.kind.remove(name)
                self._demand.forget([name])


class NoTraffic:
    """The part on a map that SUMO has no network of."""

    def before(self, dt: float) -> None:
        """Nothing."""

    def after(self, dt: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def make_traffic(
    nets: Mapping[str, Path], vehicles: int, walkers: int, seed: int
) -> Callable[[Simulation], Part]:
    """What makes the traffic of each episode. `nets` are SUMO networks by the names of the maps; a map that a client
    sends (`generate_opendrive_world`) is known by its text. The first episode raises `WorldError` when its map has
    none; later ones go on without traffic, and say so in the log."""
    if vehicles < 0 or walkers < 0:
        raise WorldError(f"there cannot be {min(vehicles, walkers)} cars or walkers")

    def make(simulation: Simulation) -> Part:
        world = simulation.world
        name = next((key for key in nets if simulation.maps.get(key) == world.roads.xodr), world.name)
        net = nets.get(name)
        try:
            if net is None:
                raise WorldError(
                    f"no traffic on map {world.name}: it has no SUMO network (NAME.net.xml beside it)"
                )
            return Traffic(simulation, net, vehicles, walkers, seed)
        except WorldError as error:
            process.stop()
            if simulation.episode == 1:
                raise
            log.warning("%s", error)
            return NoTraffic()

    return make


def _check(name: str, network: Network, vehicles: int, walkers: int) -> None:
    if vehicles and not network.driving:
        raise WorldError(f"no traffic on map {name}: no lane of its SUMO network is for cars")
    if walkers and len(network.sidewalks) < 2:
        raise WorldError(f"no walkers on map {name}: its SUMO network has no sidewalks")
