"""Traffic lights that stand still, as a layout wants them: green along one street, red across."""

import math
from typing import Any

ALONG = 0.7  # cosine up to which a stop line's traffic drives along the street


def hold(world: Any, green: float) -> None:
    """Stop all lights of a `carla.World`: green for traffic with the heading `green` [deg] or against it, else red.

    Raises: RuntimeError if the server does not answer.
    """
    import carla

    for light in world.get_actors().filter("traffic.traffic_light*"):
        along = any(_along(stop.transform.rotation.yaw, green) for stop in light.get_stop_waypoints())
        light.set_state(carla.TrafficLightState.Green if along else carla.TrafficLightState.Red)
    world.freeze_all_traffic_lights(True)


def release(world: Any) -> None:
    """Let all lights change again, from the start. Raises: RuntimeError if the server does not answer."""
    world.freeze_all_traffic_lights(False)
    world.reset_all_traffic_lights()


def _along(yaw: float, green: float) -> bool:
    return abs(math.cos(math.radians(yaw - green))) > ALONG
