"""Latency, charged as CoLMDriver does it: while a decision is on its way the vehicles hold the control they had."""

from __future__ import annotations

from typing import Any

RATE = 20  # [Hz] of every evaluator here


class Hold:
    """charge: None or `frozen` (thinking costs no simulated time), `measured`, or a fixed time [ms]."""

    def __init__(self, charge: Any = None) -> None:
        self.charge = charge
        self._until = 0

    def ticks(self, seconds: float) -> int:
        """Ticks that a decision holds the control which was in force before it."""
        if self.charge in (None, "frozen"):
            return 0
        return int((seconds if self.charge == "measured" else float(self.charge) / 1000.0) * RATE)

    def start(self, step: int, seconds: float) -> None:
        """A decision was begun at this tick and took `seconds`."""
        self._until = step + self.ticks(seconds)

    def busy(self, step: int) -> bool:
        """Whether a decision is still on its way at this tick; no other one begins then."""
        return step < self._until
