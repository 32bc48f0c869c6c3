"""The lights and signs of one episode, as a part of the simulation."""

from laco.scenarios.server import opendrive
from laco.scenarios.server.actors import Actor
from laco.scenarios.server.lights.actors import Sign, TrafficLight
from laco.scenarios.server.lights.cycle import Group, groups
from laco.scenarios.server.lights.signals import LIGHT, Signal, signals
from laco.scenarios.server.lights.watch import Watch
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.world import World


class Lights:
    """Puts an actor for each signal of the map into the world, and runs the lights."""

    def __init__(self, simulation: Simulation) -> None:
        world = simulation.world
        signs = [_enlist(world, signal) for signal in signals(world.roads)]
        lights = [sign for sign in signs if isinstance(sign, TrafficLight)]
        self._groups = groups(opendrive.parse(world.roads.xodr), lights) if lights else []
        self._watch = Watch(world, lights) if lights else None

    def before(self, dt: float) -> None:
        """The lights move on first: the frame shows them as they are at its time."""
        for group in self._groups:
            group.advance(dt)

    def after(self, dt: float) -> None:
        """Vehicles hear of the light they have come to."""
        if self._watch is not None:
            self._watch.look()

    def close(self) -> None:
        """Nothing to give back."""


def all_groups(world: World) -> list[Group]:
    """The groups of the lights in a world, each once, in the order of ids."""
    found: dict[int, Group] = {}
    for actor in world.actors.values():
        if isinstance(actor, TrafficLight) and actor.controller is not None:
            group = actor.controller.group
            found[id(group)] = group
    return list(found.values())


def _enlist(world: World, signal: Signal) -> Actor:
    make = TrafficLight if signal.type == LIGHT else Sign
    return world.enlist(lambda id: make(id, signal))
