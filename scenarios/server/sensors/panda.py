"""The few things the cameras need of panda3d: its software rasteriser (tinydisplay: no GPU, no display), and
meshes as nodes.

CARLA's frame is left-handed, panda3d's is not: x and y change places, and triangles go round the other way.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import Pose, axes
from laco.scenarios.server.scene import Mesh

SETTINGS = """
audio-library-name null
notify-level error
textures-power-2 none
notify-level-display fatal
"""
COLOUR_BIT, LABEL_BIT = 0, 1  # which pass draws a node
_VERTEX = np.dtype([("position", "<f4", 3), ("colour", "u1", 4)])


@cache
def core() -> Any:
    """panda3d's module. Raises `RefusedError` when it is not installed."""
    try:
        from panda3d import core as module
    except ImportError:
        raise RefusedError("cameras need panda3d: pip install 'laco-driving[sensors]'") from None
    module.loadPrcFileData("laco", SETTINGS)
    # By default what is opaque is drawn in the order of memory addresses: pictures would differ from run to run.
    bins = module.CullBinManager.getGlobalPtr()
    bins.setBinType(bins.findBin("opaque"), module.CullBinManager.BTUnsorted)
    return module


@cache
def pipe() -> Any:
    """The rasteriser, one per process. Raises `RefusedError` when panda3d came without it."""
    found = core().GraphicsPipeSelection.getGlobalPtr().makePipe("TinyOffscreenGraphicsPipe", "p3tinydisplay")
    if found is None:
        raise RefusedError("this panda3d has no software renderer (p3tinydisplay): cameras cannot work")
    return found


def tidy() -> None:
    """Let go of remembered transforms that nothing uses any more; without it, every new pose stays for ever."""
    core().TransformState.garbageCollect()
    core().RenderState.garbageCollect()


def matrix(pose: Pose) -> Any:
    """A pose as panda3d's matrix: a node's x is to the right, its y forward."""
    forward, right, up = axes(pose)
    rows = [(v[1], v[0], v[2], 0.0) for v in (right, forward, up)]
    return core().LMatrix4f(*(number for row in rows for number in row), pose.y, pose.x, pose.z, 1.0)


def mesh_node(mesh: Mesh, layers: Mapping[int, int] | None = None) -> Any:
    """A node that shows a mesh in its colours to the one pass and in its labels to the other. Label nodes are
    children named after their label and can be coloured anew (`paint`).

    `layers` gives, by label, the order in which flat ground is painted before everything else, one layer over the
    other: their heights differ by less than the depth buffer can tell from afar.
    """
    root = core().NodePath("mesh")
    data, rows = _faces(mesh)
    order = np.zeros(256, np.int64)
    for label, layer in (layers or {}).items():
        order[label] = layer
    for layer in np.unique(order[mesh.labels]).tolist():
        for name, kind in (("ground" if layer else "colours", ~mesh.glows), ("glow", mesh.glows)):
            chosen = kind & (order[mesh.labels] == layer)
            if chosen.any():
                node = _attach(root, name, _geometry(data, rows[chosen]), LABEL_BIT, layer)
                if name == "glow":
                    node.setColorScaleOff()
    for label in np.unique(mesh.labels).tolist():
        geometry = _geometry(data, rows[mesh.labels == label])
        paint(_attach(root, str(label), geometry, COLOUR_BIT, int(order[label])), label, 0)
    return root


def near_node(mesh: Mesh, reach: float) -> Any:
    """A node that shows a mesh to the colour pass alone, while its middle is within `reach` [m] of the camera, times
    what the camera magnifies."""
    panda = core()
    switch = panda.LODNode("near")
    switch.addSwitch(reach, 0.0)
    (x0, y0, z0), (x1, y1, z1) = mesh.vertices.min(axis=0).tolist(), mesh.vertices.max(axis=0).tolist()
    switch.setCenter(panda.LPoint3((y0 + y1) / 2, (x0 + x1) / 2, (z0 + z1) / 2))
    root = panda.NodePath(switch)
    data, rows = _faces(mesh)
    _attach(root, "colours", _geometry(data, rows), LABEL_BIT)
    return root


def paint(node: Any, label: int, id: int) -> None:
    """Give a label node its flat colour: label in red, the low byte of the id in green, the next in blue."""
    red, green, blue = ((value + 0.5) / 255 for value in (label, id & 0xFF, id >> 8 & 0xFF))
    node.setColor(red, green, blue, 1.0)


def polygons(corners: NDArray[np.floating], colours: NDArray[np.floating]) -> Any:
    """A node of separate four-cornered faces [n, 4, 3], in panda3d's frame, with colours [n, 4, 4] of 0 to 255;
    seen by the colour pass alone."""
    data = np.zeros(4 * len(corners), _VERTEX)
    data["position"], data["colour"] = corners.reshape(-1, 3), colours.reshape(-1, 4)
    first = 4 * np.arange(len(corners), dtype=np.int64)[:, None]
    rows = first + np.array([0, 1, 2, 0, 2, 3])
    root = core().NodePath("polygons")
    node = _attach(root, "faces", _geometry(_table(data), rows), LABEL_BIT)
    node.setTwoSided(True)
    return root


def _faces(mesh: Mesh) -> tuple[Any, NDArray[np.int64]]:
    """The table of vertices, one for each colour that a corner has, and its rows for each triangle [m, 3]."""
    corners = mesh.triangles[:, [0, 2, 1]].astype(np.int64)
    tints = mesh.colours.astype(np.int64) @ (1, 1 << 8, 1 << 16)
    keys, rows = np.unique(corners << 24 | tints[:, None], return_inverse=True)
    data = np.zeros(len(keys), _VERTEX)
    data["position"] = mesh.vertices[keys >> 24][:, [1, 0, 2]]
    data["colour"] = np.stack((keys, keys >> 8, keys >> 16, np.full_like(keys, 255)), axis=1) & 0xFF
    return _table(data), rows.reshape(corners.shape)


def _table(data: NDArray[np.void]) -> Any:
    panda = core()
    table = panda.GeomVertexData("mesh", panda.GeomVertexFormat.getV3c4(), panda.Geom.UHStatic)
    table.uncleanSetNumRows(len(data))
    table.modifyArrayHandle(0).copyDataFrom(data.tobytes())
    return table


def _geometry(table: Any, rows: NDArray[np.int64]) -> Any:
    panda = core()
    triangles = panda.GeomTriangles(panda.Geom.UHStatic)
    triangles.setIndexType(panda.Geom.NTUint32)
    indices = triangles.modifyVertices()
    indices.uncleanSetNumRows(rows.size)
    indices.modifyHandle().copyDataFrom(rows.astype("<u4").tobytes())
    geometry = panda.Geom(table)
    geometry.addPrimitive(triangles)
    return geometry


def _attach(root: Any, name: str, geometry: Any, hidden_from: int, layer: int = 0) -> Any:
    panda = core()
    node = panda.GeomNode(name)
    node.addGeom(geometry)
    path = root.attachNewNode(node)
    path.hide(panda.BitMask32.bit(hidden_from))
    if layer:
        path.setBin("background", layer)
        path.setDepthTest(False)
        path.setDepthWrite(False)
    return path
