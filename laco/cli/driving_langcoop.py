"""What `laco langcoop run` and `init` do: options become a campaign, a campaign a table."""

import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from laco.errors import ConfigError, LacoError
from laco.langcoop import by_hand, campaign, carla_root, table, yamls
from laco.langcoop.campaign import Campaign, Step
from laco.langcoop.checkout import Checkout, Routes
from laco.langcoop.doctor.machine import answers, free
from laco.langcoop.evaluation import Evaluation, Limits, World
from laco.langcoop.evaluators import Evaluator
from laco.langcoop.fleet import PORT, Seat, check, elsewhere, minds, seats, vehicle
from laco.langcoop.interpreter import Interpreter
from laco.langcoop.outcome import FINISHED
from laco.langcoop.progress import Progress

EGOS = 2
STALL = 120.0  # [s] beyond the evaluator's own patience


class Asked(NamedTuple):
    """The command's options. settings: radio, charge, deadline, wait, limit, seed, objects. world: host, port, port of
    the traffic manager, seed. limits: repetitions, timeout, game timeout, stall."""

    langcoop: Path
    carla_root: Path
    routes: tuple[str, ...]
    routes_dir: tuple[str, ...]
    parameter: str
    channels: tuple[str, ...]
    driver: str
    model: str | None
    vehicles: tuple[str, ...]
    egos: int | None
    python: str | None
    evaluator: str | None
    agents: tuple[str, ...]
    isolate: bool
    settings: tuple[str, str | None, float, float, float, int, str | None]
    base: str | None
    world: tuple[str, int, int | None, int]
    scenarios: str | None
    limits: tuple[int, float, float, float | None]
    out: Path | None
    extra: tuple[Path, ...]
    server_options: str
    unchecked: bool


def prepared(asked: Asked) -> Campaign:
    """Everything is looked at before anything starts. Raises: ConfigError, ScenarioError, BackboneError."""
    checkout = Checkout.at(asked.langcoop, asked.evaluator)
    routes = checkout.routes(_route_names(checkout.evaluator, asked))
    parameter, scenarios = checkout.parameter(asked.parameter), checkout.scenarios(asked.scenarios)
    interpreter = Interpreter.at(asked.python)
    carla_root.paths(asked.carla_root, interpreter.short)
    egos = asked.egos if asked.egos or checkout.evaluator.folders else EGOS
    _enough(routes, egos)
    places, world = _seats(asked, egos or max(each.vehicles for each in routes)), _world(asked)
    settings, base = _settings(asked), yamls.base_of(checkout, asked.base)
    yamls.planner("silent", {}, settings, None)  # refuses what cannot be used
    if not asked.unchecked:
        _reachable(world)
    extra = tuple(path.expanduser().resolve() for path in asked.extra)
    agent, modules = campaign.locate(interpreter, checkout, asked.carla_root, extra)
    found = Campaign(
        checkout, interpreter, asked.carla_root, extra, agent, modules, routes, parameter, scenarios, asked.channels,
        places, egos, world, _limits(asked), settings, base, _out(asked), shlex.split(asked.server_options),
    )  # fmt: skip
    campaign.refuse_used(found)
    return found


def _route_names(evaluator: Evaluator, asked: Asked) -> tuple[str, ...]:
    if evaluator.folders and asked.routes:
        raise ConfigError(f"{evaluator.title}'s evaluator takes folders with a file per vehicle: use --routes-dir")
    if not evaluator.folders and asked.routes_dir:
        raise ConfigError(f"{evaluator.title}'s evaluator takes route files: use --routes")
    return asked.routes_dir if evaluator.folders else asked.routes


def _enough(routes: list[Routes], egos: int | None) -> None:
    for each in routes:
        if each.path.is_dir() and egos is not None and egos > each.vehicles:
            raise ConfigError(f"{each.path} has files for {each.vehicles} vehicles, not for {egos}")


def _seats(asked: Asked, egos: int) -> list[Seat]:
    if not asked.agents:
        return seats(check(minds(egos, asked.driver, asked.model, asked.vehicles), asked.channels, True), asked.isolate)
    check([], asked.channels, False)
    return elsewhere(asked.agents, egos)


def _settings(asked: Asked) -> yamls.Settings:
    radio, charge, deadline, wait, limit, seed, objects = asked.settings
    return yamls.Settings(deadline, wait, radio, seed, limit, yamls.charge_of(charge), objects)


def _world(asked: Asked) -> World:
    host, port, traffic, seed = asked.world
    return World(host, port, traffic or port + 5, seed, seed)


def _limits(asked: Asked) -> Limits:
    repetitions, timeout, game, stall = asked.limits
    return Limits(repetitions, timeout, game, stall or timeout + STALL)


def _out(asked: Asked) -> Path:
    return asked.out or Path("runs") / time.strftime("langcoop-%Y%m%d-%H%M%S")


def _reachable(world: World) -> None:
    """An evaluator would wait ten minutes to say so. Raises: ConfigError."""
    if not answers(world.host, world.port):
        raise ConfigError(
            f"nothing listens at {world.host}:{world.port}: start CarlaUE4.sh --world-port={world.port}, "
            "or say --host and --port"
        )
    if not free(world.traffic_port):
        raise ConfigError(f"port {world.traffic_port} of the traffic manager is in use: choose another --tm-port")


