"""Lights stand still while a layout wants them to, and run again afterwards."""

import math
from collections.abc import Iterator
from typing import Any

import carla
import pytest

from laco.scenarios.catalog import red_light_runner
from laco.scenarios.session import Session
from laco.scenarios.stage import Stage


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as made:
        yield made


def lights(world: Any) -> list[Any]:
    return sorted(world.get_actors().filter("traffic.traffic_light*"), key=lambda light: int(light.id))


def test_green_along_as_street_and_red_across_until_the_run_is_over(session: Session) -> None:
    layout = red_light_runner.layout(1000)
    assert layout.green == layout.egos[0].placement.yaw
    with Stage(session.simulator, layout) as stage:
        for _ in range(250):  # 12.5 s: more than a green of lights that change
            stage.tick()
        assert len(lights(stage.world)) > 10
        for light in lights(stage.world):
            yaw = light.get_stop_waypoints()[0].transform.rotation.yaw
            along = abs(math.cos(math.radians(yaw - layout.green))) > 0.9
            green = carla.TrafficLightState.Green
            assert light.state == (green if along else carla.TrafficLightState.Red)
            assert light.is_frozen()
    world = session.simulator.world
    world.tick()
    assert not any(light.is_frozen() for light in lights(world))
    before = [light.state for light in lights(world)]
    for _ in range(220):
        world.tick()
    assert [light.state for light in lights(world)] != before
