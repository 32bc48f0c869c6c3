"""A layout on a CARLA server: the one place that holds the client, embedded server and real one alike.

The stage puts the server's settings back and destroys its own actors when it is closed, whatever happened.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from laco.agents.control import Pedals
from laco.agents.drivers import Camera
from laco.agents.observation import Actor, Body, Picture
from laco.closing import Closing
from laco.errors import ScenarioError, WorldError
from laco.geometry import Box
from laco.scenarios.cameras import Cameras
from laco.scenarios.cast import Cast
from laco.scenarios.layout import Layout, Placement
from laco.scenarios.lights import hold, release
from laco.scenarios.maps import read_map

TICK = 0.05  # [s]
AWAY = -10_000.0  # [m] in x and y where no map is
ABOVE, WALKER_ABOVE = 0.3, 1.0  # [m] what is spawned stands a little above the road, as CARLA wants it


CURRENT = ""  # the name of whatever map a server is on


class Simulator(Closing):
    """A connection to a CARLA server in synchronous mode; `with` restores the settings it found."""

    def __init__(self, host: str, port: int, timeout: float = 20.0) -> None:
        """Raises: WorldError if nobody answers there within `timeout` [s], or one of another version does."""
        import carla

        self.gone = False  # whether it stopped answering: then nothing is asked of it any more
        self.client = carla.Client(host, port)
        self.client.set_timeout(timeout)
        with self.asking(f"no CARLA server answers at {host}:{port}"):
            theirs = self.client.get_server_version()
        ours = self.client.get_client_version()
        if theirs != ours:
            raise WorldError(f"the server at {host}:{port} has version {theirs}, this client needs {ours}")
        self._map = ""
        with self.asking("the server refused its settings"):
            self.world: Any = self.client.get_world()
            self._found = self.world.get_settings()

    def load(self, name: str) -> Any:
        """Make sure that the world drives on map `name`, for `CURRENT` the one it is on; returns its `carla.Map`."""
        import carla

        if name == CURRENT:
            self._map = ""
        elif name != self._map:
            self._synchronise()  # before: the new world is not to run on by itself until it is told
            with self.asking(f"the server did not take map {name}"):
                self.client.generate_opendrive_world(read_map(name), carla.OpendriveGenerationParameters(), False)
                self.world = self.client.get_world()
            self._map = name
        self._synchronise()
        with self.asking("the server did not tell its map"):
            return self.world.get_map()

    def _synchronise(self) -> None:
        """The world waits for our ticks."""
        with self.asking("the server refused its settings"):
            settings = self.world.get_settings()
            settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK
            self.world.apply_settings(settings)

    def renew(self) -> None:
        """Let the next map that is loaded by name begin anew, with its lights and its traffic, even if it is there."""
        self._map = ""

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """A call to the server, which may fail with a WorldError of one line."""
        try:
            yield
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            self.gone = self.gone or "time-out" in reason
            raise WorldError(f"{what}: {reason}") from error

    def answers(self) -> bool:
        """Whether the server still does; asked once, for each call to one that is gone takes a timeout."""
        if not self.gone:
            try:
                self.client.get_server_version()
            except RuntimeError:
                self.gone = True
        return not self.gone

    def close(self) -> None:
        """Put the settings back; a server that is gone needs none."""
        if self.answers():
            with suppress(RuntimeError):
                self.world.apply_settings(self._found)


class Stage(Closing):
    """One layout's road users, spawned and moving. `with` destroys them."""

    def __init__(
        self, simulator: Simulator, layout: Layout, camera: Camera | None = None, patience: float = 0.0
    ) -> None:
        """camera: what each ego gets at its front, for drivers that look.

        patience: simulated time in which somebody who stands in the way may move on [s].
        """
        self.layout, self.simulator = layout, simulator
        self.road_map = simulator.load(layout.map)
        self.world = simulator.world
        self.actors: dict[str, Any] = {}
        self.collisions: list[tuple[str, float, int, str]] = []  # ego, time [s], other actor's id and type
        self._start = self._elapsed = 0.0
        self._sensors: list[Any] = []
        self.cameras = Cameras(camera)
        self._sizes: dict[int, tuple[float, float, float]] = {}
        self._patience = round(patience / TICK)
        try:
            self._spawn()
        except BaseException:
            self.close()
            raise

    def _spawn(self) -> None:
        layout = self.layout
        for place in layout.placements():
            self.actors[place.role] = self._spawn_one(place)
        for place in layout.parked:
            self.actors[place.role].set_simulate_physics(False)
        self.tick()  # an actor can be read once a frame lists it
        for place in (*(e.placement for e in layout.egos), *(m.placement for m in layout.movers)):
            self._set_speed(place)
        self.cast = Cast(layout.movers, self.actors)
        for ego in layout.egos:
            self._watch(ego.name)
            self._sensors += self.cameras.attach(self.world, ego.name, self.actors[ego.name])
        self.walls: list[Box] = self._level_boxes()
        if layout.green is not None:
            hold(self.world, layout.green)
        self.tick()
        self._start = self._elapsed

    def _spawn_one(self, place: Placement) -> Any:
        import carla

        blueprint = self.world.get_blueprint_library().find(place.blueprint)
        blueprint.set_attribute("role_name", place.role)
        above = WALKER_ABOVE if place.walks else ABOVE
        at = carla.Transform(carla.Location(place.x, place.y, place.z + above), carla.Rotation(yaw=place.yaw))
        while True:
            try:
                return self.world.spawn_actor(blueprint, at)
            except RuntimeError as error:
                if not self._patience or not self.simulator.answers():
                    reason = " ".join(str(error).split())
                    raise ScenarioError(f"{self.layout.scenario}: cannot place {place.role}: {reason}") from error
            self._patience -= 1
            self.tick()

    def _set_speed(self, place: Placement) -> None:
        """Rolling start."""
        import carla

        if place.walks:
            return
        actor, yaw = self.actors[place.role], math.radians(place.yaw)
        vx, vy = place.speed * math.cos(yaw), place.speed * math.sin(yaw)
        actor.set_target_velocity(carla.Vector3D(vx, vy, 0.0))

    def _watch(self, name: str) -> None:
        import carla

        blueprint = self.world.get_blueprint_library().find("sensor.other.collision")
        sensor = self.world.spawn_actor(blueprint, carla.Transform(), attach_to=self.actors[name])
        self._sensors.append(sensor)

        def note(event: Any) -> None:  # on one of the client's threads; list.append is atomic
            other, time = event.other_actor, round(event.timestamp - self._start, 6)
            self.collisions.append((name, time, other.id, other.type_id))

        sensor.listen(note)

    def _level_boxes(self) -> list[Box]:
        """Buildings of the map, and the layout's props."""
        import carla

        boxes = [self.body(self.actors[p.role]).box for p in self.layout.parked if p.blueprint.startswith("static.")]
        for box in self.world.get_level_bbs(carla.CityObjectLabel.Buildings):
            yaw = math.radians(box.rotation.yaw)
            boxes.append((box.location.x, box.location.y, yaw, box.extent.x, box.extent.y))
        return boxes

    def tick(self) -> float:
        """One step of the world; returns the simulated time [s] since the start of the run."""
        with self._asking():
            self.world.tick()
            self.snapshot = self.world.get_snapshot()
        self._elapsed = float(self.snapshot.timestamp.elapsed_seconds)
        return round(self._elapsed - self._start, 6)

    def pictures(self) -> Mapping[str, Picture]:
        """What the egos' cameras saw at the newest tick, by ego. Raises: WorldError if a picture does not come."""
        return self.cameras.pictures(self.snapshot.frame)

    def body(self, actor: Any) -> Body:
        """An actor's box and speed in the newest snapshot."""
        if actor.id not in self._sizes:
            box = actor.bounding_box
            self._sizes[actor.id] = (box.extent.x, box.extent.y, box.location.x)
        half_length, half_width, shift = self._sizes[actor.id]
        state = self.snapshot.find(actor.id)
        transform, velocity = state.get_transform(), state.get_velocity()
        yaw = math.radians(transform.rotation.yaw)
        c, s = math.cos(yaw), math.sin(yaw)
        x, y = transform.location.x + shift * c, transform.location.y + shift * s
        return Body(x, y, yaw, velocity.x * c + velocity.y * s, half_length, half_width)

    def height(self, actor: Any) -> float:
        """Where an actor stands, above zero [m], in the newest snapshot."""
        return float(self.snapshot.find(actor.id).get_transform().location.z)

    def road_users(self) -> list[Actor]:
        """All vehicles and walkers of the world, ours and others, in the order of their ids."""
        with self._asking():
            everything = self.world.get_actors()
            found = (*everything.filter("vehicle.*"), *everything.filter("walker.*"))
            actors = sorted(found, key=lambda a: int(a.id))
        return [self._actor(a) for a in actors if self.snapshot.find(a.id) is not None]

    def _actor(self, actor: Any) -> Actor:
        """As others see it; CARLA's angular velocity is in degrees."""
        turn = math.radians(self.snapshot.find(actor.id).get_angular_velocity().z)
        return Actor(actor.id, self.body(actor), turn=turn)

    def apply(self, pedals: Mapping[str, Pedals]) -> None:
        """Controls for the next tick."""
        import carla

        with self._asking():
            for name, p in pedals.items():
                control = carla.VehicleControl(throttle=p.throttle, steer=p.steer, brake=p.brake)
                self.actors[name].apply_control(control)

    def retire(self, name: str) -> None:
        """Take a vehicle off the road: it goes on existing, and talking, where nobody is."""
        import carla

        actor = self.actors[name]
        with self._asking():
            actor.set_simulate_physics(False)
            actor.set_transform(carla.Transform(carla.Location(AWAY, AWAY + 10.0 * actor.id, 0.0)))

    def play(self, time: float, along: Mapping[str, float]) -> None:
        """The movers' part of the next tick; along: route that each ego has covered [m]."""
        with self._asking():
            self.cast.play(time, along, self.body)

    def _asking(self) -> AbstractContextManager[None]:
        return self.simulator.asking("the server stopped answering")

    def close(self) -> None:
        """Destroy what was spawned; a server that is gone needs none."""
        if not self.simulator.answers():
            return
        with suppress(RuntimeError):
            for sensor in self._sensors:
                sensor.stop()
            for actor in (*self._sensors, *self.actors.values()):
                actor.destroy()
            if self.layout.green is not None:
                release(self.world)
            self.world.tick()
