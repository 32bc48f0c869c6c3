"""Coloured triangles with semantic tags: what cameras draw and rays hit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.poses import Pose, axes

TILE = 80.0  # [m] side of the squares a large mesh is cut into
Colour = tuple[int, int, int]  # red, green, blue, 0 to 255


@dataclass(frozen=True, eq=False, slots=True)
class Mesh:
    """Triangles in CARLA's frame [m]. The outer side of a triangle is where (b - a) x (c - a), worked out on
    the coordinates as they are, points to."""

    vertices: NDArray[np.float32]  # [n, 3]
    triangles: NDArray[np.int32]  # [m, 3] rows of `vertices`
    labels: NDArray[np.uint8]  # [m] CityObjectLabel
    colours: NDArray[np.uint8]  # [m, 3] red, green, blue as they look at noon
    glows: NDArray[np.bool_]  # [m] whether it shines by itself, so that night does not darken it

    def __len__(self) -> int:
        return len(self.triangles)

    def corners(self) -> NDArray[np.float32]:
        """The three corners of every triangle [m, 3, 3]."""
        return self.vertices[self.triangles]

    def part(self, chosen: NDArray[np.bool_]) -> "Mesh":
        """The chosen triangles [m], with the vertices they use."""
        triangles = self.triangles[chosen]
        used, rows = np.unique(triangles, return_inverse=True)
        corners = np.asarray(rows, np.int32).reshape(-1, 3)
        return Mesh(
            self.vertices[used], corners, self.labels[chosen], self.colours[chosen], self.glows[chosen]
        )

    def placed(self, pose: Pose) -> "Mesh":
        """As it stands in the world when its frame is at `pose`."""
        turned = self.vertices.astype(np.float64) @ np.array(axes(pose))
        vertices = (turned + np.array((pose.x, pose.y, pose.z))).astype(np.float32)
        return Mesh(vertices, self.triangles, self.labels, self.colours, self.glows)


def empty() -> Mesh:
    """No triangle."""
    return Mesh(
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.int32),
        np.zeros(0, np.uint8),
        np.zeros((0, 3), np.uint8),
        np.zeros(0, np.bool_),
    )


def plain(vertices: NDArray[np.floating], triangles: NDArray[np.integer], label: int, colour: Colour) -> Mesh:
    """Triangles of one tag and colour."""
    count = len(triangles)
    return Mesh(
        vertices.astype(np.float32),
        triangles.astype(np.int32),
        np.full(count, label, np.uint8),
        np.tile(np.array(colour, np.uint8), (count, 1)),
        np.zeros(count, np.bool_),
    )


def join(meshes: Iterable[Mesh]) -> Mesh:
    """All of them as one, in order."""
    parts = [mesh for mesh in meshes if len(mesh)]
    if not parts:
        return empty()
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in parts])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in parts]),
        np.concatenate(
            [mesh.triangles + np.int32(start) for mesh, start in zip(parts, starts[:-1], strict=True)]
        ),
        np.concatenate([mesh.labels for mesh in parts]),
        np.concatenate([mesh.colours for mesh in parts]),
        np.concatenate([mesh.glows for mesh in parts]),
    )


def tiles(mesh: Mesh, side: float = TILE) -> list[Mesh]:
    """The mesh cut into squares of `side` [m] by where its triangles' centres are, in a fixed order."""
    if not len(mesh):
        return []
    squares = np.floor(mesh.corners().mean(axis=1)[:, :2] / side).astype(np.int64)
    keys, which = np.unique(squares, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [mesh.part(which == number) for number in range(len(keys))]
