"""The real client on what stands beside the road, rays, weather, and what a world without pictures only accepts."""

from collections.abc import Callable

import carla
import pytest

from laco.scenarios.maps import read_map

Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]
LABEL = carla.CityObjectLabel


THINGS = """<objects>
  <object id="1" name="barn" type="building" s="20" t="-30" zOffset="0" hdg="0" length="8" width="12" height="5"/>
  <object id="2" type="building" s="60" t="-40" zOffset="0" hdg="0" length="8" width="8" height="9"/>
  <object id="3" name="oak" type="tree" s="40" t="-30" zOffset="0" hdg="0" radius="1" height="6"/>
</objects>"""


@pytest.fixture
def town(client: carla.Client, world: carla.World) -> carla.World:
    """The crossing with two houses and a tree beside its first road."""
    text = read_map("crossing").replace("</lanes>", f"</lanes>{THINGS}", 1)
    made = client.generate_opendrive_world(text, carla.OpendriveGenerationParameters(), False)
    made.tick()
    return made


def building(world: carla.World) -> carla.EnvironmentObject:
    return world.get_environment_objects(LABEL.Buildings)[0]


def beside(thing: carla.EnvironmentObject, metres: float) -> tuple[carla.Location, float]:
    """A place so far outside the thing's front wall, and the yaw [deg] of the way to it."""
    yaw, centre = thing.transform.rotation.yaw, thing.bounding_box.location
    reach = thing.bounding_box.extent.x + metres
    forward = carla.Rotation(yaw=yaw).get_forward_vector()
    return carla.Location(centre.x - reach * forward.x, centre.y - reach * forward.y, 0.5), yaw


def test_things_of_the_level_have_boxes_names_and_kinds(town: carla.World) -> None:
    world = town
    things = world.get_environment_objects(LABEL.Any)
    assert len({thing.id for thing in things}) == len(things) > 0
    assert world.get_names_of_all_objects() == [thing.name for thing in things]
    assert [thing.name for thing in things] == ["barn", "building", "oak"]
    boxes = world.get_level_bbs(LABEL.Buildings)
    houses = world.get_environment_objects(LABEL.Buildings)
    assert [box.location for box in boxes] == [house.bounding_box.location for house in houses]
    assert {house.type for house in houses} == {LABEL.Buildings}
    house = houses[0]
    assert house.bounding_box.location.z == pytest.approx(house.bounding_box.extent.z)
    assert house.transform.location.z == pytest.approx(0.0)


def test_a_thing_switched_off_is_neither_met_nor_seen_nor_listed(
    town: carla.World, spawn: Spawn, ticks: Ticks
) -> None:
    world, house = town, building(town)
    place, yaw = beside(house, 6.0)
    eye, far = place + carla.Location(z=0.5), house.bounding_box.location
    count = len(world.get_level_bbs(LABEL.Buildings))

    def run_into_it() -> float:
        """How far [m] a car goes towards it within two seconds at 10 m/s."""
        car = spawn(x=place.x, y=place.y, yaw=yaw)
        start = car.get_location()
        car.enable_constant_velocity(carla.Vector3D(x=10.0))
        ticks(40)
        way = car.get_location().distance(start)
        car.destroy()
        return way

    assert [hit.label for hit in world.cast_ray(eye, far)] == [LABEL.Buildings]
    assert run_into_it() == pytest.approx(6.0 - 4.9 / 2, abs=0.1)
    world.enable_environment_objects({house.id}, False)
    assert world.cast_ray(eye, far) == []
    assert len(world.get_level_bbs(LABEL.Buildings)) == count - 1
    assert len(world.get_environment_objects(LABEL.Buildings)) == count  # to switch it on again
    assert run_into_it() == pytest.approx(20.0, abs=0.6)
    world.enable_environment_objects({house.id}, True)
    assert len(world.get_level_bbs(LABEL.Buildings)) == count
    assert run_into_it() == pytest.approx(6.0 - 4.9 / 2, abs=0.1)


def test_layers_are_unloaded_and_loaded(client: carla.Client, town: carla.World) -> None:
    world = town
    count = len(world.get_level_bbs(LABEL.Buildings))
    world.unload_map_layer(carla.MapLayer.Buildings)
    assert world.get_level_bbs(LABEL.Buildings) == []
    world.load_map_layer(carla.MapLayer.All)
    assert len(world.get_level_bbs(LABEL.Buildings)) == count
    assert count == 2
    bare = client.load_world("OpenDriveMap", True, carla.MapLayer.NONE)
    assert bare.get_level_bbs(LABEL.Any) == []


