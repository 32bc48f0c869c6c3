"""`laco langcoop run`: every channel on every route, one after the other, and the table of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laco.errors import ConfigError
from laco.langcoop import carla_root, messages, provenance, records, table, yamls
from laco.langcoop.checkout import Checkout, Routes
from laco.langcoop.evaluation import Ended, Evaluation, Limits, World, drive
from laco.langcoop.fleet import Seat, vehicle
from laco.langcoop.interpreter import Answers, Interpreter
from laco.langcoop.outcome import INTERRUPTED, Outcome, judge
from laco.langcoop.progress import Progress
from laco.langcoop.servers import Servers
from laco.langcoop.summary import Run, of_channel
from laco.report.files import prepare, write_json

CLIENT = "laco_langcoop"
Tell = Callable[["Step", Progress | None], None]


@dataclass(frozen=True)
class Campaign:
    """All that `run` was told, checked. agent: the client's team agent. modules: what its interpreter says about the
    client. egos: how many vehicles, or None for as many as a folder of routes has files. more: options of servers."""

    checkout: Checkout
    interpreter: Interpreter
    carla: Path
    extra: tuple[Path, ...]
    agent: Path
    modules: Answers
    routes: Sequence[Routes]
    parameter: Path
    scenarios: Path
    channels: Sequence[str]
    seats: Sequence[Seat]
    egos: int | None
    world: World
    limits: Limits
    settings: yamls.Settings
    base: Mapping[str, Any] | None
    out: Path
    more: Sequence[str] = ()

    @property
    def steps(self) -> list["Step"]:
        """In their order."""
        pairs = [(channel, routes) for channel in self.channels for routes in self.routes]
        return [Step(channel, routes, i + 1, len(pairs)) for i, (channel, routes) in enumerate(pairs)]

    def evaluation(self, step: "Step") -> Evaluation:
        """One start. Its folder is nobody else's."""
        folder = (self.out / step.channel / step.routes.name).resolve()
        egos = self.egos or step.routes.vehicles
        return Evaluation(
            self.checkout, self.interpreter, self.carla, self.extra, self.agent, folder / "agent.yaml", step.routes,
            self.parameter, self.scenarios, egos, self.world, self.limits, folder,
        )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One start of the evaluator: number of total."""

    channel: str
    routes: Routes
    number: int
    total: int


def locate(interpreter: Interpreter, checkout: Checkout, carla: Path, extra: Sequence[Path]) -> tuple[Path, Answers]:
    """The client's team agent in that interpreter. Raises: ConfigError, with the command that installs it."""
    paths = [*extra, *carla_root.paths(carla, interpreter.short)]
    found = interpreter.ask([CLIENT, "msgpack", "zmq", "numpy"], paths, checkout.root, limit=60.0)
    if error := found[CLIENT].get("error"):
        raise ConfigError(f"{interpreter.path} has no {CLIENT} ({error}): run {installing(interpreter.path)}")
    agent = Path(found[CLIENT]["file"]).parent / checkout.evaluator.entry
    if not agent.is_file():
        raise ConfigError(f"the {CLIENT} of {interpreter.path} is older than this program: it has no {agent}")
    return agent, found


def installing(python: str) -> str:
    """The command that puts the client into an interpreter: from our repository, if this program runs from one."""
    folder = provenance.source() / "agents/langcoop"
    what = str(folder) if (folder / "pyproject.toml").is_file() else "laco-langcoop"
    return f"{python} -m pip install {what}"


def refuse_used(campaign: Campaign) -> None:
    """Results are never mixed with older ones. Raises: ConfigError."""
    for step in campaign.steps:
        folder = campaign.evaluation(step).folder
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} holds a run already: choose another --out")


