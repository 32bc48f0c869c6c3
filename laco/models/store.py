"""Where converted models lie on this machine. A model's folder is whole or not there."""

import os
from pathlib import Path

from laco.errors import BackboneError
from laco.models.catalog import find


def home() -> Path:
    """The folder of all models: `$LACO_CACHE`, or `laco/models` in the user's cache folder."""
    if own := os.environ.get("LACO_CACHE"):
        return Path(own).expanduser()
    variable, default = ("LOCALAPPDATA", "~/AppData/Local") if os.name == "nt" else ("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get(variable) or default).expanduser() / "laco" / "models"


def is_installed(name: str) -> bool:
    """Whether the model has been fetched. Folders are moved into place whole, so this is all there is to ask."""
    return (home() / name / "config.json").is_file()


def installed(name: str) -> Path:
    """The converted model's folder. Raises: BackboneError, with the command, if it has not been fetched."""
    model = find(name)
    if not is_installed(name):
        size = f"{model.download} MB, {model.licence}"
        raise BackboneError(f"the model {name!r} is not on this machine: `laco models get {name}` fetches it ({size})")
    return home() / name
