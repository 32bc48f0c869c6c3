"""The sensors of an episode: which are due in a frame, and who hears what they measured."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.records import sensor_message
from laco.scenarios.server.sensors.base import Sensor, Site
from laco.scenarios.server.sensors.kinds import KINDS

if TYPE_CHECKING:
    from laco.scenarios.server.simulation import Simulation

log = logging.getLogger(__name__)

FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError)
SLACK = 1e-6  # [s] of rounding in sums of ticks


class Suite:
    """Every sensor that sends data of its own, in the order in which they came."""

    def __init__(self, simulation: "Simulation", kinds: Mapping[str, type[Sensor]] = KINDS) -> None:
        self._simulation = simulation
        self._site = Site(simulation)
        self._kinds = kinds
        self._sensors: dict[int, Sensor] = {}

    def add(self, actor: Actor) -> None:
        """Take up a sensor. Raises `RefusedError` when it cannot work: bad settings, a package that is not
        installed."""
        self._sensors[actor.id] = self._kinds[actor.blueprint.id](self._site, actor)

    def remove(self, id: int) -> None:
        """Forget a sensor; other ids are ignored."""
        sensor = self._sensors.pop(id, None)
        if sensor is not None:
            sensor.close()

    def look(self) -> None:
        """Let every sensor that is due measure the present frame, if anyone listens."""
        now, hub = self._simulation.world.elapsed, self._simulation.hub
        for sensor in tuple(self._sensors.values()):
            late = now - sensor.due
            if late >= -SLACK:
                dt, sensor.last = round(now - sensor.last, 9), now
                sensor.due = (sensor.due if late < sensor.period else now) + sensor.period
                if hub.heard(sensor.actor.stream_id):
                    self._tell(sensor, dt)

    def close(self) -> None:
        """The episode is over."""
        for id in tuple(self._sensors):
            self.remove(id)
        self._site.close()

    def _tell(self, sensor: Sensor, dt: float) -> None:
        simulation, actor = self._simulation, sensor.actor
        try:
            for body in sensor.measure(dt):
                message = sensor_message(sensor.kind, actor, simulation.world, body)
                simulation.hub.publish(actor.stream_id, message, simulation.lockstep)
        except FAULTS as error:  # one sensor's fault must not end the world
            log.warning(
                "%s %d falls silent: %s: %s", actor.blueprint.id, actor.id, type(error).__name__, error
            )
            self.remove(actor.id)
