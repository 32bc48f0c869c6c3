"""Game time."""

from __future__ import annotations

import datetime


class GameTime:
    _seconds, _frame = 0.0, 0

    @classmethod
    def on_tick(cls, seconds: float, frame: int) -> None:
        cls._seconds, cls._frame = seconds, frame

    @classmethod
    def get_time(cls) -> float:
        """[s]"""
        return cls._seconds

    @classmethod
    def get_frame(cls) -> int:
        return cls._frame

    @staticmethod
    def get_wallclocktime() -> datetime.datetime:
        return datetime.datetime.now()
