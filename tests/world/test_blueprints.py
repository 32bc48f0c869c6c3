"""The blueprint library: what programs written for CARLA name is there, and can be spawned."""

import math

import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.blueprints import Kind, library
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.world import World

# Of CARLA 0.9.16's catalogue: what ScenarioRunner, the leaderboard, LangCoop and InterDrive spawn.
NAMED = """
audi.a2 audi.etron audi.tt bmw.grandtourer chevrolet.impala citroen.c3 dodge.charger_2020 dodge.charger_police
dodge.charger_police_2020 ford.ambulance ford.crown ford.mustang jeep.wrangler_rubicon lincoln.mkz_2017
lincoln.mkz_2020 mercedes.coupe mercedes.coupe_2020 mercedes.sprinter micro.microlino mini.cooper_s
mini.cooper_s_2021 mitsubishi.fusorosa nissan.micra nissan.patrol nissan.patrol_2021 seat.leon tesla.cybertruck
tesla.model3 toyota.prius volkswagen.t2 volkswagen.t2_2021 carlamotors.carlacola carlamotors.european_hgv
carlamotors.firetruck harley-davidson.low_rider kawasaki.ninja vespa.zx125 yamaha.yzf bh.crossbike
diamondback.century gazelle.omafiets
"""
COMMON = {
    "role_name", "color", "number_of_wheels", "base_type", "generation", "special_type", "has_lights",
    "sticky_control",
}  # fmt: skip


def test_every_vehicle_that_programs_name_is_there() -> None:
    vehicles = {name.removeprefix("vehicle.") for name, b in library().items() if b.kind is Kind.VEHICLE}
    assert vehicles == set(NAMED.split())


def test_vehicles_have_the_attributes_that_programs_filter_by() -> None:
    for blueprint in library().values():
        if blueprint.kind is Kind.VEHICLE:
            attributes = {attribute.id: attribute for attribute in blueprint.attributes}
            assert attributes.keys() >= COMMON
            wheels, base = attributes["number_of_wheels"].value, attributes["base_type"].value
            assert (wheels == "2") == (base in ("motorcycle", "bicycle"))
            assert attributes["has_lights"].value == ("false" if base == "bicycle" else "true")


def test_there_are_fifty_walkers_some_of_them_children() -> None:
    walkers = [b for b in library().values() if b.kind is Kind.WALKER]
    ages = [attribute.value for b in walkers for attribute in b.attributes if attribute.id == "age"]
    assert [b.id for b in walkers] == [f"walker.pedestrian.{i:04d}" for i in range(1, 51)]
    assert (ages.count("child"), ages.count("adult")) == (8, 42)
    assert {b.size[2] for b in walkers if b.mass < 50} == {1.10}


def test_the_friction_trigger_is_a_box_without_a_body() -> None:
    trigger = library()["static.trigger.friction"]
    assert {a.id for a in trigger.attributes} == {"role_name", "friction", "extent_x", "extent_y", "extent_z"}
    assert trigger.size == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "size", "mass"),
    [
        ("vehicle.lincoln.mkz_2020", (4.90, 1.86, 1.49), 1696.0),
        ("vehicle.tesla.model3", (4.79, 1.85, 1.44), 1845.0),
        ("vehicle.carlamotors.european_hgv", (7.95, 2.90, 3.45), 12500.0),
        ("vehicle.mercedes.sprinter", (5.92, 1.99, 2.56), 2350.0),
        ("walker.pedestrian.0001", (0.38, 0.38, 1.86), 80.0),
        ("walker.pedestrian.0009", (0.50, 0.50, 1.10), 28.0),
    ],
)
def test_models_that_results_depend_on_stay_as_they_are(
    name: str, size: tuple[float, float, float], mass: float
) -> None:
    assert (library()[name].size, library()[name].mass) == (size, mass)


def test_everything_can_be_spawned_and_stands_in_its_own_place() -> None:
    world = World(read_map("crossing"))
    names = list(library())
    for i, name in enumerate(names):
        world.spawn(name, Pose(x=20.0 * (i % 10), y=20.0 * (i // 10) + 40.0))
    world.step(0.05)
    assert world.contacts == []
    assert all(math.isfinite(actor.x + actor.y + actor.z) for actor in world.actors.values())
    assert len(world.actors) == len(names) + 1  # the spectator
