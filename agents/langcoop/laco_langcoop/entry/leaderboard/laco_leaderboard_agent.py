"""One LACO vehicle under the stock CARLA leaderboard or ScenarioRunner's route scenarios. For `--agent`.

ScenarioRunner gives an agent no compass and no speedometer: heading and speed then come from the way that was driven.
"""

from __future__ import annotations

from typing import Any

import carla

from laco_langcoop import config, sensors
from laco_langcoop.convoy import Convoy, Sensed
from laco_langcoop.geometry import Route
from laco_langcoop.localisation import Localiser
from laco_langcoop.simulator import planned

try:
    from leaderboard.autoagents import autonomous_agent

    BARE = False
except ImportError:
    from srunner.autoagents import autonomous_agent

    BARE = True


def get_entry_point() -> str:
    return "LacoLeaderboardAgent"


class LacoLeaderboardAgent(autonomous_agent.AutonomousAgent):  # type: ignore[misc]
    """Drives `ego0`; its peers are whoever shares its `endpoints` from another process."""

    def setup(self, path_to_conf_file: str) -> None:
        self.config = config.load(path_to_conf_file)
        self._convoy = Convoy(self.config, 1)
        self._route: Route | None = None
        self._localiser: Localiser | None = None

    def sensors(self) -> list[dict[str, Any]]:
        return sensors.suite(bare=BARE)

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        (found,) = self._convoy.step([self._sense(input_data, timestamp)], timestamp)
        throttle, steer, brake = (0.0, 0.0, 1.0) if found is None else found
        return carla.VehicleControl(throttle=float(throttle), steer=float(steer), brake=float(brake))

    def destroy(self) -> None:
        self._convoy.close()

    def _sense(self, input_data: dict[str, Any], now: float) -> Sensed | None:
        reading = sensors.read(input_data)
        if self._route is None:
            self._route = planned(self, None)
        if reading is None or self._route is None:
            return None
        if self._localiser is None:
            self._localiser = Localiser.along(self._global_plan, self._global_plan_world_coord)
        pose = self._localiser.pose(reading.gps, reading.compass, now)
        speed = self._localiser.speed if reading.speed is None else reading.speed
        return Sensed(pose, speed, reading.rgb, self._route, [])
