"""Where the values of all sensors of all egos come together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SensorConfigurationInvalid(Exception):
    """A sensor that the leaderboard does not allow."""


class SensorInterface:
    def __init__(self) -> None:
        self._sensors_objects: dict[str, Callable[[], Any]] = {}
        self.frame = 0

    def register_sensor(self, tag: str, read: Callable[[], Any]) -> None:
        if tag in self._sensors_objects:
            raise SensorConfigurationInvalid(f"Duplicated sensor tag [{tag}]")
        self._sensors_objects[tag] = read

    def get_data(self) -> dict[str, tuple[int, Any]]:
        """By tag, (frame, value)."""
        self.frame += 1
        return {tag: (self.frame, read()) for tag, read in self._sensors_objects.items()}
