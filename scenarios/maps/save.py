"""The map of a running CARLA server as a file: its towns are its owner's to use, not ours to ship."""

from pathlib import Path
from typing import NamedTuple

from laco.errors import ConfigError, WorldError
from laco.report.files import write_bytes
from laco.scenarios.maps import SUFFIX
from laco.scenarios.stage import Simulator

PATIENCE = 10.0  # [s]


class Saved(NamedTuple):
    """What was saved where: the map's name, its file, and how much it is."""

    name: str
    path: Path
    size: int  # [bytes]
    roads: int


def save_map(host: str, port: int, out: Path | None = None, force: bool = False) -> Saved:
    """Write the OpenDRIVE text of the map a server is on; by default to NAME.xodr in the present folder.

    Raises: WorldError when no CARLA server answers, ConfigError when the file exists (unless `force`) or cannot be
    written. The server is asked, nothing more.
    """
    simulator = Simulator(host, port, PATIENCE)
    with simulator.asking("the server did not tell its map"):
        road_map = simulator.world.get_map()
    name = str(road_map.name).rsplit("/", 1)[-1]
    text = str(road_map.to_opendrive())
    if "<OpenDRIVE" not in text:
        raise WorldError(f"the server at {host}:{port} has no OpenDRIVE text for its map {name}")
    path = out or Path(f"{name}{SUFFIX}")
    if path.exists() and not force:
        raise ConfigError(f"{path} exists; --force overwrites it")
    data = text.encode()
    try:
        write_bytes(path, data)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    return Saved(name, path, len(data), text.count("<road "))
