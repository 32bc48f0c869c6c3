"""Cameras on the egos, for drivers that look: the picture of a tick, fetched when that tick is decided on."""

import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from laco.agents.drivers import Camera
from laco.agents.observation import Picture
from laco.errors import WorldError

LATE = 20.0  # [s] of wall-clock time a picture may take
SETTLED = 10  # ticks after which what was spawned stands on the road
PAUSE = 0.02  # [s] of wall-clock time between two looks for a camera's first picture


class Cameras:
    """One `sensor.camera.rgb` at the front of each ego; none without a `Camera`."""

    def __init__(self, camera: Camera | None) -> None:
        self.camera = camera
        self._queues: dict[str, SimpleQueue[tuple[int, Picture]]] = {}

    def attach(self, world: Any, name: str, ego: Any) -> list[Any]:
        """The sensors that ego `name` gets; the caller destroys them. Raises: WorldError if the server has none."""
        if self.camera is None:
            return []
        import carla

        blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
        for attribute, value in self._attributes(self.camera).items():
            blueprint.set_attribute(attribute, value)
        at = carla.Transform(carla.Location(x=self.camera.forward, z=self.camera.up))
        try:
            sensor = world.spawn_actor(blueprint, at, attach_to=ego)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise WorldError(f"the server gives {name} no camera: {reason}") from error
        queue: SimpleQueue[tuple[int, Picture]] = SimpleQueue()
        self._queues[name] = queue
        sensor.listen(lambda image: queue.put((image.frame, _picture(image))))
        return [sensor]

    def wake(self, tick: Callable[[], object]) -> None:
        """Tick until every camera has shown something, while nothing moves: a camera is heard only some time after it
        was told to be, and the pictures of frames before that never come. Raises: WorldError if one stays dark."""
        deadline = time.monotonic() + LATE
        ticks = 0
        while dark := [name for name, queue in self._queues.items() if queue.empty() or ticks < SETTLED]:
            if time.monotonic() > deadline:
                raise WorldError(f"the camera of {dark[0]} has shown nothing for {LATE:.0f} s")
            tick()
            ticks += 1
            time.sleep(PAUSE if ticks >= SETTLED else 0.0)

    def pictures(self, frame: int) -> Mapping[str, Picture]:
        """The pictures of a frame, by ego; older ones are dropped. Raises: WorldError if one does not come."""
        return {name: _of_frame(name, queue, frame) for name, queue in self._queues.items()}

    @staticmethod
    def _attributes(camera: Camera) -> dict[str, str]:
        size = {"image_size_x": str(camera.width), "image_size_y": str(camera.height)}
        return {**size, "fov": str(camera.view)}


def _of_frame(name: str, queue: "SimpleQueue[tuple[int, Picture]]", frame: int) -> Picture:
    while True:
        try:
            number, picture = queue.get(timeout=LATE)
        except Empty:
            raise WorldError(f"the camera of {name} has shown nothing for {LATE:.0f} s") from None
        if number >= frame:
            return picture


def _picture(image: Any) -> Picture:
    """CARLA's BGRA as RGB; on one of the client's threads."""
    bgra = np.frombuffer(image.raw_data, dtype=np.uint8).reshape(image.height, image.width, 4)
    return Picture(image.width, image.height, bgra[:, :, 2::-1].tobytes())
