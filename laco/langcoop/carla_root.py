"""A CARLA installation's Python parts."""

import re
from pathlib import Path

from laco.errors import ConfigError

EGG = re.compile(r"carla-(?P<version>[\d.]+)-py(?P<python>\d\.\d+)-.+\.egg")
Python = tuple[int, int]


def api(root: Path) -> Path:
    """The folder PythonAPI. Raises: ConfigError if there is none."""
    where = root.expanduser().resolve()
    if not (where / "PythonAPI" / "carla").is_dir():
        raise ConfigError(f"{where} is no CARLA installation: it has no PythonAPI/carla")
    return where / "PythonAPI"


def eggs(root: Path) -> dict[Python, Path]:
    """The eggs by the Python they are built for."""
    found = {}
    for path in sorted((api(root) / "carla" / "dist").glob("carla-*.egg")):
        if match := EGG.fullmatch(path.name):
            major, _, minor = match["python"].partition(".")
            found[int(major), int(minor)] = path
    return found


def paths(root: Path, python: Python) -> list[Path]:
    """What belongs on that Python's path: the egg that is built for it, or else the one for some Python 3.

    LangCoop's own scripts always name the egg of Python 3.7; another Python needs a `carla` of its own, and passes it
    over.
    """
    where, found = api(root), eggs(root)
    other = next((path for version, path in found.items() if version[0] == 3), None)
    egg = found.get(python, other)
    return [where, where / "carla", *([egg] if egg else [])]
