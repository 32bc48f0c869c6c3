"""What an actor looks like, in its own frame: origin on the ground, inside its bounding box."""

from collections.abc import Callable

from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.scene.cars import bus, car, truck, van
from laco.scenarios.server.scene.mesh import Colour, Mesh, empty
from laco.scenarios.server.scene.props import prop
from laco.scenarios.server.scene.riders import two_wheeler, walker
from laco.scenarios.server.scene.signs import sign

TRUCK, BUS, MOTORCYCLE, BICYCLE = 15, 16, 18, 19  # CityObjectLabel
GREY: Colour = (120, 122, 126)
LIVERIES: dict[str, Colour] = {
    "vehicle.carlamotors.firetruck": (190, 28, 24),
    "vehicle.ford.ambulance": (236, 236, 232),
    "vehicle.dodge.charger_police": (30, 32, 38),
}


def body_mesh(blueprint: Blueprint, colour: Colour | None = None, *, braking: bool = False) -> Mesh:
    """The body of an actor; `colour` is the paint of a vehicle. Nothing for a bodiless actor."""
    if blueprint.kind is Kind.WALKER:
        return walker(blueprint)
    if blueprint.kind is Kind.PROP:
        return prop(blueprint)
    if blueprint.kind is Kind.VEHICLE:
        paint = LIVERIES.get(blueprint.id) or colour or GREY
        return _vehicle(blueprint)(blueprint, paint, braking)
    return sign(blueprint.id) if blueprint.id.startswith("traffic.") else empty()


def _vehicle(blueprint: Blueprint) -> Callable[[Blueprint, Colour, bool], Mesh]:
    if blueprint.label in (MOTORCYCLE, BICYCLE) or blueprint.wheels == 2:
        return two_wheeler
    if blueprint.label == BUS:
        return bus
    base = next((a.value for a in blueprint.attributes if a.id == "base_type"), "")
    if base == "van":
        return van
    return truck if blueprint.label == TRUCK else car
