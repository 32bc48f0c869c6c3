"""Traffic lights: methods on one light, its junction, or all. Ids of actors that are no lights are ignored."""

from collections.abc import Callable
from typing import Any

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.lights.actors import UNKNOWN, TrafficLight
from laco.scenarios.server.lights.cycle import Controller
from laco.scenarios.server.lights.part import all_groups
from laco.scenarios.server.poses import vector
from laco.scenarios.server.rpc import Table, value, void
from laco.scenarios.server.simulation import Simulation

LONGEST = 1e6  # [s]


def table() -> Table:
    """Methods by name."""
    return {
        "set_traffic_light_state": void(set_state),
        "set_traffic_light_green_time": void(_timer(0)),
        "set_traffic_light_yellow_time": void(_timer(1)),
        "set_traffic_light_red_time": void(_timer(2)),
        "freeze_traffic_light": void(freeze),
        "freeze_all_traffic_lights": void(freeze_all),
        "reset_traffic_light_group": void(reset_group),
        "reset_all_traffic_lights": void(reset_all),
        "get_group_traffic_lights": value(group_ids),
        "get_light_boxes": value(light_boxes),
    }


def set_state(sim: Simulation, id: int, state: int) -> None:
    """Show a state until the light's controller has its next one."""
    light = _light(sim, id)
    if not 0 <= int(state) <= UNKNOWN:
        raise RefusedError(f"no traffic light state {state}")
    if light is not None:
        light.show(int(state))


def freeze(sim: Simulation, id: int, on: bool) -> None:
    """Stop the clock of the light's junction, as on CARLA."""
    control = _controller(sim, id)
    if control is not None:
        control.group.freeze(bool(on))


def freeze_all(sim: Simulation, on: bool) -> None:
    """Stop every clock, or let them run on."""
    for group in all_groups(sim.world):
        group.freeze(bool(on))


def reset_group(sim: Simulation, id: int) -> None:
    """Start the light's junction over."""
    control = _controller(sim, id)
    if control is not None:
        control.group.reset()


def reset_all(sim: Simulation) -> None:
    """Start every junction over."""
    for group in all_groups(sim.world):
        group.reset()


def group_ids(sim: Simulation, id: int) -> list[int]:
    """The lights of the same junction, this one among them."""
    control, actors = _controller(sim, id), sim.world.actors
    return [light.id for light in control.group.lights if light.id in actors] if control is not None else []


def light_boxes(sim: Simulation, id: int) -> list[Any]:
    """The boxes of its heads, in the world's frame."""
    light = _light(sim, id)
    return light.light_boxes() if light is not None else []


def _timer(stage: int) -> Callable[[Simulation, int, float], None]:
    def set_time(sim: Simulation, id: int, seconds: float) -> None:
        """Let this light, and those of its controller, stay so long [s]."""
        control = _controller(sim, id)
        if control is not None:
            control.times[stage] = min(max(vector([seconds, 0.0, 0.0])[0], 0.0), LONGEST)
            for light in control.lights:
                light.renew()

    return set_time


def _light(sim: Simulation, id: int) -> TrafficLight | None:
    actor = sim.world.actors.get(id)
    return actor if isinstance(actor, TrafficLight) else None


def _controller(sim: Simulation, id: int) -> Controller | None:
    light = _light(sim, id)
    return light.controller if light is not None else None
