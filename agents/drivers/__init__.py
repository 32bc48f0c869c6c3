"""Who drives. Only names and facts here: whoever lists them loads no model; `load` makes them.

A new driver is a file of its own, a line here, and a line in `load`.
"""

from dataclasses import dataclass

from laco.errors import ConfigError


@dataclass(frozen=True)
class Camera:
    """A camera at a vehicle's front: picture size [pixels], place [m] in the vehicle's axes, field of view [deg]."""

    width: int = 320
    height: int = 240
    forward: float = 1.3
    up: float = 2.3
    view: float = 100.0


@dataclass(frozen=True)
class Facts:
    """What must be known of a driver before its model is there.

    period: [s] between two decisions. carries: what channels may ask of it: "objects" (reads a peer's object
    list), "text" (reads sentences), "speech" (says them), "embeddings" (shares and reads what enters its
    decoder), "kv" (thinks in a decoder's cache). model: whether it takes a model's name instead of a weights
    file, and which one by default. camera: what it wants to see through. hosted: whether it thinks in an agent host;
    rules need none, they are bounds to compare with.
    """

    period: float
    carries: frozenset[str]
    model: str | None = None
    camera: Camera | None = None
    hosted: bool = True


DRIVERS = {
    "vector": Facts(0.2, frozenset({"objects", "embeddings", "kv"})),
    "llm": Facts(1.0, frozenset({"text", "speech", "embeddings", "kv"}), model="smollm2"),
    "vlm": Facts(1.0, frozenset({"text", "speech", "embeddings", "kv"}), model="", camera=Camera()),
    "expert": Facts(0.2, frozenset({"objects"}), hosted=False),
    "auto": Facts(0.2, frozenset(), hosted=False),
}


def facts(name: str) -> Facts:
    """What is known of a driver. Raises: ConfigError for one that is unknown."""
    if name not in DRIVERS:
        raise ConfigError(f"unknown driver {name!r}; there are {', '.join(DRIVERS)}")
    return DRIVERS[name]
