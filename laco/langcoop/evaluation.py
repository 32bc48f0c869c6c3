"""One start of an evaluator: its environment, its command, and what it is while it runs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from laco.langcoop import carla_root
from laco.langcoop.checkout import Checkout, Routes
from laco.langcoop.group import Group
from laco.langcoop.interpreter import Interpreter, environment
from laco.langcoop.progress import Progress, Reader

LOOK = 0.25  # [s] between two looks at an evaluator
MESSAGES = "laco-messages.jsonl"
RESULTS = "results.json"


@dataclass(frozen=True)
class World:
    """The CARLA server, and what is drawn by chance in it."""

    host: str = "localhost"
    port: int = 2000
    traffic_port: int = 2005
    carla_seed: int = 2000
    traffic_seed: int = 2000


@dataclass(frozen=True)
class Limits:
    """repetitions of each route. timeout: [s] wall clock that the evaluator gives CARLA and the agent. game: [s] of
    simulated time that LangCoop gives a route. stall: [s] without a sign of life, after which we end it."""

    repetitions: int = 1
    timeout: float = 600.0
    game: float = 300.0
    stall: float = 720.0


@dataclass(frozen=True)
class Evaluation:
    """Everything that one start depends on. extra: folders that are searched before all others."""

    checkout: Checkout
    interpreter: Interpreter
    carla: Path
    extra: tuple[Path, ...]
    agent: Path
    config: Path
    routes: Routes
    parameter: Path
    scenarios: Path
    egos: int
    world: World
    limits: Limits
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Beside which the evaluator puts a folder per ego."""
        return self.folder / RESULTS

    @property
    def messages(self) -> Path:
        """The client's log."""
        return self.folder / MESSAGES

    @property
    def log(self) -> Path:
        """What the evaluator prints."""
        return self.folder / "evaluator.log"

    @property
    def paths(self) -> list[Path]:
        """Where its interpreter finds modules."""
        return [*self.extra, *carla_root.paths(self.carla, self.interpreter.short), *self.checkout.paths]

    @property
    def variables(self) -> dict[str, str]:
        """What it reads from its environment. SAVE_PATH is new with each start: LangCoop names its folders by the
        second, and fails if one is there."""
        root = self.checkout.root
        return {
            "CARLA_ROOT": str(self.carla.expanduser().resolve()),
            "LEADERBOARD_ROOT": str(root / "simulation/leaderboard"),
            "SCENARIO_RUNNER_ROOT": str(root / "simulation/scenario_runner"),
            "ROUTES": str(self.routes.path),
            "RESULT_ROOT": str(self.folder),
            "DATA_ROOT": str(self.folder),
            "SAVE_PATH": str(self.folder / "image"),
            "CHECKPOINT_ENDPOINT": str(self.checkpoint),
            "PORT": str(self.world.port),
            "TM_PORT": str(self.world.traffic_port),
            "EGO_NUM": str(self.egos),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def command(self) -> list[str]:
        """The evaluator's own, with everything said that its defaults leave to chance."""
        world, limits, folders = self.world, self.limits, self.checkout.evaluator.folders
        told: dict[str, object] = {
            "host": world.host,
            "port": world.port,
            "trafficManagerPort": world.traffic_port,
            "trafficManagerSeed": world.traffic_seed,
            "carlaProviderSeed": world.carla_seed,
            "timeout": f"{limits.timeout:g}",
            "routes_dir" if folders else "routes": self.routes.path,
            "scenarios": self.scenarios,
            "scenario_parameter": self.parameter,
            "repetitions": limits.repetitions,
            "agent": self.agent,
            "agent-config": self.config,
            "track": "SENSORS",
            "debug": 0,
            "resume": 0,
            "checkpoint": self.checkpoint,
            "ego-num": self.egos,
            "skip_existed": 0,
        }
        if "game_timeout" in self.checkout.options:
            told["game_timeout"] = f"{limits.game:g}"
        return [self.interpreter.path, str(self.checkout.script), *(f"--{key}={value}" for key, value in told.items())]

    @property
    def environment(self) -> Mapping[str, str]:
        """The whole of it."""
        return environment(self.paths, self.variables)

    @property
    def expected(self) -> int:
        """Records that each ego's results should have in the end."""
        return len(self.routes.tasks) * self.limits.repetitions


@dataclass(frozen=True)
class Ended:
    """status: the exit status, negative for a signal. stalled: we ended it. seconds: [s] that it ran."""

    status: int | None
    stalled: bool
    seconds: float


def drive(evaluation: Evaluation, tell: Callable[[Progress], None]) -> Ended:
    """Start the evaluator in its folder's repository and wait for its end; nothing of it stays, however this ends."""
    (evaluation.folder / "image").mkdir(parents=True, exist_ok=True)
    began, reader = time.monotonic(), Reader(evaluation.log, evaluation.messages, evaluation.expected)
    with Group(evaluation.command, evaluation.environment, evaluation.log, evaluation.checkout.root) as group:
        while group.status is None:
            progress = reader.look()
            tell(progress)
            if progress.silent > evaluation.limits.stall:
                group.close()
                return Ended(group.status, True, time.monotonic() - began)
            time.sleep(LOOK)
        status = group.status
    tell(reader.look())
    return Ended(status, False, time.monotonic() - began)
