"""Red lights, stop signs and lanes, each with a vehicle that is put where it matters."""

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import carla
import numpy as np
import pytest

from laco.agents.observation import Body
from laco.agents.route import Route
from laco.scenarios.maps import read_map
from laco.scenarios.rules.lanes import LaneWatch
from laco.scenarios.rules.lights import RedLights
from laco.scenarios.rules.stops import StopSigns, of_map

RED, GREEN, YELLOW = carla.TrafficLightState.Red, carla.TrafficLightState.Green, carla.TrafficLightState.Yellow


@pytest.fixture(scope="module")
def junction() -> Any:
    """One side road from the south (x 1.6 northbound) with a stop sign; the main road along y = -1.6 and 1.6."""
    return carla.Map("t_junction", read_map("t_junction"))


def body(x: float, y: float, yaw: float, speed: float = 8.0) -> Body:
    return Body(x, y, math.radians(yaw), speed, 2.4, 1.0)


class TestRedLights:
    """A stop line at x = 0 across a lane of 3.2 m that leads to the east."""

    def light(self, id: int = 7, x: float = 0.0, yaw: float = 0.0) -> Any:
        transform = carla.Transform(carla.Location(x, 0.0, 0.0), carla.Rotation(yaw=yaw))
        line = SimpleNamespace(transform=transform, lane_width=3.2)
        return SimpleNamespace(id=id, state=RED, get_stop_waypoints=lambda: [line])

    def told(self, watch: RedLights, bodies: Iterable[Body]) -> list[int]:
        return [light for b in bodies if (light := watch.watch(b)) is not None]

    def passing(self, y: float = 0.0, yaw: float = 0.0) -> list[Body]:
        xs = np.arange(-8.0, 8.0, 0.4) * math.cos(math.radians(yaw))
        return [body(float(x), y, yaw) for x in xs]

    def test_the_tail_over_the_line_at_red_is_one_infraction(self) -> None:
        assert self.told(RedLights([self.light()]), self.passing()) == [7]

    @pytest.mark.parametrize("state", [GREEN, YELLOW])
    def test_other_colours(self, state: carla.TrafficLightState) -> None:
        light = self.light()
        light.state = state
        assert self.told(RedLights([light]), self.passing()) == []

    def test_who_stands_before_the_line_or_is_past_it_at_red(self) -> None:
        watch = RedLights([self.light()])
        assert self.told(watch, [body(-2.4, 0.0, 0.0)] * 5) == []
        assert self.told(watch, [body(3.5, 0.0, 0.0)] * 5) == []
        assert self.told(watch, [body(3.0, 0.0, 0.0)]) == [7]

    def test_another_lane_or_direction_is_not_meant(self) -> None:
        assert self.told(RedLights([self.light()]), self.passing(y=3.2)) == []
        assert self.told(RedLights([self.light()]), self.passing(yaw=180.0)) == []

    def test_the_same_light_counts_again_after_another(self) -> None:
        watch = RedLights([self.light(), self.light(8, 60.0)])
        further = [body(60.0 + b.x, 0.0, 0.0) for b in self.passing()]
        assert self.told(watch, [*self.passing(), *self.passing(), *further, *self.passing()]) == [7, 8, 7]


class TestStopSigns:
    def drive(self, junction: Any, speeds: dict[float, float]) -> list[int]:
        """North on the side road; speeds at some places y, 8 m/s elsewhere."""
        route = Route.through(np.array([[1.6, 60.0], [1.6, -1.6]]))
        watch = StopSigns(of_map(junction))
        found = []
        for y in np.arange(60.0, 0.0, -0.5):
            told = watch.watch(body(1.6, float(y), -90.0, speeds.get(float(y), 8.0)), route, 60.0 - float(y))
            found += [told] if told is not None else []
        return found

    def test_the_zone_lies_before_the_line_on_the_sign_s_lane(self, junction: Any) -> None:
        (zone,) = of_map(junction)
        assert zone.id == 3001
        assert zone.holds(np.array([[1.6, 12.0]]))
        assert not zone.holds(np.array([[1.6, 11.0], [1.6, 16.0], [-1.6, 12.0]]))

    def test_driving_through_is_an_infraction(self, junction: Any) -> None:
        assert self.drive(junction, {}) == [3001]

    @pytest.mark.parametrize("y", [30.0, 13.0])
    def test_standing_before_the_sign_or_at_it_is_not(self, junction: Any, y: float) -> None:
        assert self.drive(junction, {y: 0.05}) == []

    def test_rolling_or_standing_too_early_does_not_help(self, junction: Any) -> None:
        assert self.drive(junction, {13.0: 0.2}) == [3001]
        assert self.drive(junction, {50.0: 0.0}) == [3001]

    def test_the_main_road_has_no_sign(self, junction: Any) -> None:
        watch = StopSigns(of_map(junction))
        route = Route.through(np.array([[60.0, -1.6], [-60.0, -1.6]]))
        places = np.arange(60.0, -60.0, -0.5).tolist()
        assert all(watch.watch(body(x, -1.6, 180.0), route, 60.0 - x) is None for x in places)


class TestLanes:
    def along(self, junction: Any, places: Iterable[tuple[float, float, float]]) -> list[bool]:
        watch = LaneWatch(junction)
        return [watch.watch(body(*place), 0.0) for place in places]

    def test_on_the_lane_and_a_little_beside_it(self, junction: Any) -> None:
        assert self.along(junction, [(60.0, y, 180.0) for y in (-1.6, -3.0, -4.4)]) == [False] * 3

    def test_beyond_the_verge_is_off_the_road(self, junction: Any) -> None:
        assert self.along(junction, [(60.0, y, 180.0) for y in (-1.6, -4.6, -9.0, -1.6)]) == [False, True, True, False]

    def test_the_oncoming_lane_until_it_is_left(self, junction: Any) -> None:
        places = [(60.0, -1.6, 180.0), (58.0, 1.6, 180.0), (40.0, 1.6, 180.0), (38.0, -1.6, 180.0)]
        assert self.along(junction, places) == [False, True, True, False]

    def test_out_of_a_junction_against_the_lane(self, junction: Any) -> None:
        through = [(20.0, -1.6, 180.0), (5.0, -1.6, 180.0), (-5.0, 1.0, 170.0)]
        assert self.along(junction, [*through, (-14.0, 1.6, 180.0), (-40.0, 1.6, 180.0)]) == [False] * 3 + [True] * 2
        assert self.along(junction, [*through, (-14.0, -1.6, 180.0)]) == [False] * 4

    def test_reversing_into_a_lane_is_judged_by_lanes_not_by_the_car(self, junction: Any) -> None:
        assert self.along(junction, [(60.0, 1.6, 0.0), (58.0, 1.6, 90.0), (57.0, 1.6, 180.0)]) == [False] * 3
