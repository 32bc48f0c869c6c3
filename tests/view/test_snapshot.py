"""Who is there and where, against actors put there."""

from collections.abc import Callable

import carla
import pytest

from laco.view.rate import Rate
from laco.view.roles import standing
from laco.view.snapshot import Gallery, Picture

Spawn = Callable[..., carla.Actor]


def look(gallery: Gallery, world: carla.World) -> Picture:
    return gallery.picture(world.get_snapshot())


def test_a_car_is_there_with_its_facts(world: carla.World, spawn: Spawn) -> None:
    gallery = Gallery(world)
    assert look(gallery, world).players == []
    car = spawn(world, "vehicle.lincoln.mkz_2020", "hero", 1.75, 60.0, -90.0)
    picture = look(gallery, world)
    (player,) = gallery.cast.players
    assert (player.id, player.type, player.role, player.shown) == (
        car.id,
        "vehicle.lincoln.mkz_2020",
        "hero",
        "ego",
    )
    assert (player.length, player.width) == pytest.approx((4.9, 1.86), abs=0.1)
    id, x, y, yaw, speed, *_ = picture.players[0]
    assert (id, x, y, yaw, speed) == (car.id, 1.75, 60.0, -90.0, 0.0)
    assert picture.frame == world.get_snapshot().frame


def test_speed_and_pedals_are_told(world: carla.World, spawn: Spawn) -> None:
    car = spawn(world, "vehicle.lincoln.mkz_2020", "A", 1.75, 60.0, -90.0)
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    car.apply_control(carla.VehicleControl(throttle=0.5))
    gallery = Gallery(world)
    world.tick()
    before = look(gallery, world).players[0]
    for _ in range(20):
        world.tick()
    after = look(gallery, world).players[0]
    assert before[2] - after[2] == pytest.approx(10.0, abs=0.3)  # one second at 10 m/s towards -y
    assert after[4] == pytest.approx(10.0, abs=0.1)
    assert after[5:] == (0.5, 0.0, 0.0)
    car.apply_control(carla.VehicleControl(steer=-0.25, brake=1.0))
    world.tick()
    assert look(gallery, world).players[0][5:] == (0.0, -0.25, 1.0)


def test_the_cast_changes_only_when_somebody_comes_or_goes(world: carla.World, spawn: Spawn) -> None:
    gallery = Gallery(world)
    spawn(world, "walker.pedestrian.0001", "pedestrian", 9.0, 60.0)
    prop = spawn(world, "static.prop.streetbarrier", "prop", 1.75, 90.0)
    look(gallery, world)
    first = gallery.cast
    assert [player.shown for player in first.players] == ["walker", "prop"]
    world.tick()
    look(gallery, world)
    assert gallery.cast is first
    prop.destroy()
    world.tick()
    look(gallery, world)
    assert [player.shown for player in gallery.cast.players] == ["walker"]
    assert gallery.cast.revision == first.revision + 1


def test_lights_stand_at_their_stop_lines_and_show_their_state(grid: carla.World) -> None:
    gallery = Gallery(grid)
    look(gallery, grid)
    assert len(gallery.cast.lights) >= 9 * 4
    for light in gallery.cast.lights:
        assert light.stops
        assert all(((x - light.x) ** 2 + (y - light.y) ** 2) ** 0.5 < 40.0 for x, y, _, _ in light.stops)
    light = grid.get_actor(gallery.cast.lights[0].id)
    for state, number in ((carla.TrafficLightState.Green, 2), (carla.TrafficLightState.Red, 0)):
        light.set_state(state)
        light.freeze(True)
        grid.tick()
        assert dict(look(gallery, grid).lights)[light.id] == number


@pytest.mark.parametrize(
    ("type", "role", "shown"),
    [
        ("vehicle.audi.tt", "hero", "ego"),
        ("vehicle.audi.tt", "ego_vehicle", "ego"),
        ("vehicle.audi.tt", "A", "named"),
        ("vehicle.audi.tt", "autopilot", "traffic"),
        ("vehicle.audi.tt", "traffic_12", "traffic"),
        ("vehicle.audi.tt", "", "traffic"),
        ("vehicle.audi.tt", "hazard", "hazard"),
        ("vehicle.audi.tt", "parked3", "parked"),
        ("walker.pedestrian.0001", "hero", "walker"),
        ("static.prop.bin", "hero", "prop"),
    ],
)
def test_roles(type: str, role: str, shown: str) -> None:
    assert standing(type, role) == shown


def test_the_rate_is_of_the_last_moments() -> None:
    rate = Rate()
    assert (rate.ticks, rate.pace) == (0.0, 0.0)
    for i in range(60):  # 20 looks a second at a world of 100 ticks/s, 5 s a second; then nothing moves
        rate.note(i / 20, i * 5, i * 0.25)
    assert (rate.ticks, rate.pace) == (pytest.approx(100.0), pytest.approx(5.0))
    for i in range(60, 120):
        rate.note(i / 20, 295, 14.75)
    assert (rate.ticks, rate.pace) == (0.0, 0.0)