def run(campaign: Campaign, tell: Tell, say: Callable[[str], None]) -> dict[str, Any]:
    """Drive everything; the summary, which is also written, and after an interruption with what there is by then.

    Raises: ConfigError, TransportError before anything is driven, or when a server cannot be started anew;
    KeyboardInterrupt.
    """
    refuse_used(campaign)
    logs = prepare(prepare(campaign.out) / "servers")
    done: list[tuple[str, Run]] = []
    try:
        with Servers(campaign.seats, logs, campaign.more, say) as servers:
            for step in campaign.steps:
                servers.restore()
                tell(step, None)
                done.append((step.channel, _one(campaign, step, servers, tell, done)))
            return _write(campaign, done, servers)
    except BaseException:
        if done:
            _write(campaign, done, None)
        raise


def _one(campaign: Campaign, step: Step, servers: Servers, tell: Tell, done: list[tuple[str, Run]]) -> Run:
    """One start. An interruption is a result, too."""
    evaluation = campaign.evaluation(step)
    prepare(evaluation.folder)
    there = [vehicle(idx) for idx in range(evaluation.egos)]
    endpoints = {name: servers.endpoints[name] for name in there}
    kinds = [[name for name in served.seat.vehicles if name in endpoints] for served in servers.found]
    yamls.write(
        evaluation.folder, campaign.checkout, step.channel, [kind for kind in kinds if kind], endpoints,
        campaign.settings, evaluation.messages, campaign.base,
    )  # fmt: skip
    _note(campaign, evaluation, servers)
    try:
        ended = drive(evaluation, lambda progress: tell(step, progress))
    except KeyboardInterrupt:
        done.append((step.channel, _collect(evaluation, None, servers)))
        raise
    return _collect(evaluation, ended, servers)


def _collect(evaluation: Evaluation, ended: Ended | None, servers: Servers) -> Run:
    egos = records.read(evaluation.checkpoint, evaluation.egos)
    lines, damaged = messages.read(evaluation.messages)
    lost = [served.lost for served in servers.found if served.lost]
    interrupted = Outcome(INTERRUPTED, "by whoever started it", 0.0, [], lost)
    outcome = interrupted if ended is None else judge(evaluation, ended, egos, lost)
    return Run(evaluation, outcome, egos, lines, damaged)


def _note(campaign: Campaign, evaluation: Evaluation, servers: Servers) -> None:
    """How this run can be started by hand, and what it depends on."""
    files = [evaluation.agent, evaluation.config, *sorted(evaluation.folder.glob("planner*.yaml"))]
    files += [evaluation.routes.path, evaluation.parameter, evaluation.scenarios]
    note = {
        "command": evaluation.command,
        "cwd": str(evaluation.checkout.root),
        "environment": provenance.variables(evaluation.variables),
        "PYTHONPATH": [str(path) for path in evaluation.paths],
        "servers": _served(servers),
        "sha256": provenance.checksums(files),
    }
    write_json(evaluation.folder / "start.json", note)


def _served(servers: Servers) -> list[dict[str, Any]]:
    return [
        {
            "vehicles": list(served.seat.vehicles),
            "address": served.address,
            "driver": served.pong.get("driver"),
            "model": served.pong.get("model"),
            "command": None if served.process is None else list(served.process.command),
        }
        for served in servers.found
    ]


def _write(campaign: Campaign, done: Sequence[tuple[str, Run]], servers: Servers | None) -> dict[str, Any]:
    by_channel: dict[str, list[Run]] = {}
    for channel, result in done:
        by_channel.setdefault(channel, []).append(result)
    channels = {name: of_channel(runs) for name, runs in by_channel.items()}
    found = {
        "evaluator": campaign.checkout.evaluator.title,
        "egos": max(len(result.egos) for _, result in done),
        "channels": channels,
        "provenance": {
            **provenance.of_process(),
            "checkout": str(campaign.checkout.root),
            "checkout_commit": provenance.commit(campaign.checkout.root),
            "interpreter": {"path": campaign.interpreter.path, "version": list(campaign.interpreter.version)},
            "modules": {name: answer.get("version") for name, answer in campaign.modules.items()},
            "servers": None if servers is None else _served(servers),
        },
    }
    table.write(campaign.out, found, table.rows(channels))
    return found
