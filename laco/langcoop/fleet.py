"""Who thinks for which vehicle: drivers and models become servers, ours or somebody else's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laco.agents.addresses import Address
from laco.agents.channels import require
from laco.agents.drivers.check import weights_of
from laco.errors import ConfigError

CHANNELS = ("silent", "observation", "language", "visual", "latent")
DRIVERS = ("llm", "vlm")
PORT = 7400  # of the first server, where somebody starts them by hand
CHOICE = re.compile(r"ego(\d+)=(\w+)(?::(.+))?")


def vehicle(idx: int) -> str:
    """An ego's name on the wire."""
    return f"ego{idx}"


@dataclass(frozen=True)
class Mind:
    """A driver and its model; "" for the driver's own."""

    driver: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.driver}:{self.model}" if self.model else self.driver


@dataclass(frozen=True)
class Seat:
    """One server: who thinks there and for whom. address: where it runs already, or None for one of ours."""

    name: str
    mind: Mind | None
    vehicles: tuple[str, ...]
    address: Address | None = None


def minds(egos: int, driver: str, model: str | None, choices: Sequence[str]) -> list[Mind]:
    """Each ego's. choices: `ego1=llm:smollm2`, where one has another driver than the rest. Raises: ConfigError."""
    found = [Mind(driver, model or "")] * egos
    for text in choices:
        match = CHOICE.fullmatch(text)
        if match is None:
            raise ConfigError(f"--vehicle takes egoN=DRIVER or egoN=DRIVER:MODEL, not {text!r}")
        if int(match[1]) >= egos:
            raise ConfigError(f"--vehicle {text}: there are {egos} egos, ego0 to ego{egos - 1}")
        found[int(match[1])] = Mind(match[2], match[3] or "")
    unknown = next((mind.driver for mind in found if mind.driver not in DRIVERS), None)
    if unknown:
        raise ConfigError(f"the driver of an evaluator's vehicle is {' or '.join(DRIVERS)}, not {unknown!r}")
    return found


def check(found: Sequence[Mind], channels: Sequence[str], here: bool) -> list[Mind]:
    """The same with the drivers' own models filled in. here: models are to be on this machine.

    Raises: ConfigError for a channel that a driver cannot carry, and for a model that is missing; BackboneError.
    """
    for channel in channels:
        if channel not in CHANNELS:
            raise ConfigError(f"unknown channel {channel!r}; there are {', '.join(CHANNELS)}")
        for mind in found:
            require(channel, mind.driver)
    return [Mind(mind.driver, weights_of(mind.driver, None, mind.model or None, here)) for mind in found]


def seats(found: Sequence[Mind], isolate: bool = False) -> list[Seat]:
    """Servers of ours: one for each kind of mind, or one for each vehicle."""
    names = [vehicle(idx) for idx in range(len(found))]
    if isolate:
        return [Seat(name, mind, (name,)) for name, mind in zip(names, found, strict=True)]
    kinds = list(dict.fromkeys(found))
    shared: Mapping[Mind, tuple[str, ...]] = {
        kind: tuple(name for name, mind in zip(names, found, strict=True) if mind == kind) for kind in kinds
    }
    return [Seat("-".join(members), kind, members) for kind, members in shared.items()]


def elsewhere(addresses: Sequence[str], egos: int) -> list[Seat]:
    """Servers that run already: one for all vehicles, or one each. Raises: ConfigError."""
    names = [vehicle(idx) for idx in range(egos)]
    found = [Address.of(text) for text in addresses]
    if len(found) == 1:
        return [Seat(str(found[0]), None, tuple(names), found[0])]
    if len(found) != egos:
        raise ConfigError(f"--agents takes one address for all, or one for each of the {egos} egos, not {len(found)}")
    places = list(dict.fromkeys(found))
    return [
        Seat(str(place), None, tuple(name for name, at in zip(names, found, strict=True) if at == place), place)
        for place in places
    ]
