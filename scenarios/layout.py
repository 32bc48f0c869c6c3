"""Who stands where when a scenario starts: plain data, for the server, the checker and the training alike."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """A vehicle to spawn, in CARLA's frame: position [m], yaw [deg], initial speed [m/s] along it."""

    role: str
    blueprint: str
    x: float
    y: float
    yaw: float
    speed: float = 0.0


@dataclass(frozen=True, eq=False)
class Ego:
    """A connected vehicle: its placement and the route [n, 2] it is to drive, [m]."""

    placement: Placement
    route: Array

    @property
    def name(self) -> str:
        """The vehicle's name on the wire."""
        return self.placement.role


@dataclass(frozen=True, eq=False)
class Layout:
    """One seed of a scenario.

    egos: connected vehicles, the first is ego A; parked: standing vehicles; hazard: the unconnected vehicle
    that keeps its speed, None in the twin; limit: speed limit [m/s].
    """

    scenario: str
    seed: int
    map: str
    limit: float
    egos: tuple[Ego, ...]
    parked: tuple[Placement, ...] = ()
    hazard: Placement | None = None
    notes: dict[str, float] = field(default_factory=dict)

    def twin(self) -> "Layout":
        """The same seed without its hazard; nothing else differs."""
        return replace(self, hazard=None)
