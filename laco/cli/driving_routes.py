"""What `laco routes run` does: options become runs, runs become files and a summary."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from laco.errors import ConfigError
from laco.report.files import prepare, write_json, write_lines
from laco.scenarios.routes.courses import Course, Grounds, courses
from laco.scenarios.routes.driving import Driven, drive
from laco.scenarios.routes.layouts import PREFIX
from laco.scenarios.routes.reading import Task
from laco.scenarios.routes.totals import summary
from laco.scenarios.server.options import WorldOptions
from laco.scenarios.session import Options, Session

if TYPE_CHECKING:
    from rich.progress import Progress

EXPERT = "expert"  # drives without a model and without a channel
Kinds = Mapping[str, Options | None]
"""What is driven, by channel; None for the expert."""


class Wanted(NamedTuple):
    """The command's options about drivers, messages and radio."""

    channel: str
    driver: str
    seed: int
    caution: float | None
    codec: str | None
    budget: int | None
    deadline: float | None
    calibration: Path | None
    weights: Path | None
    model: str | None
    adapters: tuple[Path, ...]
    remote: bool
    radio: tuple[str, str, float | None]
    time: str


@dataclass(frozen=True)
class Where:
    """The command's options about the world, the vehicles in it and the hosts that drive them."""

    map: str | None
    egos: int | None
    carla: str | None
    world: WorldOptions
    agents: tuple[str, ...]
    curve: bool | None
    view: bool


def options(wanted: Wanted) -> Kinds:
    """The runs' options by channel. Raises: ConfigError and what else the choice of a driver may raise."""
    from laco.agents.channels import carried, require
    from laco.agents.channels.rate import budget_of
    from laco.agents.drivers.check import adapters_of, weights_of
    from laco.agents.drivers.profile import of as profile_of
    from laco.comm.codecs.extra import prepare as prepare_codec
    from laco.comm.radio import RadioSpec
    from laco.scenarios.clock import Clock

    if wanted.driver == EXPERT:
        return {EXPERT: None}
    radio, loss, reach = wanted.radio
    air = RadioSpec.from_text(radio, loss, reach)
    Clock.from_text(wanted.time)
    if wanted.channel != "all":
        require(wanted.channel, wanted.driver)
    weights = weights_of(wanted.driver, wanted.weights, wanted.model, here=not wanted.remote)
    profile = profile_of(wanted.driver, weights, wanted.calibration)
    codec = wanted.codec or profile.codec
    prepare_codec(codec)
    base = Options(
        scenario="",
        seed=wanted.seed,
        driver=wanted.driver,
        caution=profile.caution if wanted.caution is None else wanted.caution,
        codec=codec,
        laco=profile.laco,
        budget=budget_of(codec, wanted.budget, wanted.deadline, air.goodput),
        ways=profile.ways,
        calibrated=profile.measured.fingerprint if wanted.calibration and profile.measured else "",
        adapters=adapters_of(wanted.adapters, here=not wanted.remote),
        radio=air,
        time=wanted.time,
        weights=weights,
    )
    names = carried(wanted.driver) if wanted.channel == "all" else (wanted.channel,)
    return {name: msgspec.structs.replace(base, channel=name) for name in names}


def drive_all(
    tasks: Sequence[Task], kinds: Kinds, where: Where, folder: Path, *, green: bool, resume: bool, quiet: bool
) -> dict[str, Any]:
    """Every route on every channel; the summary, which is also written. Nothing starts unless all can be planned.

    Raises: ScenarioError, ConfigError, WorldError.
    """
    if where.carla is not None and (where.world.traffic or where.world.walkers):
        raise ConfigError("--traffic and --walkers are the embedded server's; a server of --carla has its own")
    prepare(folder)
    if where.carla is not None and where.map is None:
        with _session(where, where.world) as session:
            planned = courses(tasks, Grounds(None, session.simulator), where.egos, where.world.seed)
            _drive(_Campaign(tasks, planned, kinds, where, folder, green, resume), session, quiet)
    else:
        planned = courses(tasks, Grounds(where.map), where.egos, where.world.seed)
        for world, group in _worlds(planned, where.world):
            with _session(where, world) as session:
                _drive(_Campaign(tasks, group, kinds, where, folder, green, resume), session, quiet)
    return _summarise(tasks, kinds, folder)


def _worlds(planned: Sequence[Course], world: WorldOptions) -> Iterator[tuple[WorldOptions, list[Course]]]:
    """One server for all routes or, since traffic comes with a server's first map, one for each map."""
    if not world.traffic and not world.walkers:
        yield world, list(planned)
        return
    for name in dict.fromkeys(course.ground.map for course in planned):
        yield replace(world, map=name), [course for course in planned if course.ground.map == name]


