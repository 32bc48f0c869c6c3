"""The world plus what a client may change about it: settings, weather, map, and who is told what happens."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from laco.errors import LacoError
from laco.scenarios.server import records
from laco.scenarios.server.actors import Actor
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.remembered import Remembered
from laco.scenarios.server.sensors.suite import Suite
from laco.scenarios.server.streaming import EPISODE_STREAM, Hub, Subscriber, token
from laco.scenarios.server.world import World

TICK = 0.05  # [s] when the client fixes none
OPENDRIVE_MAP = "OpenDriveMap"
CLEAR_NOON = [5.0, 0.0, 0.0, 10.0, 220.0, 45.0, 2.0, 0.75, 0.1, 0.0, 1.0, 0.03, 0.0331, 0.0]


def default_settings() -> list[Any]:
    """The protocol's EpisodeSettings as they are at start."""
    return [False, False, [False], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]


class Part(Protocol):
    """Something that acts on the world from tick to tick: traffic lights, traffic. Made anew for each episode."""

    def before(self, dt: float) -> None:
        """Act before the world moves on by `dt` [s]."""

    def after(self, dt: float) -> None:
        """Act after it has moved, before the frame is told."""

    def close(self) -> None:
        """The episode is over."""


class Simulation:
    """A world that can be replaced, its settings, and the streams. `maps` are OpenDRIVE texts by name; `parts`
    make what acts on the world."""

    def __init__(
        self,
        maps: dict[str, str],
        start: str,
        seed: int = 0,
        parts: "Sequence[Callable[[Simulation], Part]]" = (),
    ) -> None:
        self.maps = maps
        self.seed = seed
        self.hub = Hub()
        self.stream_port = 0
        self._take(default_settings())
        self.weather: list[Any] = list(CLEAR_NOON)
        self.episode = 1
        self.world = World(maps[start], start, seed)
        self.traffic_managers: dict[int, str] = {}
        self.remembered = Remembered()
        self._frame = records.EpisodeFrame()
        self._flags = 0
        self.unseen = False  # whether sensors have yet to look at the present frame
        self._makers = parts
        self._parts = [make(self) for make in parts]
        self._sensors = Suite(self)

    def configure(self, settings: list[Any]) -> None:
        """Take on new EpisodeSettings; raises `RefusedError` for a tick that is no positive length of
        time."""
        fixed = settings[2]
        if len(fixed) > 1 and fixed[0] and not (math.isfinite(fixed[1]) and 0.0 <= fixed[1] <= 10.0):
            raise RefusedError(f"fixed_delta_seconds is {fixed[1]}, not within 0 to 10 s")
        if len(fixed) > 1 and not fixed[1]:
            settings = [*settings[:2], [False], *settings[3:]]
        self._take(settings)

    def _take(self, settings: list[Any]) -> None:
        """What a tick needs to know of the settings, worked out once."""
        self.settings = settings
        self.lockstep = bool(settings[0])  # whether a client's ticks, and nothing else, move time
        fixed, substepping, length, most = settings[2:6]
        self.dt = float(fixed[1]) if len(fixed) > 1 and fixed[0] else TICK  # [s]
        wanted = math.ceil(self.dt / length - 1e-9) if substepping and length > 0.0 else 1
        self.substeps = max(1, min(int(most), wanted))  # of a tick

    def tick(self) -> int:
        """Step the world and tell the listeners; answers the frame number."""
        world, dt = self.world, self.dt
        self.observe()
        for part in self._parts:
            part.before(dt)
        world.step(dt, self.substeps)
        for part in self._parts:
            part.after(dt)
        buffer = self._frame.pack(world, self.episode, dt, self._flags)
        self._flags = 0
        self.hub.publish(EPISODE_STREAM, buffer, self.lockstep)
        self.unseen = True
        return world.frame

    def observe(self) -> None:
        """Let sensors look at the present frame, once. Whoever changes the world must call it first; the server
        does so after it has answered a tick, while the client is already at work."""
        if self.unseen:
            self.unseen = False
            self._sensors.look()

    def close(self) -> None:
        """End what acts on the world."""
        self._sensors.close()
        for part in self._parts:
            part.close()

    def subscribe(self, stream_id: int, subscriber: Subscriber) -> None:
        """Add a listener. One of the episode hears the last frame at once: whoever joins while nobody ticks
        would otherwise know of no actor, and wait in vain for the frame that its settings are answered
        with."""
        self.hub.subscribe(stream_id, subscriber)
        if stream_id == EPISODE_STREAM and self._frame.buffer:
            subscriber.offer(self._frame.buffer, self.lockstep)

    def load(self, name: str, reset_settings: bool) -> None:
        """Start a new episode: the named map, or the present one when `name` is empty. Raises `RefusedError`,
        with the old episode untouched, when there is no such map or it cannot be used."""
        name = name.rsplit("/", 1)[-1] or self.world.name
        if name not in self.maps:
            raise RefusedError(f"Map '{name}' not found")  # as CARLA says it
        old = self.world
        try:
            new = World(self.maps[name], name, self.seed, frame=old.frame, next_id=old.next_id)
        except LacoError as error:
            raise RefusedError(str(error)) from error
        for actor in old.actors.values():
            self.hub.close(actor.stream_id)
        self.close()
        self.world = new
        self.episode += 1
        self._flags = records.MAP_CHANGED
        self.weather = list(CLEAR_NOON)
        self.remembered = Remembered()
        if reset_settings:
            self._take(default_settings())
        self.unseen = False
        self._parts = [make(self) for make in self._makers]
        self._sensors = Suite(self)

    def token(self, stream_id: int) -> bytes:
        """Where a stream is."""
        return token(stream_id, self.stream_port)

    def add_stream(self, actor: Actor) -> None:
        """Give a sensor that sends data of its own a stream. Raises `RefusedError`, and takes it out again, when it
        cannot work."""
        if actor.blueprint.streams:
            actor.stream_id = self.hub.open()
            actor.token = self.token(actor.stream_id)
            try:
                self._sensors.add(actor)
            except RefusedError:
                self.destroy(actor.id)
                raise

    def destroy(self, id: int) -> bool:
        """Take an actor out of the world, and its stream with it."""
        actor = self.world.actors.get(id)
        if actor is not None:
            self.hub.close(actor.stream_id)
            self._sensors.remove(id)
        return self.world.destroy(id)
