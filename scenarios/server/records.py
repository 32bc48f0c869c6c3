"""The binary frames of the streams: the episode's state, one record per actor, and single sensor messages.

A frame is packed into one buffer that is kept from tick to tick; only actors that changed are packed again.
"""

import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from laco.scenarios.server import kernels
from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.bodies import COLUMNS
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

# Index of a sensor's kind in the client's compile-time list: version dependent, these are of 0.9.16.
COLLISION, EPISODE = 0, 17
MAP_CHANGED = 1  # flag of a frame

_PREFIX = struct.Struct("<IQQd6f")  # payload size, then the 48-byte sensor header
_EPISODE = struct.Struct("<QdfiiiI")
_IDENTITY = struct.Struct("<IB")
_CONTROL = struct.Struct("<3f3BifBBIB")
_WALKER = struct.Struct("<4fB")
_PLAIN = struct.Struct("<IB15f54s")
_STILL = (0.0,) * 9
RECORD = 119  # bytes: identity, 15 numbers of motion, 54 bytes that depend on the kind
UNION = 65  # where these begin
Packer = Callable[[bytearray, int, Any], None]
HEAD = _PREFIX.size + _EPISODE.size
ACTIVE = 1


class EpisodeFrame:
    """The message of the episode stream, with its size in front: bodies first, in the order of their rows."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._world: World | None = None
        self._revision = -1
        self._bytes = np.zeros(0, dtype=np.uint8)  # the buffer
        self._rows = np.zeros((0, COLUMNS))  # of the world
        self._bodies = 0
        self._records: dict[Actor, tuple[int, Packer]] = {}  # where they lie, and what packs what no row holds

    def pack(self, world: World, episode: int, dt: float, flags: int) -> bytearray:
        """The frame of the world as it is now; the buffer is reused by the next call."""
        if self._world is not world or self._revision != world.revision:
            self._lay_out(world)
        buffer = self.buffer
        _PREFIX.pack_into(
            buffer, 0, len(buffer) - 4, EPISODE, world.frame, world.elapsed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        )
        _EPISODE.pack_into(buffer, _PREFIX.size, episode, time.perf_counter(), dt, 0, 0, 0, flags)
        if self._bodies:
            kernels.put_motions(self._rows, self._bodies, self._bytes, HEAD + _IDENTITY.size, RECORD)
        for actor in world.news:
            record = self._records.get(actor)
            if record:
                offset, put = record
                put(buffer, offset, actor)
        world.news.clear()
        return buffer

    def _lay_out(self, world: World) -> None:
        self._world, self._revision = world, world.revision
        bodies = world.bodies
        loose = [actor for actor in world.actors.values() if not isinstance(actor, Solid)]
        actors: list[Actor] = [*bodies.solids, *loose]
        self.buffer = buffer = bytearray(HEAD + RECORD * len(actors))
        self._bytes = np.frombuffer(buffer, np.uint8)
        self._rows, self._bodies = bodies.rows, len(bodies)
        self._records = {}
        for index, actor in enumerate(actors):
            offset = HEAD + RECORD * index
            _IDENTITY.pack_into(buffer, offset, actor.id, ACTIVE)
            actor.renew()
            if isinstance(actor, Vehicle):
                self._records[actor] = (offset, _put_control)
            elif isinstance(actor, Walker):
                self._records[actor] = (offset, _put_walker)
            elif not isinstance(actor, Solid):
                self._records[actor] = (offset, _put_plain)


def _put_control(buffer: bytearray, offset: int, v: Vehicle) -> None:
    """The pedals, and what applies where it is."""
    c = v.control
    _CONTROL.pack_into(
        buffer, offset + UNION, c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift,
        c.gear, v.speed_limit, v.light_state, v.light_id > 0, v.light_id, 0,
    )  # fmt: skip


def _put_walker(buffer: bytearray, offset: int, w: Any) -> None:
    _WALKER.pack_into(buffer, offset + UNION, *w.direction, w.speed, w.jump)


def _put_plain(buffer: bytearray, offset: int, actor: Any) -> None:
    _PLAIN.pack_into(buffer, offset, actor.id, ACTIVE, *actor.pose, *_STILL, actor.union())


def sensor_message(kind: int, sensor: Actor, world: World, body: bytes) -> bytes:
    """One message of a sensor's stream, with its size in front."""
    size = _PREFIX.size - 4 + len(body)
    return _PREFIX.pack(size, kind, world.frame, world.elapsed, *sensor.pose) + body
