"""What every sensor is: an actor with settings that says, frame by frame, what its message holds.

To add one: subclass `Sensor`, fill in `measure`, list the class in `kinds.py` and its blueprint in
`sensor_blueprints.py`. What several sensors share (a ray tracer, a renderer) they get from `site.share`.
"""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import Vector
from laco.scenarios.server.versions import sensor_kind

if TYPE_CHECKING:
    from laco.scenarios.server.simulation import Simulation
    from laco.scenarios.server.world import World

T = TypeVar("T")


@runtime_checkable
class Closable(Protocol):
    """Something that holds what must be given back."""

    def close(self) -> None:
        """Give it back."""


class Site:
    """What the sensors of one episode have in common: the world, and things made once for all of them."""

    def __init__(self, simulation: "Simulation") -> None:
        self.simulation = simulation
        self.world: World = simulation.world
        self._shared: dict[object, object] = {}

    @property
    def weather(self) -> list[float]:
        """The protocol's WeatherParameters, as they are now."""
        return self.simulation.weather

    def share(self, make: Callable[["World"], T]) -> T:
        """What `make(world)` returns, made when first asked for and kept for the episode. What it raises is
        raised again at the next attempt."""
        if make not in self._shared:
            self._shared[make] = make(self.world)
        return self._shared[make]  # type: ignore[return-value] # kept under its own maker

    def close(self) -> None:
        """Close what was made and can be closed."""
        for thing in self._shared.values():
            if isinstance(thing, Closable):
                thing.close()
        self._shared.clear()


class Sensor:
    """One sensor. A subclass raises `RefusedError` when its settings make no sense or it lacks a package."""

    def __init__(self, site: Site, actor: Actor) -> None:
        self.site = site
        self.actor = actor
        self.kind = sensor_kind(actor.blueprint.id)
        self._values = {name: value for name, _, value in actor.attributes}
        self.period = self.number("sensor_tick", 0.0, 1e6) if "sensor_tick" in self._values else 0.0  # [s]
        self.seed = self.whole("noise_seed", -(2**63), 2**63 - 1) if "noise_seed" in self._values else 0
        self.born = self.last = site.world.elapsed  # [s]
        self._first = site.world.frame
        self.due = -math.inf  # [s] in the first frame, then by its period

    def measure(self, dt: float) -> Iterable[bytes]:
        """Bodies of its messages about the present frame: one, or as many as there were events. `dt` [s] has
        passed since it was last due, whether or not anyone listened then."""
        raise NotImplementedError

    def close(self) -> None:
        """It is no more: give back what only it used."""

    def text(self, name: str) -> str:
        """An attribute as it was given."""
        return str(self._values[name])

    def flag(self, name: str) -> bool:
        """An attribute that is true or false."""
        return self.text(name).strip().lower() in ("true", "1")

    def number(self, name: str, low: float, high: float) -> float:
        """An attribute as a number; raises `RefusedError` for one outside the range."""
        try:
            value = float(self._values[name])
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            what = f"{self.actor.blueprint.id}: {name}={self._values[name]!r}"
            raise RefusedError(f"{what} is not within {low:g} to {high:g}")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """An attribute as a whole number; raises `RefusedError` like `number`."""
        value = self.number(name, low, high)
        if value != int(value):
            raise RefusedError(f"{self.actor.blueprint.id}: {name}={value:g} is not a whole number")
        return int(value)

    def random(self) -> np.random.Generator:
        """The noise of this frame. It depends on how long the sensor has been there: frames before that are not
        the same in every run. Like CARLA's it depends on the attribute `noise_seed`, not on the actor."""
        seeds = [abs(self.site.simulation.seed), abs(self.seed), self.seed < 0]
        return np.random.default_rng([*seeds, self.site.world.frame - self._first])

    @property
    def holder(self) -> Solid | None:
        """The body on which it is mounted."""
        parent = self.actor.parent
        while parent is not None and not isinstance(parent, Solid):
            parent = parent.parent
        return parent

    def velocity(self) -> Vector:
        """Of the place where it is mounted [m/s], in the world's frame, with what the turn of its holder
        adds."""
        holder = self.holder
        if holder is None:
            return 0.0, 0.0, 0.0
        vx, vy, vz = holder.velocity
        rate = math.radians(holder.yaw_rate)
        return vx - rate * (self.actor.y - holder.y), vy + rate * (self.actor.x - holder.x), vz
