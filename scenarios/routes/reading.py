"""Route files: what LangCoop, V2Xverse and both CARLA leaderboards call `<routes>`, and InterDrive's folders.

A file holds routes of one vehicle each. In an InterDrive folder each vehicle has a file of its own, NAME_0.xml to
NAME_n-1.xml; a folder of such folders is a benchmark. Weather, triggers and scenarios are passed over.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from laco.errors import ScenarioError

NUMBERED = re.compile(r"(?P<name>.+)_(?P<number>\d+)\.xml", re.IGNORECASE)
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Via:
    """A point that a route leads through, in CARLA's frame [m]; yaw [deg] where the file says it."""

    x: float
    y: float
    z: float = 0.0
    yaw: float | None = None


@dataclass(frozen=True)
class Task:
    """A route to drive: its id, the town it is made for ("" if unsaid), and the way of each vehicle with one of its
    own (the others start around the first)."""

    id: str
    town: str
    ways: tuple[tuple[Via, ...], ...]
    source: Path

    @property
    def folder(self) -> str:
        """The id as the name of an output folder."""
        return UNSAFE.sub("_", self.id)


def read(path: Path) -> list[Task]:
    """The routes of a file or folder, in order. Raises: ScenarioError, one line that names the file."""
    if path.is_dir():
        found = list(_folder(path))
        if not found:
            raise ScenarioError(f"{path}: no route files (*.xml) in this folder")
    else:
        found = _file(path)
    _refuse_twice(path, found)
    return found


def choose(tasks: Sequence[Task], ids: Sequence[str]) -> list[Task]:
    """The routes with these ids, or all of them for none. Raises: ScenarioError for an unknown one."""
    known = {task.id: task for task in tasks}
    missing = [id for id in ids if id not in known]
    if missing:
        raise ScenarioError(f"no route has the id {missing[0]!r}; there is {_few([task.id for task in tasks])}")
    return [known[id] for id in dict.fromkeys(ids)] if ids else list(tasks)


def _few(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _refuse_twice(path: Path, tasks: Iterable[Task]) -> None:
    seen: set[str] = set()
    folders: set[str] = set()
    for task in tasks:
        if task.id in seen or task.folder in folders:
            raise ScenarioError(f"{path}: two routes have the id {task.id!r}")
        seen.add(task.id)
        folders.add(task.folder)


def _folder(path: Path) -> Iterable[Task]:
    """An InterDrive folder is one route; any other has what its files and folders have."""
    entries = sorted(path.iterdir(), key=lambda entry: _natural(entry.name))
    files = [entry for entry in entries if entry.suffix.lower() == ".xml" and entry.is_file()]
    numbered = [match for entry in files if (match := NUMBERED.fullmatch(entry.name))]
    by_number = {int(match["number"]): path / match.string for match in numbered}
    if 0 in by_number and len(by_number) == len(files) and len({match["name"] for match in numbered}) == 1:
        yield _vehicles(path, by_number)
        return
    for file in files:
        tasks = _file(file)
        alone = len(tasks) == 1
        for task in tasks:
            yield Task(file.stem if alone else f"{file.stem}-{task.id}", task.town, task.ways, file)
    for entry in entries:
        if entry.is_dir():
            yield from _folder(entry)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """r2 comes before r10."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _vehicles(folder: Path, files: dict[int, Path]) -> Task:
    """One file per vehicle."""
    for number in range(len(files)):
        if number not in files:
            raise ScenarioError(f"{folder}: vehicle {number} of {len(files)} has no file ..._{number}.xml")
    found = []
    for number in sorted(files):
        tasks = _file(files[number])
        if len(tasks) > 1:
            raise ScenarioError(f"{files[number]}: {len(tasks)} routes where one vehicle's is expected")
        found += tasks
    towns = {task.town for task in found}
    if len(towns) > 1:
        raise ScenarioError(f"{folder}: the vehicles' routes are on different towns: {', '.join(sorted(towns))}")
    return Task(folder.resolve().name, found[0].town, tuple(way for task in found for way in task.ways), folder)


def _file(path: Path) -> list[Task]:
    root = _parse(path)
    if root.tag != "routes":
        raise ScenarioError(f"{path} is not a route file: its root element is <{root.tag}>, not <routes>")
    found = [_route(path, number, element) for number, element in enumerate(root.findall("route"))]
    if not found:
        raise ScenarioError(f"{path}: no <route> in this file")
    _refuse_twice(path, found)
    return found


def _parse(path: Path) -> Element:
    try:
        return ET.fromstring(path.read_bytes())
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that nobody knows
        raise ScenarioError(f"{path} is not XML: {error}") from None
    except OSError as error:
        raise ScenarioError(f"cannot read {path}: {error.strerror}") from None


def _route(path: Path, number: int, element: Element) -> Task:
    id = element.get("id", "").strip()
    if not id:
        raise ScenarioError(f"{path}: <route> number {number} has no id")
    where = f"{path}: route {id}"
    points = element.findall("waypoint") or element.findall("waypoints/position") or element.findall("position")
    way = [_via(f"{where}, waypoint {i}", point) for i, point in enumerate(points)]
    if len(way) < 2:
        raise ScenarioError(f"{where} has {len(way)} waypoints; it takes two")
    if all(via.yaw == 0.0 for via in way):  # a writer that knew no headings
        way = [Via(via.x, via.y, via.z) for via in way]
    return Task(id, element.get("town", element.get("map", "")).strip(), (tuple(way),), path)


def _via(where: str, element: Element) -> Via:
    x, y = (_number(where, element, name) for name in "xy")
    z = _number(where, element, "z") if "z" in element.attrib else 0.0
    return Via(x, y, z, _number(where, element, "yaw") if "yaw" in element.attrib else None)


def _number(where: str, element: Element, name: str) -> float:
    text = element.get(name)
    if text is None:
        raise ScenarioError(f"{where} has no {name}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScenarioError(f"{where}: {name}={text!r} is not a number")
    return value
