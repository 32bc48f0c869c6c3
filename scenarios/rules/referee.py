"""Who watches a run: the rules of the road, vehicle by vehicle, into the vehicles' drives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from laco.agents.observation import Body
from laco.agents.route import Route
from laco.scenarios.metrics import Drive
from laco.scenarios.rules.lanes import LaneWatch
from laco.scenarios.rules.lights import RedLights
from laco.scenarios.rules.stops import StopSigns, zones


@dataclass
class _Watch:
    lights: RedLights
    signs: StopSigns
    lanes: LaneWatch
    progress: float = 0.0  # [m] when last looked at


@dataclass
class Referee:
    """Watches the vehicles of one run.

    make: the drive of each vehicle, by its name and its route's length [m]. clears: whether who has ended leaves the
    road to the others, as on the leaderboard.
    """

    world: Any
    road_map: Any
    make: Callable[[str, float], Drive] = field(default=lambda _, length: Drive(length))
    clears: bool = False

    def drives(self, routes: Mapping[str, Route]) -> dict[str, Drive]:
        """A drive for each vehicle, which is watched from now on."""
        lights = list(self.world.get_actors().filter("traffic.traffic_light*"))
        signs = zones(self.world, self.road_map)
        self._watches = {
            name: _Watch(RedLights(lights), StopSigns(signs), LaneWatch(self.road_map)) for name in routes
        }
        return {name: self.make(name, route.length) for name, route in routes.items()}

    def watch(self, name: str, drive: Drive, route: Route, along: float, body: Body, z: float) -> None:
        """One tick of a vehicle; along: where it is on its route [m], z: its height [m]."""
        watch = self._watches[name]
        light = watch.lights.watch(body)
        if light is not None:
            drive.pass_signal("red_light", drive.time, light)
        sign = watch.signs.watch(body, route, along)
        if sign is not None:
            drive.pass_signal("stop", drive.time, sign)
        if watch.lanes.watch(body, z):
            drive.off_lane += drive.progress - watch.progress
        watch.progress = drive.progress
