"""LangCoop's own agent with LACO's planner in its registry, and guards around the loop. For `--agent`."""

from __future__ import annotations

from typing import Any

import carla
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider
from team_code.vlm_agent import VLM_Agent

from laco_langcoop import register
from laco_langcoop.board import BOARD
from laco_langcoop.guards import Guard, retried
from laco_langcoop.simulator import others, planned, speedometer

register()


def get_entry_point() -> str:
    return "LacoLangCoopAgent"


def stop() -> Any:
    return carla.VehicleControl(throttle=0.0, steer=0.0, brake=1.0)


class LacoLangCoopAgent(VLM_Agent):  # type: ignore[misc]
    """Perception, prompts, controllers and results are LangCoop's."""

    def setup(self, path_to_conf_file: str, ego_vehicles_num: int) -> None:
        BOARD.begin(led=True)
        retried(lambda: super(LacoLangCoopAgent, self).setup(path_to_conf_file, ego_vehicles_num))
        self._guard = Guard(ego_vehicles_num, stop, BOARD)
        self.infer.get_action_from_list_inter = self._guard.around(self.infer.get_action_from_list_inter)

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> list[Any]:
        for idx in range(self.ego_vehicles_num):
            self._note(idx, input_data)
        controls = super().run_step(input_data, timestamp)
        return self._guard.settle(self.step, controls)

    def destroy(self) -> None:
        for planner in getattr(self, "heter_planning_models", []):
            getattr(planner, "close", lambda: None)()
        super().destroy()

    def _note(self, idx: int, input_data: dict[str, Any]) -> None:
        """What the memory bank does not say of an ego."""
        facts = BOARD.facts(idx)
        facts.speed = speedometer(input_data.get(f"speed_{idx}"))
        facts.route = facts.route or planned(self, idx)
        if BOARD.truth and (getattr(self, "step", -1) + 1) % self.config["simulation"]["skip_frames"] == 0:
            actor = CarlaDataProvider.get_hero_actor(hero_id=idx)
            facts.objects = [] if actor is None else others(CarlaDataProvider.get_world(), actor)
