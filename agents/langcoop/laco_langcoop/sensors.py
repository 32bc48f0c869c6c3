"""The sensors of a vehicle that brings its own agent: LangCoop's front camera, receiver, compass and speedometer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from laco_langcoop.simulator import speedometer

CAMERA = {"type": "sensor.camera.rgb", "x": 1.3, "y": 0.0, "z": 2.3, "roll": 0.0, "pitch": 0.0, "yaw": 0.0,
          "width": 800, "height": 600, "fov": 100, "id": "rgb_front"}  # fmt: skip
MIDDLE = {"x": 0.0, "y": 0.0, "z": 0.0, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}
GNSS = {"type": "sensor.other.gnss", "id": "gps", **MIDDLE}
IMU = {"type": "sensor.other.imu", "id": "imu", **MIDDLE}
SPEED = {"type": "sensor.speedometer", "reading_frequency": 20, "id": "speed"}


def suite(bare: bool = False) -> list[dict[str, Any]]:
    """For an agent's `sensors`. bare: only what ScenarioRunner's own agents can have."""
    return [dict(sensor) for sensor in ((CAMERA, GNSS) if bare else (CAMERA, GNSS, IMU, SPEED))]


def image(pixels: Any) -> dict[str, Any]:
    """Pixels [height, width, 3] as the wire's `image`; the bytes are not copied where they lie in a row."""
    rows = np.ascontiguousarray(pixels, dtype=np.uint8)
    height, width, _ = rows.shape
    return {"width": width, "height": height, "rgb": rows.data.cast("B")}


class Reading(NamedTuple):
    """rgb: [height, width, 3]; gps: [lat, lon, alt]; compass [rad] and speed [m/s] where there are such sensors."""

    rgb: Any
    gps: Any
    compass: float | None
    speed: float | None


def read(data: dict[str, Any], suffix: str = "") -> Reading | None:
    """One vehicle's part of an evaluator's `input_data`, whose keys end in `suffix`; None if its camera is gone."""
    frame, gps = data.get("rgb_front" + suffix), data.get("gps" + suffix)
    if frame is None or gps is None:
        return None
    imu = data.get("imu" + suffix)
    compass = None if imu is None else float(imu[1][-1])
    pixels = np.ascontiguousarray(np.asarray(frame[1])[:, :, 2::-1])  # of blue, green, red, alpha
    return Reading(pixels, gps[1], compass, speedometer(data.get("speed" + suffix)))
