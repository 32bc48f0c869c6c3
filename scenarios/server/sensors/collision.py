"""Tells of every contact of the body on which it is mounted."""

from collections.abc import Iterable

import msgpack

from laco.scenarios.server.sensors.base import Sensor


class CollisionDetector(Sensor):
    """Bodies: MessagePack `[Actor self, Actor other, normal_impulse [N s]]`, one for each contact of the last
    tick. What stands beside the road is an actor of the level: id 0, named after its kind."""

    def measure(self, dt: float) -> Iterable[bytes]:
        """One body for each contact; the impulse is what its holder got."""
        me = self.actor.parent
        for first, second, (x, y) in self.site.world.contacts:
            if first is me:
                yield msgpack.packb([first.wire(), second.wire(), [-x, -y, 0.0]])
            if second is me:
                yield msgpack.packb([second.wire(), first.wire(), [x, y, 0.0]])
