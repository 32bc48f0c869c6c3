"""What can be spawned: names, sizes, masses and attributes, after CARLA's blueprint library.

The figures of the models are in `models.py`. An actor's origin is on the ground, so the centre of its box is
half its height above it.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from laco.scenarios.server.models import PROPS, VEHICLES, WALKERS
from laco.scenarios.server.sensor_blueprints import SENSORS, Rows

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5
TYPES = {"bool": BOOL, "int": INT, "float": FLOAT, "string": STRING}


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
        _fixed("has_lights", BOOL, "false" if base == "bicycle" else "true"),
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


def _friction_trigger() -> Blueprint:
    """A box in which CARLA's tyres slip; ours do not, but it can be placed."""
    reach = [Attribute(f"extent_{axis}", FLOAT, "1.0") for axis in "xyz"]
    attributes = (_role("trigger"), Attribute("friction", FLOAT, "3.5"), *reach)
    name = "static.trigger.friction"
    return Blueprint(name, Kind.OTHER, attributes=attributes, tags=_tags(name))


def _sensor(name: str, rows: Rows, streams: bool) -> Blueprint:
    settings = (Attribute(id, TYPES[kind], value) for id, kind, value in rows)
    return Blueprint(name, Kind.SENSOR, attributes=(_role("front"), *settings), streams=streams, tags=_tags(name))


def _tags(name: str) -> str:
    return ",".join(reversed(name.split(".")))


def library() -> dict[str, Blueprint]:
    """Every blueprint by name, in the order in which clients are told."""
    everything = [_vehicle(*row) for row in VEHICLES]
    everything += [_walker(*row) for row in WALKERS]
    everything += [_prop(f"static.prop.{name}", size) for name, size in PROPS]
    everything.append(_friction_trigger())
    everything += [_sensor(*row) for row in SENSORS]
    everything.append(
        Blueprint(
            "controller.ai.walker", Kind.OTHER, attributes=(_role("default"),), tags="walker,ai,controller"
        )
    )
    return {blueprint.id: blueprint for blueprint in everything}
