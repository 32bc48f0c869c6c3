"""What can be spawned: names, sizes, masses and attributes, after CARLA's blueprint library.

Sizes are outer dimensions (length, width, height) [m]; masses [kg]. An actor's origin is on the ground, so
the centre of its box is half its height above it.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5


class Kind(Enum):
    """What an actor is to the world."""

    VEHICLE = "vehicle"
    WALKER = "walker"
    PROP = "static"
    SENSOR = "sensor"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a blueprint; values are strings on the wire."""

    id: str
    type: int
    value: str
    choices: tuple[str, ...] = ()
    modifiable: bool = True
    restricted: bool = False

    def wire(self) -> list[Any]:
        """As the protocol's ActorAttribute."""
        return [self.id, self.type, self.value, list(self.choices), self.modifiable, self.restricted]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One kind of actor. `label` is the semantic tag (CityObjectLabel); `size` is zero for bodiless
    things."""

    id: str
    kind: Kind
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mass: float = 0.0
    label: int = 0
    wheels: int = 0
    attributes: tuple[Attribute, ...] = ()
    streams: bool = False  # whether it sends data of its own
    tags: str = field(default="")

    def wire(self, uid: int) -> list[Any]:
        """As the protocol's ActorDefinition."""
        return [uid, self.id, self.tags, [attribute.wire() for attribute in self.attributes]]


# id, (length, width, height), mass, label, wheels, base type, generation, special type
_VEHICLES: tuple[tuple[str, tuple[float, float, float], float, int, int, str, int, str], ...] = (
    ("vehicle.lincoln.mkz_2020", (4.90, 1.86, 1.49), 1696.0, 14, 4, "car", 2, ""),
    ("vehicle.tesla.model3", (4.79, 1.85, 1.44), 1845.0, 14, 4, "car", 1, ""),
    ("vehicle.audi.tt", (4.18, 1.99, 1.35), 1385.0, 14, 4, "car", 1, ""),
    ("vehicle.audi.a2", (3.71, 1.79, 1.55), 1030.0, 14, 4, "car", 1, ""),
    ("vehicle.bmw.grandtourer", (4.61, 2.24, 1.62), 1645.0, 14, 4, "car", 1, ""),
    ("vehicle.mini.cooper_s", (3.81, 1.97, 1.48), 1265.0, 14, 4, "car", 1, ""),
    ("vehicle.nissan.patrol", (4.60, 1.93, 1.85), 2190.0, 14, 4, "car", 1, ""),
    ("vehicle.jeep.wrangler_rubicon", (3.87, 1.91, 1.88), 1885.0, 14, 4, "car", 1, ""),
    ("vehicle.dodge.charger_police", (4.97, 2.04, 1.56), 1920.0, 14, 4, "car", 1, "emergency"),
    ("vehicle.ford.ambulance", (6.36, 2.35, 2.43), 3900.0, 15, 4, "van", 2, "emergency"),
    ("vehicle.mercedes.sprinter", (5.92, 1.99, 2.56), 2350.0, 15, 4, "van", 2, ""),
    ("vehicle.volkswagen.t2", (4.48, 2.07, 2.04), 1315.0, 14, 4, "van", 1, ""),
    ("vehicle.carlamotors.firetruck", (8.47, 2.89, 3.83), 13500.0, 15, 4, "truck", 2, "emergency"),
    ("vehicle.carlamotors.european_hgv", (7.95, 2.90, 3.45), 12500.0, 15, 6, "truck", 2, ""),
    ("vehicle.mitsubishi.fusorosa", (10.27, 3.94, 4.25), 9500.0, 16, 4, "bus", 2, ""),
    ("vehicle.yamaha.yzf", (2.21, 0.87, 1.53), 260.0, 18, 2, "motorcycle", 1, ""),
    ("vehicle.vespa.zx125", (1.81, 0.87, 1.58), 190.0, 18, 2, "motorcycle", 1, ""),
    ("vehicle.bh.crossbike", (1.49, 0.86, 1.64), 90.0, 19, 2, "bicycle", 1, ""),
    ("vehicle.diamondback.century", (1.64, 0.55, 1.63), 90.0, 19, 2, "bicycle", 1, ""),
)
_WALKERS = (
    ("walker.pedestrian.0001", (0.38, 0.38, 1.86), 80.0, "adult", "male"),
    ("walker.pedestrian.0002", (0.38, 0.38, 1.86), 70.0, "adult", "female"),
    ("walker.pedestrian.0009", (0.50, 0.50, 1.10), 28.0, "child", "female"),
    ("walker.pedestrian.0015", (0.38, 0.38, 1.86), 80.0, "adult", "male"),
)
_PROPS = (
    ("static.prop.streetbarrier", (1.20, 0.37, 1.07)),
    ("static.prop.trafficcone01", (0.42, 0.42, 0.70)),
    ("static.prop.constructioncone", (0.34, 0.34, 0.59)),
    ("static.prop.trafficwarning", (2.87, 2.37, 3.57)),
    ("static.prop.warningconstruction", (1.26, 0.60, 1.50)),
    ("static.prop.container", (1.90, 1.04, 1.20)),
    ("static.prop.busstop", (3.84, 1.86, 2.78)),
    ("static.prop.bin", (0.70, 0.73, 1.12)),
    ("static.prop.box01", (0.56, 0.60, 0.56)),
    ("static.prop.vendingmachine", (1.22, 0.88, 2.12)),
)
_COLORS = ("17,37,103", "66,67,67", "85,16,17", "140,140,140", "212,212,212")


