"""Scores as the leaderboard writes them: DS = RC * P, one results.json per ego."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plane.roads import Progress
from plane.world import World

PENALTY = {
    "collisions_pedestrian": 0.5,
    "collisions_vehicle": 0.6,
    "collisions_layout": 0.65,
    "red_light": 0.7,
    "stop_infraction": 0.8,
}
OTHER = ("outside_route_lanes", "route_dev", "route_timeout", "vehicle_blocked")
LABELS = [
    "Avg. driving score",
    "Avg. route completion",
    "Avg. infraction penalty",
    "Collisions with pedestrians",
    "Collisions with vehicles",
    "Collisions with layout",
    "Red lights infractions",
    "Stop sign infractions",
    "Off-road infractions",
    "Route deviations",
    "Route timeouts",
    "Agent blocked",
]
DEVIATION = 30.0  # [m]


class Ego:
    """What becomes of one ego on its route."""

    def __init__(self, vehicle: Any, world_plan: list[Any]) -> None:
        self.vehicle = vehicle
        self.progress = Progress(world_plan)
        self.infractions: dict[str, list[str]] = {name: [] for name in (*PENALTY, *OTHER)}
        self.touching: set[int] = set()
        self.status = ""

    def over(self, egos: list[Ego], world: World) -> bool:
        """Whether the route ends for this ego now; counts what it runs into."""
        car = self.vehicle
        self.progress.follow(car.x, car.y)
        now = {o.vehicle.id for o in egos if o is not self and o.vehicle.is_alive and car.touches(o.vehicle)}
        self.infractions["collisions_vehicle"] += [f"Agent collided with {n}" for n in sorted(now - self.touching)]
        self.touching = now
        if self.progress.off > DEVIATION:
            self.infractions["route_dev"].append("Agent deviated from the route")
        late = world.seconds > int(0.8 * self.progress.length + 8)
        if late:
            self.infractions["route_timeout"].append("Route timeout")
        return late or self.progress.percent >= 100.0 or self.progress.off > DEVIATION

    def scores(self) -> dict[str, float]:
        penalty = 1.0
        for name, factor in PENALTY.items():
            penalty *= factor ** len(self.infractions[name])
        route = self.progress.percent
        return {"score_route": route, "score_penalty": penalty, "score_composed": max(0.0, route * penalty)}

    def record(self, route: dict[str, Any], index: int, world: World, seconds: float, failure: str) -> dict[str, Any]:
        ends = {"route_dev": "Failed - Agent deviated from the route", "route_timeout": "Failed - Agent timed out"}
        ended = next((text for name, text in ends.items() if self.infractions[name]), "")
        whole = self.progress.percent >= 100.0
        status = "Completed" if whole else failure or ended or "Failed"
        length = self.progress.length
        return {
            "index": index,
            "route_id": f"RouteScenario_{route['id']}",
            "status": status,
            "num_infractions": sum(len(list_) for list_ in self.infractions.values()),
            "infractions": self.infractions,
            "scores": self.scores(),
            "meta": {"duration_game": world.seconds, "duration_system": seconds, "route_length": length},
        }


def save(records: list[dict[str, Any]], routes: int, path: Path) -> None:
    """results.json of one ego."""

    def mean(values: list[float]) -> float:
        return sum(values) / max(1, len(values))

    scores = [mean([r["scores"][name] for r in records]) for name in ("score_composed", "score_route", "score_penalty")]
    counts = [mean([len(r["infractions"][name]) for r in records]) for name in (*PENALTY, *OTHER)]
    document = {
        "_checkpoint": {"global_record": {}, "progress": [len(records), routes], "records": records},
        "eligible": True,
        "entry_status": "Finished",
        "labels": LABELS,
        "sensors": [],
        "values": [f"{value:.3f}" for value in (*scores, *counts)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=4), encoding="utf-8")
