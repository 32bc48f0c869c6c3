"""Red lights: a light counts as run when the vehicle's tail passes its stop line while it is red."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from laco.agents.observation import Body
from laco.geometry import segment_hits

TAIL = 0.8, 1.0  # the tail: from this share of the half length behind the middle, to so far [m] behind the end
LINE = 0.4  # of a lane's width to both sides of its middle
THIN = 0.01  # [m]
NEAR = 20.0  # [m] of lines that are looked at


@dataclass(frozen=True)
class StopLine:
    """Where to wait for a light: the middle of the line [m], the heading of its lane [rad], half its width [m]."""

    light: int
    x: float
    y: float
    yaw: float
    half_width: float


class RedLights:
    """All lights of a world, for one vehicle."""

    def __init__(self, lights: Sequence[Any]) -> None:
        """lights: `carla.TrafficLight` actors; their state is read from the client's snapshot."""
        self._lights = {light.id: light for light in lights}
        self._lines = [line for light in lights for line in _lines(light)]
        self._last: int | None = None

    def watch(self, body: Body) -> int | None:
        """The id of a light that is run at this moment; the same one is not told twice in a row."""
        c, s = math.cos(body.yaw), math.sin(body.yaw)
        near, far = TAIL[0] * body.half_length, body.half_length + TAIL[1]
        close, end = (body.x - near * c, body.y - near * s), (body.x - far * c, body.y - far * s)
        for line in self._lines:
            if line.light == self._last or abs(line.x - body.x) + abs(line.y - body.y) > NEAR:
                continue
            box = (line.x, line.y, line.yaw, THIN, line.half_width)
            with_it = math.cos(line.yaw - body.yaw) > 0.0
            if with_it and segment_hits(close, end, box) and self._is_red(line.light):
                self._last = line.light
                return line.light
        return None

    def _is_red(self, light: int) -> bool:
        import carla

        return bool(self._lights[light].state == carla.TrafficLightState.Red)


def _lines(light: Any) -> list[StopLine]:
    found = []
    for waypoint in light.get_stop_waypoints():
        place, yaw = waypoint.transform.location, math.radians(waypoint.transform.rotation.yaw)
        found.append(StopLine(light.id, place.x, place.y, yaw, LINE * waypoint.lane_width))
    return found


def freeze_green(world: Any) -> None:
    """All lights green until `thaw`: what LangCoop and V2Xverse call `turn_off_light`."""
    import carla

    for light in world.get_actors().filter("traffic.traffic_light*"):
        light.set_state(carla.TrafficLightState.Green)
    world.freeze_all_traffic_lights(True)


def thaw(world: Any) -> None:
    """Let the lights change again, from the beginning."""
    world.freeze_all_traffic_lights(False)
    world.reset_all_traffic_lights()
