"""Rays into the scene, by Embree: what stands still is built once per episode, bodies once per frame.

Every ray is cast at what stands still first, then at the bodies no farther than that: the nearest wins.
"""

import math
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.lights.actors import OFF, Sign, TrafficLight
from laco.scenarios.server.scene import Mesh, body_mesh, static_scene, traffic_light
from laco.scenarios.server.world import World

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Answer = dict[str, NDArray[Any]]
MISSING = "lidars, radars and depth cameras need embreex: pip install 'laco-driving[sensors]'"
LEVEL = -1  # in `Hits.owners`: ground, buildings and the like


class Hits(NamedTuple):
    """What `n` rays met. `shares` are lengths of the ray's direction vector; infinite where it met nothing, and
    then the other fields mean nothing."""

    shares: Floats  # [n]
    normals: Floats  # [n, 3] unit vectors, towards the side the triangle shows
    labels: NDArray[np.uint8]  # [n] CityObjectLabel
    owners: NDArray[np.int64]  # [n] rows of `Tracer.bodies`, or LEVEL

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which rays met something [n]."""
        return np.isfinite(self.shares)


class Tracer:
    """Rays through one episode's world. Raises `RefusedError` when embreex is not installed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._embree = _Embree()
        self.bodies: list[Actor] = []  # as they were in the last frame that was looked at; signs, too
        self._shapes: dict[object, Mesh] = {}
        self._level = self._revision = -1
        self._frame = (-1, -1)
        self._triangles: NDArray[np.int32] = np.zeros((0, 3), np.int32)
        self._labels: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._owners: NDArray[np.int64] = np.zeros(0, np.int64)
        self._vertices: Floats = np.zeros((0, 3), np.float32)
        self._scenes: dict[int, tuple[_Scene, Rows]] = {}  # of the frame, by the body that is left out
        self._build_level(world)

    def cast(self, sensor: Actor, directions: Floats, limit: float) -> Hits:
        """What rays from a sensor meet within `limit` times their `directions` [n, 3], which are in the world's
        frame. A body around the sensor is not seen: its surface shows outwards only."""
        still, moving, shares = self._run(sensor, directions, limit)
        on_body = moving["primID"] >= 0
        normals = np.where(on_body[:, None], moving["Ng"], still["Ng"])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        labels = np.where(
            on_body, _rows(self._labels, moving["primID"]), _rows(self._still_labels, still["primID"])
        )
        owners = np.where(on_body, _rows(self._owners, moving["primID"]), LEVEL)
        return Hits(shares, normals, labels, owners)

    def reach(self, sensor: Actor, directions: Floats, limit: float) -> Floats:
        """How far the rays of `cast` come [n]; infinite for those that meet nothing."""
        return self._run(sensor, directions, limit)[2]

    def _run(self, sensor: Actor, directions: Floats, limit: float) -> tuple[Answer, Answer, Floats]:
        """Embree's answers of what stands still and of the bodies before it, and how far the rays come."""
        self._look()
        start = np.array((sensor.x, sensor.y, sensor.z), np.float32)
        starts = np.broadcast_to(start, directions.shape).copy()
        limits = np.full(len(directions), limit, np.float32)
        still = self._still.run(starts, directions, limits)
        scene, rows = self._scene(sensor)
        moving = scene.run(starts, directions, still["tfar"])
        moving["primID"] = np.where(moving["primID"] >= 0, _rows(rows, moving["primID"]), -1)
        shares = moving["tfar"]
        shares[(moving["primID"] < 0) & (still["primID"] < 0)] = np.inf
        return still, moving, shares

    def _look(self) -> None:
        """Take note of where the bodies are in the present frame, once."""
        world = self._world
        if self._level != world.level_revision:
            self._build_level(world)
        if self._revision != world.revision:
            self._gather(world)
        if self._frame == (world.frame, world.revision):
            return
        self._frame = (world.frame, world.revision)
        self._scenes = {}
        parts = [_placed(self._shape(body), body) for body in self.bodies]
        self._vertices = np.concatenate([*parts, np.zeros((0, 3), np.float32)])

    def _build_level(self, world: World) -> None:
        """What stands still, without what a client has switched off."""
        self._level = world.level_revision
        still = static_scene(world.roads, world.level)
        self._still_labels = still.labels
        self._still = self._embree.build(still.vertices, still.triangles)

    def _gather(self, world: World) -> None:
        """Lay out the triangles of all bodies one after the other."""
        self._revision = world.revision
        self.bodies = [actor for actor in world.actors.values() if isinstance(actor, Solid | Sign)]
        shapes = [self._shape(body) for body in self.bodies]
        starts = np.cumsum([0] + [len(shape.vertices) for shape in shapes])
        pieces = [shape.triangles + np.int32(start) for shape, start in zip(shapes, starts, strict=False)]
        self._triangles = np.concatenate([*pieces, np.zeros((0, 3), np.int32)])
        self._labels = np.concatenate([*(shape.labels for shape in shapes), np.zeros(0, np.uint8)])
        self._owners = np.repeat(np.arange(len(shapes)), [len(shape) for shape in shapes])

    def _shape(self, body: Actor) -> Mesh:
        light = body.signal if isinstance(body, TrafficLight) else None
        look = (light.head, *light.size) if light else body.blueprint.id
        if look not in self._shapes:
            shape = traffic_light(OFF, light.head, light.size) if light else body_mesh(body.blueprint)
            self._shapes[look] = shape
        return self._shapes[look]

    def _scene(self, sensor: Actor) -> "tuple[_Scene, Rows]":
        """The bodies of this frame, without the one that the sensor is in, and which triangles these are."""
        inside = next((i for i, body in enumerate(self.bodies) if _within(body, sensor)), LEVEL)
        if inside not in self._scenes:
            rows = (self._owners != inside).nonzero()[0]
            scene = self._embree.build(self._vertices, self._triangles[rows])
            self._scenes[inside] = (scene, rows)
        return self._scenes[inside]


