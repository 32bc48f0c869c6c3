"""The evaluator: every route of a file, with the agent that `--agent` names.

Started as upstream is, with the same options: LangCoop has one XML for all egos and `--game_timeout`, CoLMDriver one
XML per ego in `--routes_dir`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from leaderboard.autoagents.agent_wrapper import AgentError, AgentWrapper
from leaderboard.scenarios.scenario_manager import ScenarioManager
from leaderboard.utils.statistics_manager import Ego, save
from plane.roads import plan, read_routes, shifted
from plane.world import TICK, World
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider


class LeaderboardEvaluator:
    """After `start`, `manager.tick` as long as `manager.running`; `run` does it all."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        sys.path.insert(0, str(Path(args.agent).parent))
        self.module_agent = importlib.import_module(Path(args.agent).name.split(".")[0])
        self.routes = self._routes()
        self.records: list[list[dict[str, Any]]] = [[] for _ in range(args.ego_num)]

    def _routes(self) -> list[dict[str, Any]]:
        """`id` and, by ego, `ways`."""
        if self.args.routes_dir:
            files = sorted(Path(self.args.routes_dir).glob("*.xml"))[: self.args.ego_num]
            single = [read_routes(str(file))[0] for file in files]
            return [{"id": single[0]["id"], "ways": [route["points"] for route in single]}]
        found = read_routes(self.args.routes)
        return [{"id": r["id"], "ways": [shifted(r["points"], i) for i in range(self.args.ego_num)]} for r in found]

    def start(self, route: dict[str, Any]) -> ScenarioManager:
        """A fresh world with the egos in it, a new agent that knows its plans."""
        self.world = World()
        CarlaDataProvider.set_world(self.world)
        agent_class = getattr(self.module_agent, self.module_agent.get_entry_point())
        self.agent = agent_class(self.args.agent_config, self.args.ego_num)
        AgentWrapper.validate_sensor_configuration(self.agent.sensors(), self.agent.track, self.args.track)
        plans = [plan(points) for points in route["ways"]]
        self.egos = []
        for i, (_, world_plan) in enumerate(plans):
            at = world_plan[0][0]
            yaw = at.rotation.yaw / 180 * 3.141592653589793
            car = CarlaDataProvider.request_new_ego(i, at.location.x, at.location.y, yaw)
            self.egos.append(Ego(car, world_plan))
        self.agent.set_global_plan([gps for gps, _ in plans], [world for _, world in plans])
        self.manager = ScenarioManager(self.world, self.agent, self.egos)
        return self.manager

    def run(self) -> int:
        """Exit status: 1 if the agent crashed on some route."""
        crashed = 0
        for index, route in enumerate(self.routes):
            began, failure = time.time(), ""
            try:
                manager = self.start(route)
                while manager.running and self.world.seconds < self.args.game_timeout - TICK / 2:
                    manager.tick()
            except AgentError:
                traceback.print_exc()
                crashed, failure = 1, "Failed - Agent crashed"
            self.agent.destroy()
            for i, ego in enumerate(self.egos):
                self.records[i].append(ego.record(route, index, self.world, time.time() - began, failure))
        for i, records in enumerate(self.records):
            save(records, len(self.routes), Path(self.args.checkpoint).parent / f"ego_vehicle_{i}" / "results.json")
        return crashed


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", default="50010")
    parser.add_argument("--trafficManagerPort", default="50050")
    parser.add_argument("--trafficManagerSeed", default="1")
    parser.add_argument("--carlaProviderSeed", default="2000")
    parser.add_argument("--debug", type=int, default=0)
    parser.add_argument("--record", default="")
    parser.add_argument("--timeout", default="600.0")
    parser.add_argument("--game_timeout", type=float, default=50.0)
    parser.add_argument("--routes", default="")
    parser.add_argument("--routes_dir", default="")
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--scenario_parameter", default="")
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("-a", "--agent", required=True)
    parser.add_argument("--agent-config", default="")
    parser.add_argument("--track", default="SENSORS")
    parser.add_argument("--resume", default="0")
    parser.add_argument("--checkpoint", default="./simulation_results.json")
    parser.add_argument("--ego-num", type=int, default=1)
    parser.add_argument("--skip_existed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(LeaderboardEvaluator(arguments()).run())
