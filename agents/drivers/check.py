"""Weights and models refused before anything has started, without loading them."""

from collections.abc import Sequence
from pathlib import Path

from laco.agents.drivers import facts
from laco.agents.drivers.weights_file import locate, metadata
from laco.errors import ConfigError
from laco.method import registry


def weights_of(driver: str, weights: Path | None, model: str | None, here: bool = True) -> str:
    """What the driver is to load, "" for its own: for `vector` a weights file, or the name of shipped
    ones; for the others a model.

    here: look for the model on this machine; hosts elsewhere have their own.
    Raises: ConfigError for an unknown driver, and for a file or model that is missing or not for this driver;
    BackboneError for a file that holds something else, and for a built-in model that has not been fetched.
    """
    known = facts(driver)
    if not known.hosted and (weights is not None or model is not None):
        raise ConfigError(f"the {driver} driver is a set of rules: it takes neither weights nor a model")
    if known.model is None:
        if model is not None:
            raise ConfigError(f"the {driver} driver takes weights, not a model: use --weights")
        if weights is None or not here:
            return "" if weights is None else str(weights)
        path = locate(str(weights))
        metadata(path)
        return str(path)
    if weights is not None:
        raise ConfigError(f"the {driver} driver takes a model, not weights: use --model")
    if not (name := model or known.model):
        raise ConfigError(f"the {driver} driver needs a model: give a folder or a hub id with --model")
    if here:
        check_model(name)
    return name


def adapters_of(paths: Sequence[Path], here: bool = True) -> tuple[str, ...]:
    """Paths of adapter files, or folders of them. here: they are on this machine, and must be there.

    Raises: ConfigError for one that is missing. What they hold is looked at when the model is there.
    """
    missing = [path for path in paths if here and not path.exists()]
    if missing:
        raise ConfigError(f"no adapter file or folder {missing[0]}")
    return tuple(map(str, paths))


def check_model(name: str) -> None:
    """Raises: ConfigError unless the name is built in and fetched, a model's folder, or may be a hub id."""
    where = Path(registry.locate(name))
    if where.is_dir():
        if not (where / "config.json").is_file():
            raise ConfigError(f"{where} holds no model: it has no config.json")
    elif where.is_absolute() or len(where.parts) != 2 or where.parts[0].startswith("."):
        known = ", ".join(registry.registered()) or "none"
        raise ConfigError(f"no model {name!r}: give a built-in name ({known}), a folder, or a hub id (OWNER/NAME)")
