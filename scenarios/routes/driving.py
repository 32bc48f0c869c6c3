"""A planned route is driven: lights as the benchmark has them, a referee by its letter, and what comes of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from laco.scenarios.layout import Layout
from laco.scenarios.metrics import timeout
from laco.scenarios.routes.drive import RouteDrive
from laco.scenarios.routes.records import record, together
from laco.scenarios.routes.scores import Score, interdrive, langcoop
from laco.scenarios.rules.lights import freeze_green, thaw
from laco.scenarios.rules.referee import Referee
from laco.scenarios.runner import Progress, Record
from laco.scenarios.session import Given, Options, Result, Session
from laco.scenarios.stage import Stage

ROOM = 20.0  # [s] in which traffic may clear the place where a vehicle is to start


@dataclass(frozen=True)
class Driven:
    """A route as it went. result: with the messages; None when the expert drove. wall: [s] that it took."""

    route: str
    record: Record
    result: Result | None
    wall: float

    @property
    def drives(self) -> list[RouteDrive]:
        """In the order of the vehicles."""
        return [drive for drive in self.record.drives.values() if isinstance(drive, RouteDrive)]

    def records(self, index: int) -> list[dict[str, Any]]:
        """In LangCoop's form, a vehicle each; index: the route's among all."""
        return [record(self.route, index, drive, self.wall) for drive in self.drives]

    @property
    def single(self) -> list[Score]:
        """Each vehicle's score."""
        return [langcoop(drive) for drive in self.drives]

    @property
    def joint(self) -> Score:
        """InterDrive's score."""
        return interdrive(self.drives)

    @property
    def together(self) -> dict[str, Any]:
        """InterDrive's figures."""
        return together(self.drives)


def drive(
    session: Session, route: str, layout: Layout, options: Options | None, green: bool, progress: Progress | None = None
) -> Driven:
    """One route from a fresh start. options: driver, channel and radio; None for the expert. green: all lights are.

    A map that is loaded by its name begins anew, so that lights and traffic of a run do not depend on the run before.
    """
    session.simulator.renew()
    given = Given(layout, refereeing(layout, green), ROOM)
    began = monotonic()
    if options is None:
        found = session.expert_on(given, progress)
        return Driven(route, found, None, monotonic() - began)
    result = session.run(options, {}, progress, given=given)
    return Driven(route, result.record, result, monotonic() - began)


def refereeing(layout: Layout, green: bool) -> Callable[[Stage], AbstractContextManager[Referee]]:
    """Who watches a run of this layout. green: the lights are, while it goes on."""
    return partial(_referee, layout=layout, green=green)


@contextmanager
def _referee(stage: Stage, layout: Layout, green: bool) -> Iterator[Referee]:
    routes = layout.routes()
    limit = timeout(next(iter(routes.values())).length)  # the first vehicle's route is everybody's

    def make(name: str, length: float) -> RouteDrive:
        x, y = map(float, routes[name].points[-1])
        return RouteDrive(length, limit=limit, end=(x, y))

    if green:
        freeze_green(stage.world)
    try:
        yield Referee(stage.world, stage.road_map, make, clears=True)
    finally:
        if green and stage.simulator.answers():
            with suppress(RuntimeError):
                thaw(stage.world)
