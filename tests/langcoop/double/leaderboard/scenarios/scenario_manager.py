"""A route, tick by tick."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from leaderboard.autoagents.agent_wrapper import AgentError, AgentWrapper
from leaderboard.utils.statistics_manager import Ego
from plane.world import World
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider
from srunner.scenariomanager.timer import GameTime


class ScenarioManager:
    """Agent first, then the controls, then whoever has finished is destroyed, then the world's tick."""

    def __init__(self, world: World, agent: Any, egos: list[Ego]) -> None:
        self.world, self.egos = world, egos
        self._agent = AgentWrapper(agent)
        self.running = True
        GameTime.on_tick(world.seconds, world.frame)
        for i, ego in enumerate(egos):
            self._agent.setup_sensors(ego.vehicle, i)

    def tick(self) -> None:
        """Raises: AgentError."""
        try:
            actions = self._agent()
        except Exception as error:
            raise AgentError(error) from error
        for i, ego in enumerate(self.egos):
            if CarlaDataProvider.get_hero_actor(hero_id=i) is not None:
                with suppress(Exception):  # upstream swallows what is no control: the last one holds
                    ego.vehicle.apply_control(actions[i])
        for i, ego in enumerate(self.egos):
            if CarlaDataProvider.get_hero_actor(hero_id=i) is not None and ego.over(self.egos, self.world):
                self._agent.del_ego_sensor(i)
                self._agent.cleanup_rsu(i)
                CarlaDataProvider.remove_actor_by_id(ego.vehicle.id)
        self.running = any(ego.vehicle.is_alive for ego in self.egos)
        self.world.tick()
        GameTime.on_tick(self.world.seconds, self.world.frame)
