"""What thinking costs on the simulation clock: nothing (`frozen`), or what it takes (`charged`)."""

import math
from dataclasses import dataclass

from laco.comm.radio import WINDOW
from laco.errors import ConfigError


@dataclass(frozen=True)
class Clock:
    """charged: whether time goes on while vehicles think. compute: of every decision [s]; None as it is measured."""

    charged: bool = False
    compute: float | None = None

    @classmethod
    def from_text(cls, text: str) -> "Clock":
        """`frozen`, `charged` or `charged:MS`. Raises: ConfigError."""
        name, colon, number = text.partition(":")
        if name == "frozen" and not colon:
            return cls()
        if name == "charged" and not colon:
            return cls(True)
        try:
            compute = float(number) / 1e3
        except ValueError:
            compute = math.nan
        if name != "charged" or not (math.isfinite(compute) and compute >= 0.0):
            raise ConfigError(f"time must be frozen, charged or charged:MS, not {text!r}")
        return cls(True, compute)

    def cost(self, measured: float) -> float:
        """Simulated time that something takes which took `measured` on the wall clock [s]."""
        if not self.charged:
            return 0.0
        return measured if self.compute is None else self.compute

    def wait(self, measured: float) -> float:
        """From a decision to when its plan takes effect [s]: the window that is listened in, and the thinking."""
        return WINDOW + self.cost(measured) if self.charged else 0.0
