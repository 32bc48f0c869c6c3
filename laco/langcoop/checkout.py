"""A checkout of LangCoop, V2Xverse or CoLMDriver, and what is found in it by its short name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from laco.errors import ConfigError
from laco.langcoop.evaluators import EVALUATORS, LANGCOOP, LEADERBOARD, PARAMETERS, SCRIPT, Evaluator, find
from laco.scenarios.routes.reading import Task, read

RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True)
class Checkout:
    """root: absolute. evaluator: whose it is. options: long options that its evaluator takes."""

    root: Path
    evaluator: Evaluator
    options: frozenset[str]

    @classmethod
    def at(cls, root: Path, evaluator: str | None = None) -> "Checkout":
        """Raises: ConfigError unless an evaluator is there, and for one that is somebody else's."""
        where = root.expanduser().resolve()
        script = where / SCRIPT
        if not script.is_file():
            raise ConfigError(f"{where} is no checkout of LangCoop, V2Xverse or CoLMDriver: it has no {SCRIPT}")
        options = frozenset(re.findall(r"--([\w-]+)", script.read_text(encoding="utf-8", errors="replace")))
        chosen = find(evaluator) if evaluator else _guess(where, options)
        if chosen.folders and "routes_dir" not in options:
            raise ConfigError(f"the evaluator in {where} takes no --routes_dir: it is not {chosen.title}'s")
        if chosen.name == LANGCOOP and not (where / "vlmdrive").is_dir():
            raise ConfigError(f"{where} has no vlmdrive: it is not {chosen.title}'s")
        return cls(where, chosen, options)

    @property
    def script(self) -> Path:
        """The evaluator itself."""
        return self.root / SCRIPT

    @property
    def paths(self) -> list[Path]:
        """What its interpreter must find modules in, except for CARLA's."""
        leaderboard = self.root / LEADERBOARD
        return [leaderboard, leaderboard / "team_code", self.root / "simulation/scenario_runner", self.root]

    def parameter(self, name: str) -> Path:
        """The scenario parameters K, or a file. Raises: ConfigError."""
        return self._file(name, f"{PARAMETERS}/scenario_parameter_{name}.yaml", "scenario parameters")

    def scenarios(self, name: str | None) -> Path:
        """The scenario file, the evaluator's usual one by default. Raises: ConfigError."""
        found = self._file(name or self.evaluator.scenarios, name or self.evaluator.scenarios, "scenario file")
        return found

    def routes(self, names: Sequence[str]) -> list["Routes"]:
        """Files and folders, or ids: `3`, `0-31`, `_partial`, `r9_town06_ins_ss`, with commas between.

        Raises: ConfigError for what is not there, ScenarioError for what is no route file.
        """
        found: dict[Path, Routes] = {}
        for name in names:
            for path in self._places(name):
                for routes in _read(path, self.evaluator.folders):
                    found[routes.path] = routes
        if not found:
            raise ConfigError("no routes: name a file, a folder or ids with --routes")
        stems = [routes.name for routes in found.values()]
        twice = next((stem for stem in stems if stems.count(stem) > 1), None)
        if twice:
            raise ConfigError(f"two routes have the name {twice}")
        return list(found.values())

    def _places(self, name: str) -> Iterator[Path]:
        if (path := Path(name).expanduser()).exists():
            yield path.resolve()
            return
        for part in filter(None, name.split(",")):
            match = RANGE.fullmatch(part)
            ids = range(int(match[1]), int(match[2]) + 1) if match else [part]
            for id in ids:
                yield self._route(str(id))

    def _route(self, id: str) -> Path:
        tried = [self.root / self.evaluator.routes.format(text) for text in (id, f"_{id}")]
        tried.append(self.root / id)
        place = next((path for path in tried if path.exists()), None)
        if place is None:
            raise ConfigError(f"no route {id!r}: neither a file nor {tried[0]}")
        return place

    def _file(self, name: str, inside: str, what: str) -> Path:
        for path in (Path(name).expanduser(), self.root / inside):
            if path.is_file():
                return path.resolve()
        raise ConfigError(f"no {what} {name!r}: neither a file nor {self.root / inside}")


@dataclass(frozen=True)
class Routes:
    """What one start of the evaluator drives: a file with routes, or a folder with a file per vehicle.

    vehicles: how many have a file of their own; 1 for a file."""

    name: str
    path: Path
    tasks: tuple[Task, ...]

    @property
    def vehicles(self) -> int:
        """Of the folder."""
        return min(len(task.ways) for task in self.tasks)


def _read(path: Path, folders: bool) -> Iterator[Routes]:
    tasks = read(path)
    if not folders:
        sources = list(dict.fromkeys(task.source for task in tasks))
        for source in sources:
            if any(len(task.ways) > 1 for task in tasks if task.source == source):
                raise ConfigError(f"{source} has a file per vehicle, which only CoLMDriver's evaluator drives")
            yield Routes(source.stem, source, tuple(task for task in tasks if task.source == source))
        return
    for task in tasks:
        if not task.source.is_dir():
            raise ConfigError(f"{task.source}: CoLMDriver's evaluator takes a folder with a file per vehicle")
        yield Routes(task.source.name, task.source.resolve(), (task,))


def _guess(root: Path, options: frozenset[str]) -> Evaluator:
    if (root / "vlmdrive").is_dir():
        return EVALUATORS[LANGCOOP]
    return EVALUATORS["colmdriver" if "routes_dir" in options else "v2xverse"]
