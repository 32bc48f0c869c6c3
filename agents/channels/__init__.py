"""What vehicles share. Only names here: whoever lists them loads no model; the classes are in `build`."""

from laco.agents.drivers import facts
from laco.errors import ConfigError

# What each channel asks of a driver, any one of it, in the order in which tables show the channels.
NEEDS: dict[str, tuple[str, ...]] = {
    "silent": (),
    "observation": ("objects", "text"),
    "language": ("speech",),
    "conclusion": ("speech",),
    "visual": ("embeddings",),
    "latent": ("kv",),
}
CHANNEL_NAMES = tuple(NEEDS)
# What the latent channel really sends: "true", or a control.
PAYLOADS = ("true", "twin", "empty", "random", "other")
# Names of ways to send a latent message that are no KV codecs: recipes (`transfer`), the difference to what the
# receiver already has (`laco.comm.delta`), and whatever of all fits the budget (`rate`).
RECIPES = ("recompute", "recompute-half", "recompute-replay")
DELTAS = ("delta", "delta-coarse")
TRANSFERS = (*RECIPES, *DELTAS, "auto")


def carried(driver: str) -> tuple[str, ...]:
    """The channels that a driver can carry. Raises: ConfigError for an unknown driver."""
    has = facts(driver).carries
    return tuple(name for name, needs in NEEDS.items() if not needs or has.intersection(needs))


def require(channel: str, driver: str) -> None:
    """Raises: ConfigError for an unknown channel or driver, and for a driver that cannot carry the channel."""
    able = carried(driver)
    if channel not in NEEDS:
        raise ConfigError(f"unknown channel {channel!r}; there are {', '.join(CHANNEL_NAMES)}")
    if channel not in able:
        needs = " or ".join(NEEDS[channel])
        can = ", ".join(able)
        raise ConfigError(f"the {driver} driver cannot carry {channel!r}, which needs {needs}; it can {can}")
