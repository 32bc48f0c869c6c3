"""The scene graph of one episode: what stands still in tiles, and a node for each body, moved when it moves."""

from typing import Any, NamedTuple

import numpy as np

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.blueprints import Kind
from laco.scenarios.server.lights.actors import Sign, TrafficLight
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.scene import (
    Colour,
    Mesh,
    body_mesh,
    static_details,
    static_scene,
    tiles,
    traffic_light,
)
from laco.scenarios.server.sensors import panda
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World

SHADE = (0, 0, 0, 96)  # of the ground under a vehicle
SHADE_HEIGHT = 0.03  # [m] above the ground
FLAT = {10: 1, 25: 1, 1: 2, 24: 3}  # layers of level ground by CityObjectLabel: land, road, lines
REACH = 150.0  # [m] from which details are drawn, with a focal length of 160 pixels
PEDAL = 0.05  # a brake pushed no farther does not light up


class Look(NamedTuple):
    """All that the picture of a body depends on; bodies that look the same share their geometry."""

    blueprint: str
    colour: Colour | None = None
    braking: bool = False
    state: int = -1  # of a traffic light
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)  # [m] its height above the foot, width and height


class _Figure:
    """One actor on the stage."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.look: Look | None = None
        self.pose: Pose | None = None
        self.node: Any = None


class Stage:
    """`root` holds everything that cameras see; `update` brings it up to date with the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.root = panda.core().NodePath("stage")
        self._still: Any = None
        self._level = -1  # the revision of what stands still
        self._deep = False  # whether the ground leaves its depth
        self._figures: dict[int, _Figure] = {}
        self._shapes: dict[Look, Any] = {}
        self._seen: tuple[int, int, int] | None = None  # frame and revisions

    def update(self) -> None:
        """Bodies come, go, move and change their lamps; once per frame."""
        now = (self._world.frame, self._world.revision, self._world.level_revision)
        if now == self._seen:
            return
        if self._seen is None or now[1] != self._seen[1]:
            self._cast()
        if self._level != self._world.level_revision:
            self._build()
        self._seen = now
        for figure in self._figures.values():
            self._dress(figure)
            if figure.pose != figure.actor.pose:
                figure.pose = figure.actor.pose
                figure.node.setMat(panda.matrix(figure.pose))

    def deepen(self, on: bool) -> None:
        """Let level ground leave its depth in the colour pass, for what is drawn through (fog), or not."""
        self._deep = on
        if self._still is not None:
            for node in self._still.findAllMatches("**/ground"):
                node.setDepthWrite(on)

    def close(self) -> None:
        """Let go of everything."""
        self._figures.clear()
        self._shapes.clear()
        self.root.removeNode()

    def _build(self) -> None:
        """What stands still."""
        world = self._world
        self._level = world.level_revision
        if self._still is not None:
            self._still.removeNode()
        self._still = self.root.attachNewNode("still")
        for tile in tiles(static_details(world.level)):
            panda.near_node(tile, REACH).reparentTo(self._still)
        for tile in tiles(static_scene(world.roads, world.level)):
            panda.mesh_node(tile, FLAT if world.roads.level else None).reparentTo(self._still)
        self.deepen(self._deep)

    def _cast(self) -> None:
        """Who is on the stage."""
        wanted = {
            actor.id: actor for actor in self._world.actors.values() if isinstance(actor, (Solid, Sign))
        }
        for id in [id for id, figure in self._figures.items() if wanted.get(id) is not figure.actor]:
            self._figures.pop(id).node.removeNode()
        for id, actor in wanted.items():
            if id not in self._figures:
                self._figures[id] = _Figure(actor)

    def _dress(self, figure: _Figure) -> None:
        look = _look(figure.actor)
        if look == figure.look:
            return
        if figure.node is not None:
            figure.node.removeNode()
        figure.look, figure.pose = look, None
        figure.node = self._shape(look, figure.actor).copyTo(self.root)
        for child in figure.node.getChildren():
            if child.getName().isdigit():
                panda.paint(child, int(child.getName()), figure.actor.id)

    def _shape(self, look: Look, actor: Actor) -> Any:
        if look not in self._shapes:
            node = panda.mesh_node(_mesh(look, actor))
            if actor.blueprint.kind is Kind.VEHICLE:
                _shade(actor.blueprint.size).reparentTo(node)
            self._shapes[look] = node
        return self._shapes[look]


def _look(actor: Actor) -> Look:
    name = actor.blueprint.id
    if isinstance(actor, Vehicle):
        return Look(name, _paint(actor), actor.control.brake > PEDAL)
    if isinstance(actor, TrafficLight):
        return Look(name, state=actor.state, head=(actor.signal.head, *actor.signal.size))
    return Look(name)


def _mesh(look: Look, actor: Actor) -> Mesh:
    if isinstance(actor, TrafficLight):
        return traffic_light(look.state, look.head[0], look.head[1:])
    return body_mesh(actor.blueprint, look.colour, braking=look.braking)


def _paint(actor: Actor) -> Colour | None:
    """The attribute `color`, "r,g,b"; None when it is not readable."""
    text = next((value for name, _, value in actor.attributes if name == "color"), "")
    parts = str(text).split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        return None
    red, green, blue = (min(255, int(part)) for part in parts)
    return red, green, blue


def _shade(size: tuple[float, float, float]) -> Any:
    """The dark ground under a vehicle, without which it seems to float."""
    x, y, z = 0.52 * size[0], 0.56 * size[1], SHADE_HEIGHT
    corners = np.array([[(-y, -x, z), (y, -x, z), (y, x, z), (-y, x, z)]])
    node = panda.polygons(corners, np.tile(np.array(SHADE), (1, 4, 1)))
    node.setTransparency(panda.core().TransparencyAttrib.MAlpha)
    node.setDepthWrite(False)
    return node
