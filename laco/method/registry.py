"""Built-in model names: what `Backbone.load("smollm2")` means on this machine."""

from collections.abc import Callable
from pathlib import Path

from laco.errors import ConfigError

Locator = Callable[[], str | Path]
_LOCATORS: dict[str, Locator] = {}


def register(name: str, locator: Locator) -> None:
    """Make `name` a built-in model; `locator` returns its local folder or hub id when it is first asked for.

    Raises: ConfigError if the name is taken.
    """
    if name in _LOCATORS:
        raise ConfigError(f"the model name {name!r} is already registered")
    _LOCATORS[name] = locator


def locate(name: str | Path) -> str:
    """The folder or hub id behind a name; anything that is not a built-in name is returned as it is."""
    locator = _LOCATORS.get(str(name))
    return str(name if locator is None else locator())


def registered() -> tuple[str, ...]:
    """Built-in names, sorted."""
    return tuple(sorted(_LOCATORS))
