"""Who stands where when a scenario starts, and what it does then: plain data for server, checker and training."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from laco.agents.perception import Approach
from laco.agents.route import Route

Array = NDArray[np.float64]
Profile = tuple[tuple[float, float], ...]
"""Speeds [m/s] at times [s] since a script's clock started: linear in between, held before and after."""


@dataclass(frozen=True)
class Placement:
    """What to spawn (a `vehicle.`, a `walker.` or a `static.prop.`), in CARLA's frame: position [m], yaw [deg],
    initial speed [m/s] along it, height of the ground [m]."""

    role: str
    blueprint: str
    x: float
    y: float
    yaw: float
    speed: float = 0.0
    z: float = 0.0

    @property
    def walks(self) -> bool:
        """Whether it is a person on foot."""
        return self.blueprint.startswith("walker.")


@dataclass(frozen=True, eq=False)
class Ego:
    """A connected vehicle: its placement and the route [n, 2] it is to drive, [m].

    limits: [k, 2] of route covered [m] and the speed limit there [m/s], linear in between; None: the layout's.
    """

    placement: Placement
    route: Array
    limits: Array | None = None

    @property
    def name(self) -> str:
        """The vehicle's name on the wire."""
        return self.placement.role

    def limit(self, along: float, default: float) -> float:
        """Speed limit [m/s] after `along` [m] of the route."""
        return default if self.limits is None else float(np.interp(along, *self.limits.T))


@dataclass(frozen=True)
class Gate:
    """Opens once an ego has covered `along` [m] of its route."""

    ego: str
    along: float


@dataclass(frozen=True, eq=False)
class Mover:
    """An unconnected road user on a script.

    placement: its speed is what it does until its clock starts. path: [n, 2] from there, straight on past the end.
    gate: what starts its clock; None for the start of the run. hazard: whether the twin lacks it, or has it
    with the profile `calm` instead.
    """

    placement: Placement
    path: Array
    profile: Profile
    gate: Gate | None = None
    hazard: bool = False
    calm: Profile | None = None

    @classmethod
    def steady(cls, placement: Placement, *, hazard: bool = False) -> "Mover":
        """One that goes straight on at its initial speed."""
        yaw = math.radians(placement.yaw)
        start = np.array([placement.x, placement.y])
        path = np.array([start, start + 100.0 * np.array([math.cos(yaw), math.sin(yaw)])])
        return cls(placement, path, ((0.0, placement.speed),), hazard=hazard)

    @property
    def role(self) -> str:
        """Its name in the scene."""
        return self.placement.role


@dataclass(frozen=True)
class Crossing:
    """A place that every map knows: road users of at most `pace` [m/s] may come along the line of `length` [m] that
    leads to (x, y) with `heading` [deg]: a crosswalk, a gap at the kerb, a lane to merge into."""

    x: float
    y: float
    heading: float
    length: float
    pace: float

    def approach(self) -> Approach:
        """What perception asks how much of it can be seen."""
        return Approach.straight((self.x, self.y), math.radians(self.heading), self.length, self.pace)


@dataclass(frozen=True, eq=False)
class Layout:
    """One seed of a scenario.

    egos: connected vehicles, the first is ego A; parked: vehicles and props that stand; movers: everybody else;
    crossings: what lanes through junctions do not tell; limit: speed limit [m/s]. green: the map's lights stand still,
    green for traffic along this heading and against it [deg], red for the rest; None: they change as they do.
    """

    scenario: str
    seed: int
    map: str
    limit: float
    egos: tuple[Ego, ...]
    parked: tuple[Placement, ...] = ()
    movers: tuple[Mover, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    green: float | None = None
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def hazards(self) -> tuple[Mover, ...]:
        """The movers that the twin lacks, or that behave there."""
        return tuple(mover for mover in self.movers if mover.hazard)

    def twin(self) -> "Layout":
        """The same seed without its hazards; nothing else differs."""
        calm = [m for m in self.movers if not m.hazard or m.calm is not None]
        movers = tuple(replace(m, hazard=False, profile=m.profile if m.calm is None else m.calm) for m in calm)
        return replace(self, movers=movers)

    def placements(self) -> tuple[Placement, ...]:
        """Everything to spawn: egos, movers, then what stands."""
        return (*(e.placement for e in self.egos), *(m.placement for m in self.movers), *self.parked)

    def routes(self) -> dict[str, Route]:
        """Each ego's route by its name."""
        return {ego.name: Route.through(ego.route) for ego in self.egos}
