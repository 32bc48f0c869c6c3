"""Between the scenario manager and the agent: sensors are checked, made and taken away here."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from leaderboard.autoagents.autonomous_agent import Track
from leaderboard.envs.sensor_interface import SensorConfigurationInvalid
from plane.sensing import read
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

RADIUS = 1000.0  # [m] from the middle of the car
MOST = {
    "sensor.camera.rgb": 10,
    "sensor.camera.semantic_segmentation": 10,
    "sensor.camera.depth": 10,
    "sensor.lidar.ray_cast": 1,
    "sensor.lidar.ray_cast_semantic": 1,
    "sensor.other.radar": 2,
    "sensor.other.gnss": 1,
    "sensor.other.imu": 1,
    "sensor.opendrive_map": 1,
    "sensor.speedometer": 1,
}


class AgentError(Exception):
    """The agent raised; the route ends for all egos."""


class AgentWrapper:
    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self.ego_vehicles_num = agent.ego_vehicles_num

    def __call__(self) -> Any:
        return self._agent()

    def setup_sensors(self, vehicle: Any, vehicle_num: int) -> None:
        """The agent's one list of sensors, on this ego."""
        for spec in self._agent.sensors():
            tag = f"{spec['id']}_{vehicle_num}"
            self._agent.sensor_interface.register_sensor(tag, partial(sense, spec, vehicle))

    def del_ego_sensor(self, vehicle_num: int) -> None:
        for spec in self._agent.sensors():
            del self._agent.sensor_interface._sensors_objects[f"{spec['id']}_{vehicle_num}"]

    def cleanup_rsu(self, vehicle_num: int) -> None:
        if hasattr(self._agent, "clean_rsu_single"):
            self._agent.clean_rsu_single(vehicle_num)

    @staticmethod
    def validate_sensor_configuration(sensors: list[dict[str, Any]], agent_track: Track, selected_track: str) -> None:
        """Raises: SensorConfigurationInvalid."""
        if Track(selected_track) != agent_track:
            raise SensorConfigurationInvalid(f"You are submitting to the wrong track [{selected_track}]!")
        ids = [spec["id"] for spec in sensors]
        kinds = [spec["type"] for spec in sensors]
        for spec in sensors:
            if ids.count(spec["id"]) > 1:
                raise SensorConfigurationInvalid(f"Duplicated sensor tag [{spec['id']}]")
            if spec["type"] not in MOST or spec["type"] == "sensor.opendrive_map":
                raise SensorConfigurationInvalid(f"Illegal sensor used. {spec['type']} are not allowed!")
            if math.sqrt(sum(spec.get(axis, 0.0) ** 2 for axis in "xyz")) > RADIUS:
                raise SensorConfigurationInvalid("Illegal sensor extrinsics used!")
            if kinds.count(spec["type"]) > MOST[spec["type"]]:
                raise SensorConfigurationInvalid(f"Too many {spec['type']} used!")


def sense(spec: dict[str, Any], vehicle: Any) -> Any:
    """A sensor's value; the speedometer of these leaderboards says more than CARLA's."""
    value = read(spec, vehicle, CarlaDataProvider.get_world())
    if spec["type"] == "sensor.speedometer":
        where = {"x": vehicle.x, "y": vehicle.y, "yaw": math.degrees(vehicle.yaw)}
        return {**value, "move_state": {"speed": vehicle.speed, "acceleration": vehicle.pull, **where}}
    return value
