"""What the sensors of a car say, in the shapes and units that leaderboards hand to agents."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from plane.bodies import HALF_HEIGHT, HALF_WIDTH, Vehicle
from plane.roads import geographic
from plane.world import World

Array = Any  # numpy of Python 3.7 has no numpy.typing
SKY, ROAD, LINE = (235, 206, 135), (90, 90, 90), (250, 250, 250)  # BGR
DASH = 4.0  # [m] from one white line to the next
PAINT = [(60, 60, 200), (200, 80, 60), (60, 200, 80), (200, 200, 60)]  # BGR, by car


def read(spec: dict[str, Any], vehicle: Vehicle, world: World) -> Any:
    """One sensor's value. spec: as agents list them in `sensors()`."""
    kind = spec["type"]
    if kind == "sensor.camera.rgb":
        return camera(spec, vehicle, world)
    if kind.startswith("sensor.lidar"):
        return lidar(spec, vehicle, world)
    if kind == "sensor.other.imu":
        return imu(vehicle)
    if kind == "sensor.other.gnss":
        at = geographic(vehicle.x, vehicle.y, 0.0)
        return np.array([at["lat"], at["lon"], at["z"]])
    if kind == "sensor.speedometer":
        return {"speed": vehicle.speed}
    raise ValueError(f"no sensor of the kind {kind}")


def imu(vehicle: Vehicle) -> Array:
    """[7]: acceleration, gyroscope, compass: 0 to the north (-y), pi/2 to the east (+x)."""
    compass = (vehicle.yaw + math.pi / 2) % (2 * math.pi)
    return np.array([vehicle.pull, 0.0, 9.81, 0.0, 0.0, math.radians(vehicle.get_angular_velocity().z), compass])


def lidar(spec: dict[str, Any], vehicle: Vehicle, world: World) -> Array:
    """[n, 4] float32: the other cars' corners and middle, and a ring on the ground, in the vehicle's frame."""
    angles = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    ring = np.stack([8 * np.cos(angles), 8 * np.sin(angles), np.full(64, -spec["z"]), np.ones(64)], axis=1)
    corners = [corner for other in others(vehicle, world) for corner in other.corners()]
    seen = [(*ahead(vehicle, x, y), HALF_HEIGHT - spec["z"], 1.0) for x, y in corners]
    return np.array([*ring, *seen], dtype=np.float32)


def others(vehicle: Vehicle, world: World) -> list[Vehicle]:
    return [other for other in world.vehicles.values() if other is not vehicle]


def ahead(vehicle: Vehicle, x: float, y: float, yaw: float = 0.0) -> tuple[float, float]:
    """A point of the world as [m] forward and right of a vehicle, or of what is turned by `yaw` [rad] on it."""
    c, s = math.cos(vehicle.yaw + yaw), math.sin(vehicle.yaw + yaw)
    return (x - vehicle.x) * c + (y - vehicle.y) * s, (y - vehicle.y) * c - (x - vehicle.x) * s


def camera(spec: dict[str, Any], vehicle: Vehicle, world: World) -> Array:
    """[height, width, 4] uint8, BGRA: sky, road, lines that come nearer to who looks ahead, and the others as boxes."""
    width, height = int(spec["width"]), int(spec["height"])
    yaw = math.radians(spec.get("yaw", 0.0))
    focal = width / 2 / math.tan(math.radians(float(spec["fov"])) / 2)
    seen = [(*ahead(vehicle, other.x, other.y, yaw), other.id) for other in others(vehicle, world)]
    seen = sorted(place for place in seen if place[0] > 1.0)
    picture = backdrop(width, height)
    if not seen and yaw:
        return picture
    picture = picture.copy()
    if not yaw:
        down = np.arange(1, height - height // 2)  # rows below the horizon
        along = vehicle.x * math.cos(vehicle.yaw) + vehicle.y * math.sin(vehicle.yaw)
        dashes = height // 2 + down[(along + focal * spec["z"] / down) % DASH < DASH / 2]
        picture[dashes, width // 2 - 5 : width // 2 + 5, :3] = LINE
    for depth, right, number in reversed(seen):
        paint(picture, focal / depth, right, spec["z"], PAINT[number % len(PAINT)])
    return picture


@lru_cache(maxsize=4)
def backdrop(width: int, height: int) -> Array:
    picture = np.full((height, width, 4), 255, dtype=np.uint8)
    picture[: height // 2, :, :3] = SKY
    picture[height // 2 :, :, :3] = ROAD
    picture.flags.writeable = False
    return picture


def paint(picture: Array, scale: float, right: float, eye: float, colour: tuple[int, int, int]) -> None:
    """A car's back. scale [pixels/m] at its distance; right [m] of the middle; eye [m] height of the camera."""
    height, width = picture.shape[:2]
    rows = [height / 2 + scale * (eye - 2 * HALF_HEIGHT), height / 2 + scale * eye]
    columns = [width / 2 + scale * (right - HALF_WIDTH), width / 2 + scale * (right + HALF_WIDTH)]
    top, bottom = (int(min(height, max(0, v))) for v in rows)
    left, end = (int(min(width, max(0, u))) for u in columns)
    picture[top:bottom, left:end, :3] = colour
