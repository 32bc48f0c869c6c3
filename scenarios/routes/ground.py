"""The map that routes are planned on: a shipped one, a file of the user's, or the one a server is on."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from laco.errors import ScenarioError
from laco.scenarios.maps import SUFFIX, available, read_map
from laco.scenarios.routes.lanes import LaneGraph
from laco.scenarios.routes.planning import Way
from laco.scenarios.server.limits import UNSAID, RoadLimits
from laco.scenarios.server.roads import Roads
from laco.scenarios.stage import CURRENT, Simulator

EVERY = 5.0  # [m] at which the speed limit is asked for
EASE = 2.0  # [m/s^2] at which a vehicle slows down to a lower limit, before it


@dataclass(frozen=True, eq=False)
class Ground:
    """name: for messages; map: for the server, a name, a file or `CURRENT`."""

    name: str
    map: str
    roads: Roads

    @cached_property
    def graph(self) -> LaneGraph:
        """Its lanes."""
        return LaneGraph(self.roads.map)

    @cached_property
    def _limits(self) -> RoadLimits:
        return RoadLimits(self.roads)

    def limits(self, way: Way) -> NDArray[np.float64]:
        """[k, 2] of route covered [m] and the speed limit there [m/s], eased down to lower ones ahead."""
        steps = np.hypot(*np.diff(way.points[:, :2], axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        at = np.append(np.arange(0.0, along[-1], EVERY), along[-1])
        points = np.stack([np.interp(at, along, way.points[:, i]) for i in range(3)], axis=1)
        found = np.array([(self._limits.at(*map(float, p)) or UNSAID) / 3.6 for p in points])
        for i in range(len(at) - 2, -1, -1):
            found[i] = min(found[i], float(np.sqrt(found[i + 1] ** 2 + 2 * EASE * (at[i + 1] - at[i]))))
        return np.stack([at, found], axis=1)


def of_file(name_or_path: str) -> Ground:
    """A shipped map or an OpenDRIVE file. Raises: ScenarioError."""
    name = name_or_path if name_or_path in available() else Path(name_or_path).stem
    return Ground(name, name_or_path, Roads(read_map(name_or_path), name))


def of_town(town: str, beside: Path) -> Ground:
    """The map that a route file names: a shipped one, or TOWN.xodr beside the file or here. Raises: ScenarioError."""
    if town in available():
        return of_file(town)
    folder = beside if beside.is_dir() else beside.parent
    for path in (folder / f"{town}{SUFFIX}", Path(f"{town}{SUFFIX}")) if town else ():
        if path.is_file():
            return of_file(str(path))
    asked = f"is made for {town}, which is not ours to ship" if town else "does not say which map it is made for"
    raise ScenarioError(
        f"{beside} {asked}: name a map with --map (laco world save-map saves a CARLA server's) or a server with --carla"
    )


def of_server(simulator: Simulator) -> Ground:
    """The map that a server is on; it stays on it. Raises: WorldError, ScenarioError."""
    with simulator.asking("the server did not tell its map"):
        road_map = simulator.world.get_map()
    name = str(road_map.name).rsplit("/", 1)[-1]
    return Ground(name, CURRENT, Roads(str(road_map.to_opendrive()), name))
