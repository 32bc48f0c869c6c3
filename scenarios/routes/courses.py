"""Routes with the map that each is driven on: everything is planned before anything is driven."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from laco.errors import ScenarioError
from laco.scenarios.layout import Layout
from laco.scenarios.routes.ground import Ground, of_file, of_server, of_town
from laco.scenarios.routes.layouts import layout
from laco.scenarios.routes.reading import Task
from laco.scenarios.stage import Simulator

UNNAMED = "OpenDriveMap"  # what CARLA calls a map that it was sent


@dataclass(frozen=True, eq=False)
class Course:
    """A route, its map, and who starts where."""

    task: Task
    ground: Ground
    layout: Layout


@dataclass
class Grounds:
    """Which map a route is driven on: the one named, else the server's present one, else the route's own town."""

    named: str | None = None
    server: Simulator | None = None
    _known: dict[str, Ground] = field(default_factory=dict)

    def of(self, task: Task) -> Ground:
        """Raises: ScenarioError when there is no such map, or the server is on another."""
        key = self.named or ("" if self.server else f"{task.town} of {task.source.parent}")
        if key not in self._known:
            self._known[key] = self._load(task)
        found = self._known[key]
        there = self.server is not None and self.named is None and found.name != UNNAMED
        if there and task.town not in ("", found.name):
            raise ScenarioError(
                f"{task.source}: route {task.id} is made for {task.town}, and the server is on {found.name}; "
                "load the town there, or name a map with --map"
            )
        return found

    def _load(self, task: Task) -> Ground:
        if self.named is not None:
            return of_file(self.named)
        return of_server(self.server) if self.server is not None else of_town(task.town, task.source)


def courses(tasks: Sequence[Task], grounds: Grounds, egos: int | None = None, seed: int = 0) -> list[Course]:
    """All of them, planned. Raises: ScenarioError for the first that cannot be."""
    return [course(task, grounds, egos, seed) for task in tasks]


def course(task: Task, grounds: Grounds, egos: int | None = None, seed: int = 0) -> Course:
    """One of them."""
    ground = grounds.of(task)
    return Course(task, ground, layout(task, ground, egos, seed))
