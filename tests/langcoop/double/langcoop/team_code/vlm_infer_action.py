"""From the raw data of all egos to their controls: the memory bank, the planners' two rounds, the controllers."""

from __future__ import annotations

import datetime
import os
import pathlib
from copy import deepcopy
from typing import Any

import carla
import numpy as np
import torch

SAVE_PATH = os.environ.get("SAVE_PATH", "eval")
MEMORY = 5  # frames before the current one
AHEAD = 12.0  # [m] from the lidar to the middle of the map that `detmap_pose` is about
CAMERAS = ("rgb_front", "rgb_left", "rgb_right", "rgb_rear")


class VLM_Infer:
    def __init__(
        self,
        config: Any = None,
        ego_vehicles_num: int = 1,
        perception_model: Any = None,
        planning_model: Any = None,
        controller: Any = None,
        perception_dataloader: Any = None,
        model_config: Any = None,
        device: Any = None,
        heter: bool = False,
        heter_planning_models: Any = None,
    ) -> None:
        self.config, self.ego_vehicles_num = config, ego_vehicles_num
        self.perception_model, self.perception_dataloader = perception_model, perception_dataloader
        self.planning_model, self.controller = planning_model, controller
        self.model_config, self.device = model_config, device
        self.heter, self.heter_planning_models = heter, heter_planning_models
        self.heter_vlm_idxs = config["heter"]["ego_planner_choice"] if heter else None
        self.perception_memory_bank: list[dict[str, Any]] = []
        self.prev_control: dict[int, Any] = {}
        self.pre_raw_data_bank: dict[int, Any] = {}
        self.predicted_result_list_buffer: Any = None
        self.skip_frames = config["simulation"]["skip_frames"]
        self.result_root = pathlib.Path(os.environ.get("RESULT_ROOT") or os.environ["DATA_ROOT"])
        now = datetime.datetime.now()
        stem = pathlib.Path(os.environ["ROUTES"]).stem
        moment = "_".join(f"{part:02d}" for part in (now.month, now.day, now.hour, now.minute, now.second))
        self.save_path = pathlib.Path(SAVE_PATH) / f"{stem}_{moment}"
        self.save_path.mkdir(parents=True, exist_ok=False)
        (self.save_path / "meta").mkdir(parents=True, exist_ok=False)

    def get_action_from_list_inter(self, car_data_raw: Any, rsu_data_raw: Any, step: int, timestamp: float) -> Any:
        """A control per ego. car_data_raw, rsu_data_raw: a dict or None per ego (no RSUs at some steps)."""
        if "comm_latency" in self.config["simulation"]:
            car_data_raw, rsu_data_raw = self._late(car_data_raw, rsu_data_raw, step)
        car_data, car_mask = self.check_data(car_data_raw)
        rsu_data, _ = self.check_data(rsu_data_raw)
        batch_data = self.collate_batch_infer_perception(car_data, rsu_data)
        bank = self.perception_memory_bank
        if step % self.skip_frames == 0 or not bank or self.predicted_result_list_buffer is None:
            while len(bank) > MEMORY:
                bank.pop(0)
            bank.append(self._frame(car_data_raw, batch_data, timestamp))
            self.predicted_result_list_buffer = self._plans()
            bank[-1]["predicted_result_list"] = self.predicted_result_list_buffer
        return self._controls(self.predicted_result_list_buffer, car_data_raw, car_mask, step % self.skip_frames)

    def _frame(self, cars: Any, batch_data: Any, timestamp: float) -> dict[str, Any]:
        """What a planner sees of one moment: the newest entry of the bank."""
        frame = {name: np.stack([car[name] for car in cars]) for name in CAMERAS}
        frame["object_list"] = []
        frame["detmap_pose"] = batch_data["detmap_pose"][: len(cars)]
        frame["ego_yaw"] = np.stack([car["measurements"]["theta"] for car in cars], axis=0)
        frame["target"] = np.stack([car["measurements"]["target_point"] for car in cars], axis=0)
        frame["timestamp"] = timestamp
        return frame

    def _plans(self) -> list[Any]:
        """Every ego's intent first, then every ego's plan, each with a copy of all intents."""
        bank, models = self.perception_memory_bank, self.heter_planning_models
        assert bank[-1]["target"].shape[0] == self.ego_vehicles_num
        choice = list(enumerate(self.heter_vlm_idxs))
        intents = [models[chosen].forward_single_intent(bank, self.config, i) for i, chosen in choice]
        return [models[chosen].forward_single_collab(bank, self.config, i, deepcopy(intents)) for i, chosen in choice]

    def _controls(self, plans: list[Any], cars: Any, mask: list[int], buffer_idx: int) -> list[Any]:
        controls = []
        for i in range(self.ego_vehicles_num):
            if not mask[i]:
                controls.append(None)
                continue
            info = {"speed": cars[i]["measurements"]["speed"], "target": cars[i]["measurements"]["target_point"]}
            info.update({"route_length": 0, "route_time": 0, "drive_length": 0, "drive_time": 0})
            info.update(plans[i])
            steer, throttle, brake, _ = self.controller[i].run_step(info, buffer_idx)
            control = carla.VehicleControl()
            control.steer, control.throttle, control.brake = float(steer), float(throttle), float(brake)
            self.prev_control[i] = control
            controls.append(control)
        return controls

    def _late(self, cars: Any, rsus: Any, step: int) -> tuple[Any, Any]:
        """The raw data of egos 1.. and of RSUs `comm_latency` ticks ago, where that tick was looked at."""
        late = self.config["simulation"]["comm_latency"]
        self.pre_raw_data_bank[step] = (list(cars), rsus)
        if step <= late:
            return cars, rsus
        if step - late not in self.pre_raw_data_bank:
            print("Latency data not found!")
            return cars, rsus
        old_cars, old_rsus = self.pre_raw_data_bank[step - late]
        return [cars[0], *old_cars[1:]], old_rsus

    def check_data(self, raw_data: Any) -> tuple[list[Any], list[int]]:
        """Of whoever is not there, 0 is left."""
        mask = [int(data is not None) for data in raw_data]
        return [0 if data is None else self.preprocess_data(deepcopy(data)) for data in raw_data], mask

    def preprocess_data(self, data: Any) -> dict[str, Any]:
        """Where its lidar and its map are: [-y, x, angle], angles offset as upstream's."""
        measured = data["measurements"]
        x, y, theta = measured["lidar_pose_x"], measured["lidar_pose_y"], measured["theta"]
        map_x = x + AHEAD * np.cos(theta - np.pi / 2)
        map_y = y + AHEAD * np.sin(theta - np.pi / 2)
        return {
            "lidar_pose": np.array([-y, x, theta + np.pi]),
            "detmap_pose": np.array([-map_y, map_x, theta + np.pi / 2]),
        }

    def collate_batch_infer_perception(self, car_data: list[Any], rsu_data: list[Any]) -> dict[str, Any]:
        """Each car with the others and the RSUs, as a batch. Raises: TypeError if one is not there."""
        batch: dict[str, list[Any]] = {"lidar_pose": [], "detmap_pose": []}
        for j, car in enumerate(car_data):
            for member in (car, *car_data[:j], *car_data[j + 1 :], *rsu_data):
                for key, rows in batch.items():
                    rows.append(torch.from_numpy(member[key]).unsqueeze(0).float())
        return {key: torch.cat(rows, dim=0) for key, rows in batch.items()}