class _Scene(NamedTuple):
    """An Embree scene, with the mesh and the arrays that it reads kept alive."""

    scene: Any
    mesh: Any
    arrays: tuple[NDArray[Any], ...]

    def run(self, starts: Floats, directions: Floats, limits: Floats) -> Answer:
        """Nearest hits of rays: `tfar` (the limit where there is none), `primID` (-1 there), `Ng`."""
        answer: Answer = self.scene.run(starts, directions, dists=limits, output=True)
        return answer


class _Embree:
    """The parts of embreex that are used."""

    def __init__(self) -> None:
        try:
            self._scenes = import_module("embreex.rtcore_scene")
            self._meshes = import_module("embreex.mesh_construction")
        except ImportError as error:
            raise RefusedError(MISSING) from error

    def build(self, vertices: Floats, triangles: NDArray[np.int32]) -> _Scene:
        """A scene of one mesh, which may be empty."""
        scene, mesh = self._scenes.EmbreeScene(), None
        arrays = np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(triangles, np.int32)
        if len(triangles):
            mesh = self._meshes.TriangleMesh(scene, *arrays)
        return _Scene(scene, mesh, arrays)


def _rows(values: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """`values[rows]`, and anything where the row is -1."""
    return values[rows] if len(values) else np.zeros(len(rows), values.dtype)


def _placed(shape: Mesh, body: Actor) -> Floats:
    """A body's vertices in the world."""
    return shape.placed(body.pose).vertices


def _within(body: Actor, sensor: Actor) -> bool:
    """Whether a sensor is inside a body's box."""
    if not isinstance(body, Solid):
        return False
    x, y, yaw, length, width = body.box()
    c, s = math.cos(yaw), math.sin(yaw)
    dx, dy = sensor.x - x, sensor.y - y
    inside = abs(c * dx + s * dy) <= length and abs(c * dy - s * dx) <= width
    return bool(inside and 0.0 <= sensor.z - body.z <= body.height)
