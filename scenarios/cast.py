"""The movers of a layout as actors of a CARLA server: what their scripts say becomes calls of the client.

A vehicle keeps its wanted speed as a constant velocity and steers with its wheels; a walker is told where to walk.
The server is told what changed, and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from laco.agents.observation import Body
from laco.scenarios.layout import Mover
from laco.scenarios.script import Script

BodyOf = Callable[[Any], Body]


class Cast:
    """All movers of one run."""

    def __init__(self, movers: Sequence[Mover], actors: Mapping[str, Any]) -> None:
        """actors: the server's, by role."""
        self._parts = [_Part(Script(mover), actors[mover.role]) for mover in movers]

    def play(self, time: float, along: Mapping[str, float], body_of: BodyOf) -> None:
        """The next tick's orders. Raises: RuntimeError if the server does not answer."""
        for part in self._parts:
            part.play(time, along, body_of(part.actor))

    def meet(self, ego: Body, body_of: BodyOf) -> None:
        """Who touches this ego stops."""
        for part in self._parts:
            if part.script.meet(body_of(part.actor), ego):
                part.stop()


class _Part:
    def __init__(self, script: Script, actor: Any) -> None:
        self.script, self.actor = script, actor
        self._walks = script.mover.placement.walks
        self._told: tuple[float, ...] = ()
        if not self._walks:
            self._tell((script.mover.placement.speed, 0.0), self._drive)

    def play(self, time: float, along: Mapping[str, float], body: Body) -> None:
        if self.script.over:
            return
        speed = self.script.speed(time, along)
        if self._walks:
            self._tell((speed, *self.script.direction(body)), self._walk)
        else:
            self._tell((speed, round(self.script.steer(body), 6)), self._drive)

    def _tell(self, order: tuple[float, ...], how: Callable[..., None]) -> None:
        if order != self._told:
            how(*order)
            self._told = order

    def _drive(self, speed: float, steer: float) -> None:
        import carla

        if self._told[:1] != (speed,):
            self.actor.enable_constant_velocity(carla.Vector3D(speed, 0.0, 0.0))
        if self._told[1:] != (steer,):
            self.actor.apply_control(carla.VehicleControl(steer=steer))

    def _walk(self, speed: float, x: float, y: float) -> None:
        import carla

        self.actor.apply_control(carla.WalkerControl(carla.Vector3D(x, y, 0.0), speed))

    def stop(self) -> None:
        """It has met somebody: it no longer pushes on."""
        import carla

        if self._walks:
            self.actor.apply_control(carla.WalkerControl(carla.Vector3D(1.0, 0.0, 0.0), 0.0))
        else:
            self.actor.disable_constant_velocity()
            self.actor.apply_control(carla.VehicleControl(brake=1.0))