@contextmanager
def _session(where: Where, world: WorldOptions) -> Iterator[Session]:
    from laco.cli.options import secured
    from laco.view.extra import require

    if where.view:
        require()
    agents, keys = secured(where.agents, where.curve)
    with Session(where.carla, view=where.view, agents=agents, keys=keys, world=world) as session:
        yield session


@dataclass(frozen=True)
class _Campaign:
    tasks: Sequence[Task]
    planned: Sequence[Course]  # those of the tasks that are driven in this world
    kinds: Kinds
    where: Where
    folder: Path
    green: bool
    resume: bool

    def runs(self) -> list[tuple[str, Course]]:
        """Channels and routes that are still to be driven."""
        everything = [(channel, course) for course in self.planned for channel in self.kinds]
        return [(channel, course) for channel, course in everything if not self._done(channel, course)]

    def key(self, channel: str, course: Course) -> str:
        """What a result depends on, as a checksum."""
        chosen = self.kinds[channel]
        world, layout = self.where.world, course.layout
        said = [channel, msgspec.to_builtins(chosen), self.green, world.traffic, world.walkers, world.seed]
        found = hashlib.sha256(json.dumps([*said, course.ground.roads.xodr, self.where.carla or ""]).encode())
        for ego in layout.egos:
            found.update(ego.route.tobytes())
        return found.hexdigest()[:16]

    def place(self, channel: str, course: Course) -> Path:
        """The folder of a result."""
        return self.folder / channel / course.task.folder

    def _done(self, channel: str, course: Course) -> bool:
        path = self.place(channel, course) / "result.json"
        if not self.resume or not path.is_file():
            return False
        found = json.loads(path.read_bytes())
        return bool(found["key"] == self.key(channel, course) and found["outcome"] == "finished")


def _drive(campaign: _Campaign, session: Session, quiet: bool) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    runs = campaign.runs()
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        all_of_them = bar.add_task("routes", total=len(runs))
        for number, (channel, course) in enumerate(runs):
            bar.update(all_of_them, description=f"{course.task.id}, {channel}")
            _one(campaign, session, channel, course, bar)
            bar.update(all_of_them, completed=number + 1)


def _one(campaign: _Campaign, session: Session, channel: str, course: Course, bar: "Progress") -> None:
    """Drive one route and write what came of it."""
    chosen = campaign.kinds[channel]
    if chosen is not None:
        chosen = msgspec.structs.replace(chosen, scenario=PREFIX + course.task.id)
    part = bar.add_task("", total=1.0)
    try:
        driven = drive(
            session,
            course.task.id,
            course.layout,
            chosen,
            campaign.green,
            lambda share: bar.update(part, completed=share),
        )
    finally:
        bar.remove_task(part)
    _write(campaign, channel, course, driven)


def _write(campaign: _Campaign, channel: str, course: Course, driven: Driven) -> None:
    from laco import __version__
    from laco.scenarios.routes.records import results
    from laco.scenarios.summary import figures, message_lines

    folder, where, task = prepare(campaign.place(channel, course)), campaign.where, course.task
    records = driven.records(campaign.tasks.index(task))
    for number, record in enumerate(records):
        write_json(prepare(folder / f"ego_vehicle_{number}") / "results.json", results([record]))
    if driven.result is not None:
        write_lines(folder / "messages.jsonl", message_lines(driven.result))
    result = {
        "laco": __version__,
        "key": campaign.key(channel, course),
        "route": task.id,
        "source": str(task.source),
        "town": task.town,
        "map": course.ground.name,
        "channel": channel,
        "lights": "green" if campaign.green else "map",
        "traffic": where.world.traffic,
        "walkers": where.world.walkers,
        "seed": where.world.seed,
        "options": None if driven.result is None else msgspec.to_builtins(driven.result.options),
        "outcome": driven.record.outcome,
        "detail": driven.record.detail,
        "records": records,
        "interdrive": driven.together,
        "figures": None if driven.result is None else figures(driven.result),
    }
    write_json(folder / "result.json", result)


def _summarise(tasks: Sequence[Task], kinds: Kinds, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"channels": {}}
    for channel in kinds:
        results = [json.loads((folder / channel / task.folder / "result.json").read_bytes()) for task in tasks]
        short = [
            {key: result[key] for key in ("route", "map", "outcome", "detail", "records", "interdrive")}
            for result in results
        ]
        found["channels"][channel] = {**summary(results), "routes": short}
    write_json(folder / "summary.json", found)
    return found
