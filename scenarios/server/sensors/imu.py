"""What an inertial unit feels: acceleration with gravity, turn, and the direction of north.

The state is that of the body on which it is mounted, moved to the place of the sensor. On level ground at rest
it reads (0, 0, 9.81) m/s^2. North is -y: facing x (east) the compass says pi/2.
"""

import math
from collections.abc import Iterable

import msgpack

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.poses import Axes, Vector, axes
from laco.scenarios.server.sensors.base import Sensor, Site

GRAVITY = 9.81  # [m/s^2]
LARGEST = 1e6  # of noise, [m/s^2] or [rad/s]


class Imu(Sensor):
    """Body: MessagePack `[accelerometer [m/s^2], gyroscope [rad/s], compass [rad]]`, in the sensor's frame."""

    def __init__(self, site: Site, actor: Actor) -> None:
        super().__init__(site, actor)
        spreads = [f"noise_{part}_stddev_{axis}" for part in ("accel", "gyro") for axis in "xyz"]
        self._spread = [self.number(name, 0.0, LARGEST) for name in spreads]
        self._bias = [self.number(f"noise_gyro_bias_{axis}", -LARGEST, LARGEST) for axis in "xyz"]

    def measure(self, dt: float) -> Iterable[bytes]:
        """The three readings."""
        frame = axes(self.actor.pose)
        acceleration, spin = self._motion()
        felt = *_seen_from(frame, acceleration), *_seen_from(frame, spin)
        noise = self.random().normal([0.0, 0.0, 0.0, *self._bias], self._spread)
        a, b, c, d, e, f = (value + float(error) for value, error in zip(felt, noise, strict=True))
        east, south, _ = frame[0]
        yield msgpack.packb([[a, b, c], [d, e, f], math.atan2(east, -south) % (2 * math.pi)])

    def _motion(self) -> tuple[Vector, Vector]:
        """Acceleration [m/s^2] of the sensor's place, gravity's reaction included, and turn [rad/s], in the
        world's frame."""
        holder = self.holder
        if holder is None:
            return (0.0, 0.0, GRAVITY), (0.0, 0.0, 0.0)
        ax, ay, az = holder.acceleration
        rate = math.radians(holder.yaw_rate)
        inward = rate * rate
        ax, ay = ax - inward * (self.actor.x - holder.x), ay - inward * (self.actor.y - holder.y)
        spin = (math.radians(holder.roll_rate), math.radians(holder.pitch_rate), rate)
        return (ax, ay, az + GRAVITY), spin


def _seen_from(frame: Axes, v: Vector) -> Vector:
    """A vector of the world's frame along the axes of `frame`."""
    x, y, z = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2] for axis in frame)
    return x, y, z