def drive(found: Campaign, as_json: bool) -> int:
    """Run it; the exit status. Raises: what `campaign.run` raises, except for an interruption."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _display(quiet=as_json) as (tell, say):
        try:
            summary = campaign.run(found, tell, say)
        except KeyboardInterrupt:
            summary = None
    if summary is None:
        sys.stderr.write(f"laco: interrupted; {found.out} holds what was driven by then\n")
        return 130
    if as_json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(table.markdown(table.rows(summary["channels"])))
        sys.stdout.write(f"written to {found.out}/: results.md, .csv, .json; CHANNEL/ROUTES/ for each start\n")
    return _failures(summary)


def _failures(summary: dict[str, Any]) -> int:
    """A line for each start that did not finish, and for each server that was lost."""
    bad = 0
    for name, channel in summary["channels"].items():
        for each in channel["runs"]:
            for line in each["lost"]:
                sys.stderr.write(f"laco: {name}, {each['routes']}: {line}\n")
            if each["word"] != FINISHED:
                bad = 1
                sys.stderr.write(f"laco: {name}, {each['routes']}: {each['word']}: {each['detail']}\n")
    return bad


@contextmanager
def _display(quiet: bool) -> Iterator[tuple[campaign.Tell, Any]]:
    """On a terminal one line that changes; elsewhere a line per route."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TextColumn("{task.fields[left]}"), console=console, disable=quiet or not console.is_terminal
    ) as bar:
        yield _Teller(bar, console).tell, lambda text: console.print(text, highlight=False, markup=False)


class _Teller:
    """Turns steps and progress into what is shown."""

    def __init__(self, bar: Any, console: Any) -> None:
        self._bar, self._console = bar, console
        self._task: Any = None
        self._shown: tuple[str, str, int] | None = None
        self._began = time.monotonic()

    def tell(self, step: Step, progress: Progress | None) -> None:
        total = step.total
        if self._task is None:
            self._task = self._bar.add_task("", total=total, left="")
        share = float(step.number - 1)
        if progress is not None and progress.total:
            share += max(progress.number - 1, 0) / progress.total
        self._bar.update(self._task, completed=share, left=self._left(share, total), description=_where(step, progress))
        self._line(step, progress)

    def _left(self, share: float, total: int) -> str:
        """By how long what is done took; nobody knows before the first route is."""
        if share <= 0:
            return ""
        left = (time.monotonic() - self._began) * (total - share) / share
        return f"{left // 60:.0f}:{left % 60:02.0f} left"

    def _line(self, step: Step, progress: Progress | None) -> None:
        if progress is None or not self._bar.disable:
            return
        shown = (step.channel, step.routes.name, progress.number)
        if progress.number and shown != self._shown:
            self._shown = shown
            self._console.print(_where(step, progress), highlight=False, markup=False)


def _where(step: Step, progress: Progress | None) -> str:
    name = f"{step.channel}, {step.routes.name}"
    if progress is None or not progress.number:
        return f"{name}: starting"
    game = "" if progress.game is None else f", {progress.game:.1f} s driven"
    return f"{name}: {progress.route} ({progress.number} of {progress.total}){game}"


def commands(found: Campaign, as_json: bool) -> str:
    """What `run` would start."""
    binds = [f"127.0.0.1:{PORT + i}" for i in range(len(found.seats))]
    starts = [found.evaluation(step) for step in found.steps]
    if as_json:
        told = [{"command": e.command, "cwd": str(e.checkout.root), "environment": e.variables} for e in starts]
        return json.dumps({"servers": by_hand.servers(found.seats, binds), "evaluations": told})
    lines = [*by_hand.servers(found.seats, binds)]
    for evaluation in starts:
        lines += by_hand.evaluator(evaluation)
    return "\n".join(lines)


def initialise(asked: Asked) -> dict[str, Any]:
    """Write the YAMLs; the lines that are printed, and the files. Raises: ConfigError."""
    checkout = Checkout.at(asked.langcoop, asked.evaluator)
    egos = asked.egos or EGOS
    if asked.agents:
        check([], asked.channels, False)
        places = elsewhere(asked.agents, egos)
    else:
        kinds = minds(egos, asked.driver, asked.model, asked.vehicles)
        places = seats(check(kinds, asked.channels, False), asked.isolate)
    binds = [str(seat.address or f"127.0.0.1:{PORT + i}") for i, seat in enumerate(places)]
    ends = {name: f"tcp://{bind}" for seat, bind in zip(places, binds, strict=True) for name in seat.vehicles}
    names = [vehicle(idx) for idx in range(egos)]
    out = _out(asked).resolve()
    written = yamls.write(
        out, checkout, asked.channels[0], [seat.vehicles for seat in places], {name: ends[name] for name in names},
        _settings(asked), None, yamls.base_of(checkout, asked.base),
    )  # fmt: skip
    files = [str(written.agent), *map(str, written.planners)]
    lines = ["wrote " + ", ".join(files), "", "# the servers, each in a shell of its own"]
    lines += by_hand.servers(places, binds) or ["# they run already"]
    try:
        evaluator = by_hand.evaluator(_by_hand(asked, checkout, written.agent, egos, out))
    except LacoError as error:
        evaluator = [f"# not yet: {error}"]
    lines += ["", "# the evaluator", *evaluator]
    return {"agent": files[0], "planners": files[1:], "lines": lines}


def _by_hand(asked: Asked, checkout: Checkout, config: Path, egos: int, out: Path) -> Evaluation:
    """What the commands are made of. Raises: ConfigError, ScenarioError for what is not there yet."""
    given = asked.routes or (("r1_town05_ins_c",) if checkout.evaluator.folders else ("_partial",))
    interpreter = Interpreter.at(asked.python)
    extra = tuple(path.expanduser().resolve() for path in asked.extra)
    agent, _ = campaign.locate(interpreter, checkout, asked.carla_root, extra)
    return Evaluation(
        checkout, interpreter, asked.carla_root, extra, agent, config, checkout.routes(given)[0],
        checkout.parameter(asked.parameter), checkout.scenarios(asked.scenarios), egos, _world(asked), _limits(asked),
        out / "run",
    )  # fmt: skip
