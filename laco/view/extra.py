"""Whether the viewer's own dependency is there."""

from importlib.util import find_spec

from laco.errors import ConfigError


def require() -> None:
    """Raises: ConfigError that names the extra."""
    if find_spec("aiohttp") is None:
        raise ConfigError("the live view needs aiohttp: pip install 'laco-driving[view]'")
