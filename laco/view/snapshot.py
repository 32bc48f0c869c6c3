"""What moves: who is there (`Cast`), told when it changes, and where they are (`Picture`), told each time.

Positions are of boxes' centres in CARLA's frame: [m], yaw [deg], y to the right of x.
"""

import math
from typing import Any

import msgspec

from laco.view.roles import standing

BODIES = ("vehicle.", "walker.", "static.prop.")
LIGHT = "traffic.traffic_light"


class Player(msgspec.Struct, frozen=True):
    """An actor with a body: outer sizes [m], its role's name, how it is shown, since when it is known [s]."""

    id: int
    type: str
    role: str
    shown: str
    length: float
    width: float
    height: float
    since: float


class Light(msgspec.Struct, frozen=True):
    """A traffic light: where its pole is, and its stop lines, each (x, y, yaw [deg], lane's width [m])."""

    id: int
    x: float
    y: float
    stops: list[tuple[float, float, float, float]]


class Cast(msgspec.Struct, frozen=True):
    """Everyone there is. `revision` counts the changes."""

    revision: int
    players: list[Player]
    lights: list[Light]


class Picture(msgspec.Struct, frozen=True):
    """One moment. players: (id, x, y, yaw, speed [m/s]), and for vehicles (throttle, steer, brake) behind it;
    lights: (id, state), with CARLA's numbers: 0 red, 1 yellow, 2 green, 3 off."""

    frame: int
    time: float
    players: list[tuple[float, ...]]
    lights: list[tuple[int, int]]


class Gallery:
    """The actors of one episode, asked for once each, and pictures of them."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._known: set[int] = set()
        self._players: dict[int, tuple[Any, Player, tuple[float, float]]] = {}
        self._lights: dict[int, tuple[Any, Light]] = {}
        self.cast = Cast(0, [], [])

    def picture(self, snapshot: Any) -> Picture:
        """The moment of a `carla.WorldSnapshot`; `cast` is then up to date. Raises `RuntimeError` as the client
        does."""
        states = {state.id: state for state in snapshot}
        time = float(snapshot.timestamp.elapsed_seconds)
        if states.keys() != self._known:
            self._meet(states.keys(), time)
        players = [self._place(states[id], *entry) for id, entry in self._players.items()]
        lights = [(id, int(actor.state)) for id, (actor, _) in self._lights.items()]
        return Picture(int(snapshot.frame), round(time, 3), players, lights)

    def _meet(self, present: Any, time: float) -> None:
        """Learn who has come and forget who has gone."""
        new = [id for id in present if id not in self._known]
        actors = self._world.get_actors(new) if new else ()
        for actor in sorted(actors, key=lambda actor: int(actor.id)):
            self._add(actor, time)
        self._known = set(present)
        for table in (self._players, self._lights):
            for id in [id for id in table if id not in self._known]:
                del table[id]
        players = [player for _, player, _ in self._players.values()]
        self.cast = Cast(self.cast.revision + 1, players, [light for _, light in self._lights.values()])

    def _add(self, actor: Any, time: float) -> None:
        if actor.type_id == LIGHT:
            self._lights[actor.id] = (actor, _light(actor))
        elif actor.type_id.startswith(BODIES):
            box = actor.bounding_box
            self._players[actor.id] = (actor, _player(actor, time), (box.location.x, box.location.y))

    def _place(self, state: Any, actor: Any, player: Player, shift: tuple[float, float]) -> tuple[float, ...]:
        pose, velocity = state.get_transform(), state.get_velocity()
        at, yaw = pose.location, pose.rotation.yaw
        c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
        x, y = at.x + shift[0] * c - shift[1] * s, at.y + shift[0] * s + shift[1] * c
        place = (
            player.id,
            round(x, 2),
            round(y, 2),
            round(yaw, 1),
            round(math.hypot(velocity.x, velocity.y), 2),
        )
        if not player.type.startswith("vehicle."):
            return place
        control = actor.get_control()
        return (*place, round(control.throttle, 2), round(control.steer, 2), round(control.brake, 2))


def _player(actor: Any, time: float) -> Player:
    half, role = actor.bounding_box.extent, actor.attributes.get("role_name", "")
    length, width, height = (round(2.0 * side, 2) for side in (half.x, half.y, half.z))
    shown = standing(actor.type_id, role)
    return Player(actor.id, actor.type_id, role, shown, length, width, height, round(time, 2))


def _light(actor: Any) -> Light:
    at = actor.get_transform().location
    lines = []
    for waypoint in actor.get_affected_lane_waypoints():
        pose = waypoint.transform
        x, y = round(pose.location.x, 2), round(pose.location.y, 2)
        lines.append((x, y, round(pose.rotation.yaw, 1), round(float(waypoint.lane_width), 2)))
    return Light(actor.id, round(at.x, 2), round(at.y, 2), lines)
