"""Results in LangCoop's form: a record per route and vehicle, in the words of the leaderboard's statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

from laco.scenarios.metrics import Drive, Infraction
from laco.scenarios.routes.scores import Score, interdrive, langcoop

STATUS = {
    "completed": "Completed",
    "deviation": "Failed - Agent deviated from the route",
    "blocked": "Failed - Agent got blocked",
    "timeout": "Failed - Agent timed out",
    "agent_lost": "Failed - Agent crashed",
}
LISTS = {
    "pedestrian": "collisions_pedestrian",
    "vehicle": "collisions_vehicle",
    "static": "collisions_layout",
    "red_light": "red_light",
    "stop": "stop_infraction",
}
ENDS = {"deviation": "route_dev", "timeout": "route_timeout", "blocked": "vehicle_blocked"}
WORDS = {
    "pedestrian": "collided with a pedestrian",
    "vehicle": "collided with a vehicle",
    "static": "collided with an object",
    "red_light": "ran a red light",
    "stop": "ran a stop sign",
}


def record(route: str, index: int, drive: Drive, wall: float) -> dict[str, Any]:
    """One vehicle's on one route; wall: [s] that the run took on the clock of the wall."""
    found: dict[str, list[str]] = {name: [] for name in (*LISTS.values(), "outside_route_lanes", *ENDS.values())}
    for infraction in drive.infractions:
        found[LISTS[infraction.kind]].append(_told(infraction))
    if drive.off_lane > 0.0:
        share = f"{100.0 * drive.off_lane_share:.2f}% of the route driven"
        found["outside_route_lanes"].append(f"off its lanes for {drive.off_lane:.1f} m ({share})")
    if drive.status in ENDS:
        found[ENDS[drive.status]].append(f"{STATUS[drive.status].partition(' - ')[2]} at {drive.time:.2f} s")
    return {
        "route_id": f"RouteScenario_{route}",
        "index": index,
        "status": STATUS.get(drive.status, f"Failed - {drive.status}"),
        "infractions": found,
        "scores": _scores(langcoop(drive)),
        "meta": {"duration_system": wall, "duration_game": drive.time, "route_length": drive.length},
    }


def _told(infraction: Infraction) -> str:
    return f"{WORDS[infraction.kind]} (id {infraction.id}) at {infraction.time:.2f} s"


def _scores(score: Score) -> dict[str, float]:
    return {
        "score_route": score.completion,
        "score_penalty": score.penalty,
        "score_composed": score.driving,
    }


def results(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A vehicle's `results.json`, as far as scripts that evaluate such files read it."""
    return {"_checkpoint": {"records": list(records), "progress": [len(records), len(records)]}}


def together(drives: Sequence[Drive]) -> dict[str, Any]:
    """InterDrive's figures of a route."""
    score = interdrive(drives)
    return {**_scores(score), "success": score.success, "duration_game": score.time}
