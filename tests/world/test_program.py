"""A small program as people write them for CARLA: it plans on `carla.Map`, steers after waypoints, holds a speed and
stops at red lights."""

import math

import carla
import pytest

DT, STEP, SPEED = 0.05, 2.0, 8.0  # [s], [m], [m/s]
AHEAD = 5.0  # [m] the point steered at
GAP = 12.0  # [m] a car that waits stands so near to its stop line


class Driver:
    """Follows waypoints: pure pursuit, a proportional-integral speed controller, and the rules at lights."""

    def __init__(self, car: carla.Vehicle, route: list[carla.Waypoint]) -> None:
        self.car, self.route = car, route
        self.at, self.error = 0, 0.0

    def step(self) -> None:
        """One decision, applied."""
        here = self.car.get_transform()
        while self.at < len(self.route) - 1 and self._way(here, self.at) < AHEAD:
            self.at += 1
        target = self.route[self.at].transform.location
        bearing = math.atan2(target.y - here.location.y, target.x - here.location.x) - math.radians(
            here.rotation.yaw
        )
        steer = math.remainder(bearing, 2 * math.pi) / 0.6
        wish = 0.0 if self._red() or self.done() else SPEED
        error = wish - self.car.get_velocity().length()
        self.error = min(max(self.error + error * DT, -2.0), 2.0) if wish else 0.0
        pedal = 0.3 * error + 0.1 * self.error
        brake = min(max(-pedal, 0.0), 1.0) if wish else 0.6
        control = carla.VehicleControl(throttle=min(max(pedal, 0.0), 0.7), steer=steer, brake=brake)
        self.car.apply_control(control)

    def done(self) -> bool:
        """Whether the last waypoint is reached."""
        return self._way(self.car.get_transform(), len(self.route) - 1) < AHEAD

    def _way(self, here: carla.Transform, index: int) -> float:
        return float(here.location.distance(self.route[index].transform.location))

    def _red(self) -> bool:
        state = self.car.get_traffic_light_state()
        return bool(self.car.is_at_traffic_light() and state == carla.TrafficLightState.Red)


def straight_on(waypoint: carla.Waypoint, metres: float) -> list[carla.Waypoint]:
    """The way along the lane, through junctions by the branch that turns least."""
    way, heading = [waypoint], waypoint.transform.rotation.yaw
    while len(way) * STEP < metres:
        branches = way[-1].next(STEP)
        way.append(
            min(branches, key=lambda w: abs(math.remainder(w.transform.rotation.yaw - heading, 360.0)))
        )
    return way


def aside(car: carla.Vehicle, route: list[carla.Waypoint]) -> float:
    """How far the car is from the nearest waypoint, less the half step between two of them [m]."""
    here = car.get_location()
    return float(min(here.distance(waypoint.transform.location) for waypoint in route)) - STEP / 2


@pytest.fixture
def town(client: carla.Client) -> carla.World:
    """The signalised grid in synchronous mode, every light red for good."""
    world = client.load_world("grid")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DT
    world.apply_settings(settings)
    world.tick()
    for light in world.get_actors().filter("traffic.traffic_light"):
        light.set_state(carla.TrafficLightState.Red)
        light.freeze(True)
    world.tick()
    return world


def test_it_waits_at_red_goes_at_green_and_arrives(town: carla.World) -> None:
    lights = town.get_actors().filter("traffic.traffic_light")
    stop = lights[0].get_stop_waypoints()[0]
    start = stop.previous(40.0)[0]
    place = start.transform
    place.location.z += 0.5
    car = town.spawn_actor(town.get_blueprint_library().find("vehicle.tesla.model3"), place)
    town.tick()
    route = straight_on(start, 120.0)
    driver, worst = Driver(car, route), 0.0
    for _ in range(300):
        driver.step()
        town.tick()
        worst = max(worst, aside(car, route))
    assert car.is_at_traffic_light()
    assert car.get_traffic_light().id == lights[0].id
    assert car.get_velocity().length() < 0.01
    assert car.get_location().distance(stop.transform.location) < GAP
    assert not town.get_map().get_waypoint(car.get_location()).is_junction
    lights[0].set_state(carla.TrafficLightState.Green)
    for _ in range(600):
        if driver.done():
            break
        driver.step()
        town.tick()
        worst = max(worst, aside(car, route))
    assert driver.done()
    assert worst < 0.5
