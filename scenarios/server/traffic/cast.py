"""Who takes part: blueprints of the world as vehicle types of SUMO, with the sizes they have in the world."""

import random
from typing import Any, NamedTuple

from laco.scenarios.server.blueprints import Blueprint, Kind

WIDEST = 2.95  # [m] must fit into a lane
SHARES = {
    "car": 6.0,
    "van": 2.0,
    "truck": 1.0,
    "motorcycle": 1.0,
}  # of base types; those not named stay at home
CLASSES = {"truck": "truck", "motorcycle": "motorcycle"}  # SUMO's; others are passenger cars
PACES = {"truck": (1.3, 4.0), "motorcycle": (3.5, 5.0)}  # [m/s^2] acceleration, comfortable braking
USUAL_PACE = (2.6, 4.5)  # SUMO's defaults for a passenger car
SIDEWAYS = {
    "lcMaxSpeedLatStanding": "0",
    "lcMaxSpeedLatFactor": "0.2",
}  # nobody slides sideways while standing
GAP = 2.0  # [m] kept when standing


class Role(NamedTuple):
    """A blueprint, its attributes, and SUMO's type of it."""

    blueprint: Blueprint
    attributes: dict[str, str]
    type: str


class Cast:
    """Chooses roles; makes each type known to SUMO when it is first needed."""

    def __init__(self, sumo: Any, library: dict[str, Blueprint], random: random.Random) -> None:
        self._sumo = sumo
        self._random = random
        self._known: set[str] = set()
        self._cars = [
            b for b in library.values() if b.kind is Kind.VEHICLE and _share(b) and b.size[1] < WIDEST
        ]
        self._walkers = [b for b in library.values() if b.kind is Kind.WALKER]

    def car(self) -> Role:
        """A vehicle of some colour."""
        blueprint = self._random.choices(self._cars, [_share(b) for b in self._cars])[0]
        colors = next((a.choices for a in blueprint.attributes if a.id == "color" and a.choices), None)
        attributes = {"role_name": "autopilot"}
        if colors:
            attributes["color"] = self._random.choice(colors)
        base = _base(blueprint)
        if self._new(blueprint.id):
            acceleration, braking = PACES.get(base, USUAL_PACE)
            self._size(blueprint.id, blueprint, CLASSES.get(base, "passenger"))
            types = self._sumo.vehicletype
            types.setAccel(blueprint.id, acceleration)
            types.setDecel(blueprint.id, braking)
            types.setMinGap(blueprint.id, GAP)
            for key, number in SIDEWAYS.items():
                types.setParameter(blueprint.id, f"laneChangeModel.{key}", number)
        return Role(blueprint, attributes, blueprint.id)

    def walker(self) -> Role:
        """A person."""
        blueprint = self._random.choice(self._walkers)
        if self._new(blueprint.id):
            self._size(blueprint.id, blueprint, "pedestrian", "DEFAULT_PEDTYPE")
        return Role(blueprint, {"role_name": "pedestrian"}, blueprint.id)

    def guest(self, length: float, width: float) -> str:
        """The type of something that SUMO does not drive, by its size [m]."""
        name = f"guest {length:.2f} {width:.2f}"
        if self._new(name):
            types = self._sumo.vehicletype
            types.copy("DEFAULT_VEHTYPE", name)
            types.setLength(name, max(length, 0.1))
            types.setWidth(name, max(width, 0.1))
            types.setMinGap(name, 0.0)
        return name

    def _new(self, name: str) -> bool:
        new = name not in self._known
        self._known.add(name)
        return new

    def _size(self, name: str, blueprint: Blueprint, kind: str, like: str = "DEFAULT_VEHTYPE") -> None:
        types, (length, width, height) = self._sumo.vehicletype, blueprint.size
        types.copy(like, name)
        types.setVehicleClass(name, kind)
        types.setLength(name, length)
        types.setWidth(name, width)
        types.setHeight(name, height)


def _base(blueprint: Blueprint) -> str:
    return next((a.value for a in blueprint.attributes if a.id == "base_type"), "")


def _share(blueprint: Blueprint) -> float:
    special = any(a.id == "special_type" and a.value for a in blueprint.attributes)
    return 0.0 if special else SHARES.get(_base(blueprint), 0.0)
