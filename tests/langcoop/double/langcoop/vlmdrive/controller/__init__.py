"""LangCoop's three controllers: one works, two fail, as at the commit that the contract is about."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from vlmdrive import VLMDRIVE_REGISTRY

FORESIGHT = 0.7  # share of the newest difference in the derivative


class PID:
    """Integral over ticks, never past the largest error so far; derivative from the second tick on."""

    def __init__(self, proportional: float, integral: float, derivative: float, window: int) -> None:
        self.gains = proportional, integral, derivative
        self.errors: deque[float] = deque(maxlen=window)
        self.peak = self.sum = 0.0

    def step(self, error: float) -> float:
        self.errors.append(error)
        self.peak = max(0.999 * self.peak, abs(error))
        bound = (self.peak + abs(error)) / 2
        self.sum = float(np.clip(self.sum + error, -bound, bound))
        slopes = np.diff(list(self.errors)[-3:])
        slope = 0.0
        if len(slopes):
            slope = slopes[-1] if len(slopes) == 1 else FORESIGHT * slopes[-1] + (1 - FORESIGHT) * slopes[-2]
        p, i, d = self.gains
        return p * error + i * self.sum + d * float(slope)


@VLMDRIVE_REGISTRY.register
class VLMControllerSpeedCurvature:
    """Speeds [m/s] and curvatures [degree/m], right positive, of which tick `buffer_idx` takes its own."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.turn, self.speed = (
            PID(*(config[f"{which}_{key}"] for key in ("KP", "KI", "KD", "n"))) for which in ("turn", "speed")
        )

    def run_step(self, route_info: dict[str, Any], buffer_idx: int = 0) -> tuple[float, float, bool, dict[int, str]]:
        """Steer -1..1, throttle 0..1, brake, notes. Raises: IndexError of a plan that is too short."""
        now = route_info["speed"]
        wanted = np.array(route_info["target_speed"])[buffer_idx]
        curvature = np.array(route_info["curvature"])[buffer_idx]
        steer = np.clip(self.turn.step(curvature / 180 * 3), -1.0, 1.0)
        throttle = self.speed.step(np.clip(wanted - now, 0.0, self.config["clip_delta"]))
        throttle = np.clip(throttle, 0.0, self.config["max_throttle"])
        brake = bool(now > wanted * self.config["brake_ratio"])
        return steer, throttle, brake, {1: f"speed {now:.2f} of {wanted:.2f}", 2: "stop_steps:N/A"}


@VLMDRIVE_REGISTRY.register
class VLMControllerWaypoint:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def run_step(self, route_info: dict[str, Any], buffer_idx: int = 0) -> Any:
        raise IndexError("broken upstream")


@VLMDRIVE_REGISTRY.register
class VLMControllerControl:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def run_step(self, route_info: dict[str, Any], buffer_idx: int = 0) -> Any:
        raise AttributeError("_window")
