"""What a server is started with, once for the command line, the child process and the server itself."""

import argparse
from dataclasses import dataclass, fields

_HELP = {
    "map": "a built-in map or an OpenDRIVE file",
    "name": "what clients are told the map is called; by default its own name",
    "host": "address to listen on",
    "port": "TCP port; 0 picks a free one",
    "seed": "of everything drawn by chance",
    "traffic": "cars that SUMO drives",
    "walkers": "people that SUMO leads",
}


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """map: a built-in name or an OpenDRIVE file; name: what clients are told instead (empty: its own); traffic and
    walkers: how many cars and people SUMO moves; seed: of everything drawn by chance."""

    map: str = "crossing"
    name: str = ""
    host: str = "127.0.0.1"
    port: int = 2000
    seed: int = 0
    traffic: int = 0
    walkers: int = 0

    def arguments(self) -> list[str]:
        """As the command line of `python -m laco.scenarios.server`."""
        return [f"--{field.name}={getattr(self, field.name)}" for field in fields(self)]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a parser take every option."""
    for field in fields(WorldOptions):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default, help=_HELP[field.name])


def from_namespace(namespace: argparse.Namespace) -> WorldOptions:
    """The options that such a parser has read."""
    return WorldOptions(**{field.name: getattr(namespace, field.name) for field in fields(WorldOptions)})
