"""A route and a map become a layout: who starts where, and which way each drives."""

from laco.errors import ScenarioError
from laco.scenarios.layout import Ego, Layout, Placement
from laco.scenarios.routes.formation import around
from laco.scenarios.routes.ground import Ground
from laco.scenarios.routes.planning import Way, plan
from laco.scenarios.routes.reading import Task

CAR = "vehicle.lincoln.mkz_2017"  # the benchmarks' own
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VEHICLES = 2  # around a single route, as LangCoop drives them
PREFIX = "route-"


def layout(task: Task, ground: Ground, egos: int | None = None, seed: int = 0) -> Layout:
    """egos: how many vehicles; by default all that have a route of their own, and two around a single route.

    Raises: ScenarioError when a route cannot be driven on this map.
    """
    placed = [_ego(number, way, ground) for number, way in enumerate(ways(task, ground, egos))]
    fastest = max(float(ego.limits[:, 1].max()) for ego in placed if ego.limits is not None)
    return Layout(PREFIX + task.id, seed, ground.map, fastest, tuple(placed))


def ways(task: Task, ground: Ground, egos: int | None = None) -> list[Way]:
    """The planned route of each vehicle."""
    own = len(task.ways)
    count = egos or (own if own > 1 else VEHICLES)
    where = f"{task.source}: route {task.id}"
    if count > len(LETTERS):
        raise ScenarioError(f"{where}: {count} vehicles are more than {len(LETTERS)}")
    if own > 1 and count > own:
        raise ScenarioError(f"{where} has files for {own} vehicles, not for {count}")
    if own > 1:
        names = [f"{where}, vehicle {number}" for number in range(count)]
        return [plan(ground.graph, way, name, ground.name) for way, name in zip(task.ways, names, strict=False)]
    first = plan(ground.graph, task.ways[0], where, ground.name)
    return around(ground.graph, first, task.ways[0], count, where, ground.name)


def _ego(number: int, way: Way, ground: Ground) -> Ego:
    x, y, z = map(float, way.points[0])
    place = Placement(LETTERS[number], CAR, x, y, way.yaw, z=z)
    return Ego(place, way.points[:, :2], ground.limits(way))