def _role(value: str, *choices: str) -> Attribute:
    return Attribute("role_name", STRING, value, choices)


def _fixed(name: str, kind: int, value: str) -> Attribute:
    return Attribute(name, kind, value, modifiable=False)


def _vehicle(
    name: str,
    size: tuple[float, float, float],
    mass: float,
    label: int,
    wheels: int,
    base: str,
    generation: int,
    special: str,
) -> Blueprint:
    attributes = (
        _role("autopilot", "autopilot", "scenario", "ego_vehicle", "hero"),
        Attribute("color", COLOR, _COLORS[0], _COLORS),
        Attribute("sticky_control", BOOL, "True"),
        Attribute("terramechanics", BOOL, "False"),
        _fixed("object_type", STRING, ""),
        _fixed("number_of_wheels", INT, str(wheels)),
        _fixed("generation", INT, str(generation)),
        _fixed("base_type", STRING, base),
        _fixed("special_type", STRING, special),
        _fixed("has_lights", BOOL, "true"),
        _fixed("has_dynamic_doors", BOOL, "false"),
    )
    return Blueprint(name, Kind.VEHICLE, size, mass, label, wheels, attributes, tags=_tags(name))


def _walker(name: str, size: tuple[float, float, float], mass: float, age: str, gender: str) -> Blueprint:
    attributes = (
        _role("pedestrian"),
        Attribute("is_invincible", BOOL, "true"),
        Attribute("speed", FLOAT, "1.4", ("0.0", "1.4", "2.8")),
        _fixed("age", STRING, age),
        _fixed("gender", STRING, gender),
        _fixed("generation", INT, "2"),
    )
    return Blueprint(name, Kind.WALKER, size, mass, 12, 0, attributes, tags=_tags(name))


def _prop(name: str, size: tuple[float, float, float]) -> Blueprint:
    attributes = (_role("prop"), _fixed("size", STRING, "medium"))
    return Blueprint(name, Kind.PROP, size, 0.0, 20, 0, attributes, tags=_tags(name))


def _sensor(name: str, streams: bool) -> Blueprint:
    return Blueprint(name, Kind.SENSOR, attributes=(_role("front"),), streams=streams, tags=_tags(name))


def _tags(name: str) -> str:
    return ",".join(reversed(name.split(".")))


def library() -> dict[str, Blueprint]:
    """Every blueprint by name, in the order in which clients are told."""
    everything = [_vehicle(*row) for row in _VEHICLES]
    everything += [_walker(*row) for row in _WALKERS]
    everything += [_prop(*row) for row in _PROPS]
    everything += [_sensor("sensor.other.collision", True), _sensor("sensor.other.lane_invasion", False)]
    everything.append(
        Blueprint(
            "controller.ai.walker", Kind.OTHER, attributes=(_role("default"),), tags="walker,ai,controller"
        )
    )
    return {blueprint.id: blueprint for blueprint in everything}
