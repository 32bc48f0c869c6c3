"""LangCoop's team agent."""

from __future__ import annotations

import math
import time
from typing import Any

import carla
import numpy as np
import torch
from common.io import load_config_from_yaml
from common.registry import build_object_within_registry_from_config as build
from leaderboard.autoagents import autonomous_agent
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider
from vlmdrive import VLMDRIVE_REGISTRY

from team_code.planner import RoutePlanner
from team_code.vlm_infer_action import VLM_Infer

VIEWS = {"rgb_front": (1.3, 0.0), "rgb_rear": (-1.3, 180.0), "rgb_left": (1.3, -60.0), "rgb_right": (1.3, 60.0)}


def get_entry_point() -> str:
    return "VLM_Agent"


class RoadSideUnit:
    """A sensor pole; of a vehicle that is not there it is an empty one."""

    def __init__(self, vehicle: Any) -> None:
        self.vehicle = vehicle

    def process(self) -> dict[str, Any]:
        at = self.vehicle.get_transform()
        theta = math.radians(at.rotation.yaw) + math.pi / 2
        return {"measurements": {"lidar_pose_x": at.location.x, "lidar_pose_y": at.location.y, "theta": theta}}

    def cleanup(self) -> None:
        self.vehicle = None


class VLM_Agent(autonomous_agent.AutonomousAgent):
    def setup(self, path_to_conf_file: str, ego_vehicles_num: int) -> None:
        self.agent_name = "openemma"
        self.wall_start = time.time()
        self.initialized = False
        self._rgb_sensor_data = {"width": 800, "height": 600, "fov": 100}
        self.ego_vehicles_num = ego_vehicles_num
        self.config = load_config_from_yaml(path_to_conf_file)
        if self.config["perception"]["core_method"] is not None:
            raise NotImplementedError("the double has no perception model")
        self.perception_model = None
        device = torch.device("cpu")
        if "heter" not in self.config:
            raise ValueError("Currently Do not support non-heter planning model")
        heter = self.config["heter"]
        assert self.ego_vehicles_num == len(heter["ego_planner_choice"]), "egos and planners do not match"
        self.heter_planning_models = []
        for path in heter["avail_heter_planner_configs"]:
            planner_config = load_config_from_yaml(path)["model"]
            self.heter_planning_models.append(build(VLMDRIVE_REGISTRY, planner_config))
        for model in self.heter_planning_models:
            model.to(device)
            model.eval()
        self.planning_model = self.heter_planning_models[-1]
        control_config = load_config_from_yaml(self.config["control"]["control_config"])["model"]
        self.infer = VLM_Infer(
            config=self.config,
            ego_vehicles_num=self.ego_vehicles_num,
            perception_model=None,
            planning_model=self.planning_model,
            controller=[build(VLMDRIVE_REGISTRY, control_config) for _ in range(ego_vehicles_num)],
            perception_dataloader=None,
            model_config=planner_config,
            device=device,
            heter=True,
            heter_planning_models=self.heter_planning_models,
        )

    def _init(self) -> None:
        self._route_planner = RoutePlanner(2.0, 10.0)
        self._route_planner.set_route(self._global_plan, True)
        self.initialized = True
        self.first_generate_rsu = True
        self.step = -1

    def get_save_path(self) -> Any:
        return self.infer.save_path

    def pose_def(self) -> None:
        self.lidar_pose = carla.Transform(carla.Location(1.3, 0.0, 1.85), carla.Rotation(yaw=-90.0))

    def sensors(self) -> list[dict[str, Any]]:
        self.pose_def()
        level = {"roll": 0.0, "pitch": 0.0}
        middle = {"x": 0.0, "y": 0.0, "z": 0.0, **level, "yaw": 0.0}
        cameras = [
            {"type": "sensor.camera.rgb", "id": name, "x": x, "y": 0.0, "z": 2.3, "yaw": yaw, **level}
            for name, (x, yaw) in VIEWS.items()
        ]
        above = {"type": "sensor.camera.rgb", "id": "rgb_bev", **middle, "z": 20.0, "pitch": -90.0}
        return [
            *({**camera, **self._rgb_sensor_data} for camera in cameras),
            {"type": "sensor.lidar.ray_cast", "id": "lidar", "x": 1.3, "y": 0.0, "z": 1.85, "yaw": -90.0, **level},
            {"type": "sensor.other.imu", "id": "imu", **middle},
            {"type": "sensor.other.gnss", "id": "gps", **middle},
            {"type": "sensor.speedometer", "reading_frequency": 20, "id": "speed"},
            {**above, "width": 40, "height": 40, "fov": 90},
        ]

    def tick(self, input_data: dict[str, Any], vehicle_num: int) -> dict[str, Any]:
        """The raw data of one ego."""
        vehicle = CarlaDataProvider.get_hero_actor(hero_id=vehicle_num)
        result = {name: input_data[f"{name}_{vehicle_num}"][1][:, :, 2::-1].copy() for name in VIEWS}
        result["lidar"] = input_data[f"lidar_{vehicle_num}"][1]
        gps = input_data[f"gps_{vehicle_num}"][1][:2]
        speed = input_data[f"speed_{vehicle_num}"][1]["move_state"]["speed"]
        compass = input_data[f"imu_{vehicle_num}"][1][-1]
        if math.isnan(compass):
            compass = 0.0
        lidar = carla.Location(1.3, 0.0, 1.85)
        vehicle.get_transform().transform(lidar)  # in place
        at = (gps - self._route_planner.mean) * self._route_planner.scale
        next_point, option = self._route_planner.run_step(at, vehicle_num)
        result["measurements"] = {
            "gps_x": at[0],
            "gps_y": at[1],
            "x": at[1],
            "y": -at[0],
            "theta": compass,
            "lidar_pose_x": lidar.x,
            "lidar_pose_y": lidar.y,
            "lidar_pose_z": lidar.z,
            "speed": speed,
            "compass": compass,
            "command": option.value,
            "target_point": self._local(next_point - at, compass),
        }
        return result

    def _local(self, way: Any, compass: float) -> Any:
        """[right, -forward] in metres, cut to the detection range."""
        turn = compass + np.pi / 2
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        front, rear, left, right = self.config["perception"]["detection_range"]
        return np.clip(rotation.T @ way, [-rear, -front], [left, right])

    def spawn_rsu(self) -> None:
        """New poles every few steps."""
        if self.step % self.config["RSU"]["change_rsu_frame"]:
            return
        if not self.first_generate_rsu:
            for i in range(self.ego_vehicles_num):
                self.rsu[i].cleanup()
            self.rsu = []
        self.first_generate_rsu = False
        egos = range(self.ego_vehicles_num)
        self.rsu += [RoadSideUnit(CarlaDataProvider.get_hero_actor(hero_id=i)) for i in egos]

    @torch.no_grad()
    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        """Controls: a list where they are computed, the dict of the last ones where they are not."""
        if not self.initialized:
            self._init()
        self.step += 1
        self.spawn_rsu()
        skip = self.config["simulation"]["skip_frames"]
        if self.step % skip != 0 and self.step > skip:
            return self.infer.prev_control
        there = [CarlaDataProvider.get_hero_actor(hero_id=i) is not None for i in range(self.ego_vehicles_num)]
        rsu_data = []
        if self.step % self.config["RSU"]["change_rsu_frame"] != 0:
            rsu_data = [self.rsu[i].process() if here else None for i, here in enumerate(there)]
        ego_data = [self.tick(input_data, i) if here else None for i, here in enumerate(there)]
        if self.config["planning"]["core_method"] not in ("MotionNet", "coopenemma"):
            raise ValueError("No such core method")
        control_all = self.infer.get_action_from_list_inter(
            car_data_raw=ego_data, rsu_data_raw=rsu_data, step=self.step, timestamp=timestamp
        )
        for control in control_all:
            print(f"throttle: {control.throttle}, steer: {control.steer}, brake: {control.brake}")
        return control_all

    def destroy(self) -> None:
        del self.perception_model, self.planning_model

    def clean_rsu_single(self, vehicle_num: int) -> None:
        self.rsu[vehicle_num].cleanup()
