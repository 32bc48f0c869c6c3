"""The binary frames of the streams: the episode's state, one record per actor, and single sensor messages.

A frame is packed into one buffer that is kept from tick to tick; only actors that changed are packed again.
"""

import struct
import time
from collections.abc import Callable
from typing import Any

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

# Index of a sensor's kind in the client's compile-time list: version dependent, these are of 0.9.16.
COLLISION, EPISODE = 0, 17
MAP_CHANGED = 1  # flag of a frame

_PREFIX = struct.Struct("<IQQd6f")  # payload size, then the 48-byte sensor header
_EPISODE = struct.Struct("<QdfiiiI")
_IDENTITY, _MOTION = struct.Struct("<IB"), struct.Struct("<15f")  # with the next: a vehicle's record
_CONTROL = struct.Struct("<3f3BifBBIB24x")
_WALKER = struct.Struct("<IB15f4fB37x")
_PLAIN = struct.Struct("<IB15f54s")
_STILL = (0.0,) * 9
RECORD = 119  # bytes
Packer = Callable[[bytearray, int, Any], None]
HEAD = _PREFIX.size + _EPISODE.size
ACTIVE = 1


class EpisodeFrame:
    """The message of the episode stream, with its size in front."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._world: World | None = None
        self._revision = -1
        self._slots: list[tuple[int, Actor, Packer]] = []

    def pack(self, world: World, episode: int, dt: float, flags: int) -> bytearray:
        """The frame of the world as it is now; the buffer is reused by the next call."""
        if self._world is not world or self._revision != world.revision:
            self._lay_out(world)
        buffer = self.buffer
        _PREFIX.pack_into(
            buffer, 0, len(buffer) - 4, EPISODE, world.frame, world.elapsed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        )
        _EPISODE.pack_into(buffer, _PREFIX.size, episode, time.perf_counter(), dt, 0, 0, 0, flags)
        for offset, actor, put in self._slots:
            if actor.changed:
                put(buffer, offset, actor)
                actor.changed = False
        return buffer

    def _lay_out(self, world: World) -> None:
        self._world, self._revision = world, world.revision
        actors = world.actors.values()
        self._slots = [(HEAD + RECORD * i, actor, _packer_of(actor)) for i, actor in enumerate(actors)]
        self.buffer = bytearray(HEAD + RECORD * len(self._slots))
        for actor in actors:
            actor.changed = True
            if isinstance(actor, Vehicle):
                actor.told = None


def _packer_of(actor: Actor) -> Packer:
    if isinstance(actor, Vehicle):
        return _put_vehicle
    return _put_walker if isinstance(actor, Walker) else _put_plain


def _put_vehicle(buffer: bytearray, offset: int, v: Any) -> None:
    """The motion; the id and the pedals only when they are new to this buffer."""
    _MOTION.pack_into(
        buffer, offset + 5, v.x, v.y, v.z, v.pitch, v.yaw, v.roll, v.vx, v.vy, 0.0, 0.0, 0.0, v.yaw_rate,
        v.ax, v.ay, 0.0,
    )  # fmt: skip
    c = v.control
    if c is not v.told:
        v.told = c
        _IDENTITY.pack_into(buffer, offset, v.id, ACTIVE)
        _CONTROL.pack_into(
            buffer, offset + 65, c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift,
            c.gear, v.speed_limit, v.light_state, v.light_id > 0, v.light_id, 0,
        )  # fmt: skip


def _put_walker(buffer: bytearray, offset: int, w: Any) -> None:
    _WALKER.pack_into(
        buffer, offset, w.id, ACTIVE, *w.pose, w.vx, w.vy, 0.0, 0.0, 0.0, 0.0, w.ax, w.ay, 0.0,
        *w.direction, w.speed, w.jump,
    )  # fmt: skip


def _put_plain(buffer: bytearray, offset: int, actor: Any) -> None:
    _PLAIN.pack_into(buffer, offset, actor.id, ACTIVE, *actor.pose, *_STILL, actor.union())


def sensor_message(kind: int, sensor: Actor, world: World, body: bytes) -> bytes:
    """One message of a sensor's stream, with its size in front."""
    size = _PREFIX.size - 4 + len(body)
    return _PREFIX.pack(size, kind, world.frame, world.elapsed, *sensor.pose) + body