def test_points_are_projected_along_any_direction(world: carla.World, spawn: Spawn) -> None:
    spawn(x=20.0)
    hit = world.project_point(carla.Location(z=1.0), carla.Vector3D(x=1.0), 30.0)
    assert (hit.label, hit.location.x) == (LABEL.Car, pytest.approx(20.0 - 2.45, abs=1e-3))
    assert world.project_point(carla.Location(z=1.0), carla.Vector3D(x=1.0), 10.0) is None


def test_weather_comes_back_in_every_field(world: carla.World) -> None:
    names = [
        "cloudiness", "precipitation", "precipitation_deposits", "wind_intensity", "sun_azimuth_angle",
        "sun_altitude_angle", "fog_density", "fog_distance", "fog_falloff", "wetness", "scattering_intensity",
        "mie_scattering_scale", "rayleigh_scattering_scale", "dust_storm",
    ]  # fmt: skip
    weather = carla.WeatherParameters()
    for number, name in enumerate(names):
        setattr(weather, name, float(number + 1))
    world.set_weather(weather)
    assert [getattr(world.get_weather(), name) for name in names] == [float(i + 1) for i in range(14)]


def test_debug_shapes_are_accepted(world: carla.World) -> None:
    here, there = carla.Location(), carla.Location(x=1.0)
    draw, box = world.debug, carla.BoundingBox(here, carla.Vector3D(1.0, 1.0, 1.0))
    draw.draw_point(here, life_time=1.0)
    draw.draw_line(here, there)
    draw.draw_arrow(here, there)
    draw.draw_box(box, carla.Rotation())
    draw.draw_string(here, "hello")
    draw.draw_hud_point(here)
    draw.draw_hud_line(here, there)
    draw.draw_hud_arrow(here, there)
    draw.draw_hud_box(box, carla.Rotation())
    draw.clear_debug_shape()
    draw.clear_debug_string()
    assert world.tick() > 0


def test_there_are_no_street_lights_and_no_pavement_mesh(world: carla.World) -> None:
    manager = world.get_lightmanager()
    assert manager.get_all_lights() == []
    manager.set_day_night_cycle(True)
    world.set_pedestrians_seed(1)
    assert world.get_random_location_from_navigation() is None


def test_the_recorder_says_that_there_is_none(client: carla.Client, world: carla.World) -> None:
    words = [
        client.start_recorder("run.log", True),
        client.show_recorder_file_info("run.log", True),
        client.show_recorder_collisions("run.log", "a", "v"),
        client.show_recorder_actors_blocked("run.log", 10.0, 1.0),
        client.replay_file("run.log", 0.0, 0.0, 0),
    ]
    assert set(words) == {"the embedded server has no recorder"}
    client.stop_recorder()
    client.stop_replayer(False)
    client.set_replayer_time_factor(2.0)
    client.set_replayer_ignore_hero(True)
    client.set_replayer_ignore_spectator(True)
    assert world.tick() > 0


def test_odds_and_ends(client: carla.Client, town: carla.World) -> None:
    world = town
    world.set_imui_sensor_gravity(1.62)
    assert world.get_imui_sensor_gravity() == pytest.approx(1.62)
    world.set_annotations_traverse_translucency(True)
    assert client.get_required_files("", False) == []
    assert client.load_world_if_different("OpenDriveMap") is None
    texture = carla.TextureColor(1, 1)
    with pytest.raises(RuntimeError, match="unable to find Actor to apply the texture"):
        world.apply_color_texture_to_object("nobody", carla.MaterialParameter.Diffuse, texture)
    name = world.get_names_of_all_objects()[0]
    world.apply_color_texture_to_object(name, carla.MaterialParameter.Diffuse, texture)


def test_a_sensors_own_calls(world: carla.World, spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    blueprint = world.get_blueprint_library().find("sensor.other.collision")
    sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=car)
    sensor.set_ignored_vehicles([car.id])  # the wheel cannot turn the answer to the opposite into Python
    assert not sensor.is_enabled_for_ros()
    sensor.enable_for_ros()
    assert sensor.is_enabled_for_ros()
    sensor.disable_for_ros()
    assert not sensor.is_enabled_for_ros()
