"""What clients may set and ask back although nothing in the world depends on it; each episode starts anew."""

from dataclasses import dataclass, field


@dataclass
class Remembered:
    """Wheel angles [deg] of frozen vehicles by (actor id, wheel), vehicles each actor ignores, the IMU's gravity
    [m/s^2], and streams meant for ROS."""

    wheel_steer: dict[tuple[int, int], float] = field(default_factory=dict)
    wheel_pitch: dict[tuple[int, int], float] = field(default_factory=dict)
    ignored: dict[int, list[int]] = field(default_factory=dict)
    imu_gravity: float = 9.81
    ros_streams: set[int] = field(default_factory=set)
