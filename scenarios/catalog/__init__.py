"""The scenarios, by versioned id: a new one is a file of its own, listed here."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from laco.errors import ScenarioError
from laco.scenarios.catalog import (
    blind_curve,
    grid_cruise,
    lane_change_motorcycle,
    narrow_bottleneck,
    negotiation,
    occluded_crossing,
    occluded_pedestrian,
    overtake_truck,
    platoon_brake,
    ramp_merge,
    red_light_runner,
    roundabout_entry,
    unprotected_left,
)
from laco.scenarios.layout import Layout


@dataclass(frozen=True)
class Scenario:
    """id ends in -vN, and a change of behaviour is a new N; layout: what a seed decides."""

    id: str
    summary: str
    layout: Callable[[int], Layout]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        occluded_crossing.ID,
        "parked trucks hide a crossing car from A; connected B, coming the other way, sees it",
        occluded_crossing.layout,
    ),
    Scenario(
        occluded_pedestrian.ID,
        "parked vans hide a person who steps into the road; B, coming the other way, looks behind them",
        occluded_pedestrian.layout,
    ),
    Scenario(
        unprotected_left.ID,
        "A turns left; a truck waiting opposite hides an oncoming car, which B, behind it, sees",
        unprotected_left.layout,
    ),
    Scenario(
        overtake_truck.ID,
        "A goes round a stopped truck that hides the oncoming lane; B, past it, sees who comes",
        overtake_truck.layout,
    ),
    Scenario(
        red_light_runner.ID,
        "a car runs the red light past a queue of trucks; B, in its street, sees it",
        red_light_runner.layout,
    ),
    Scenario(
        platoon_brake.ID,
        "A follows van B, which hides a leader that brakes hard",
        platoon_brake.layout,
    ),
    Scenario(
        narrow_bottleneck.ID,
        "parked vehicles leave one lane and hide who comes through; B, beyond, sees it",
        narrow_bottleneck.layout,
    ),
    Scenario(
        ramp_merge.ID,
        "work trucks hide the lane that A merges into; connected B drives in it and sees the car beside A",
        ramp_merge.layout,
    ),
    Scenario(
        roundabout_entry.ID,
        "trucks hide a car in the ring that A enters; connected B, behind that car or at the next arm, sees it",
        roundabout_entry.layout,
    ),
    Scenario(
        blind_curve.ID,
        "behind a bend a car swings round a van into A's lane; connected B, ahead of A, has met it",
        blind_curve.layout,
    ),
    Scenario(
        lane_change_motorcycle.ID,
        "A pulls out from between trucks in front of a motorcycle that connected B has seen come",
        lane_change_motorcycle.layout,
    ),
    Scenario(
        negotiation.ID,
        "3 to 8 connected vehicles at a crossing without lights; trucks hide an unconnected car from A, not B",
        negotiation.layout,
    ),
    Scenario(
        grid_cruise.ID,
        "6 to 16 connected vehicles in a grid without lights; trucks hide cars that cross, others see them",
        grid_cruise.layout,
    ),
)


def find(name: str) -> Scenario:
    """The scenario with this id, or the newest of this name. Raises: ScenarioError, with the nearest id."""
    versions = [s for s in SCENARIOS if s.id == name or s.id.rpartition("-v")[0] == name]
    if versions:
        return max(versions, key=lambda s: int(s.id.rpartition("-v")[2]))
    nearest = difflib.get_close_matches(name, [s.id for s in SCENARIOS], n=1, cutoff=0.0)
    raise ScenarioError(f"unknown scenario {name!r}; the nearest is {nearest[0]}")
