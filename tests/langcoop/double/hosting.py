"""Running an evaluator in this process: its folders on the path, its modules gone afterwards."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from double.checkouts import write_routes

NAMESPACES = ("agents",)  # no file of its own


@contextmanager
def hosted(paths: Sequence[str], variables: dict[str, str], ours: str) -> Iterator[None]:
    """With `paths` first on sys.path and these environment variables.

    What was imported from them, and from folders that an evaluator put there, is forgotten after; so is the package
    `ours`, which starts afresh here whoever has imported it before.
    """
    path, environment = list(sys.path), dict(os.environ)
    before = taken(lambda name, module: name.split(".")[0] == ours)
    known = set(sys.modules)
    sys.path[:0] = paths
    os.environ.update(variables)
    try:
        yield
    finally:
        added = tuple(set(sys.path) - set(path))
        taken(lambda name, module: name not in known and foreign(name, module, added, ours))
        sys.modules.update(before)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


def foreign(name: str, module: Any, folders: tuple[str, ...], ours: str) -> bool:
    origin = getattr(module, "__file__", None) or ""
    return origin.startswith(folders) or name.split(".")[0] in (*NAMESPACES, ours)


def taken(wanted: Callable[[str, Any], bool]) -> dict[str, Any]:
    """Takes modules out of what is imported."""
    found = {name: module for name, module in sys.modules.items() if wanted(name, module)}
    for name in found:
        del sys.modules[name]
    return found


@dataclass
class Seen:
    """One tick: what the agent answered, and where the egos were before it took effect."""

    answer: Any
    places: list[tuple[float, float, float, float]]  # x, y [m], yaw [rad], speed [m/s] of every ego, finished or not


@dataclass
class Drive:
    """A route of an evaluator of this process."""

    evaluator: Any
    seen: list[Seen] = field(default_factory=list)

    @property
    def agent(self) -> Any:
        return self.evaluator.agent

    @property
    def egos(self) -> list[Any]:
        return self.evaluator.egos

    @property
    def controls(self) -> list[list[tuple[float, float, float]]]:
        """By tick and ego: throttle, steer, brake."""
        return [
            [(c.throttle, c.steer, c.brake) for c in (s.answer[i] for i in range(len(s.places)))] for s in self.seen
        ]

    def legal(self) -> None:
        """Every plan of LangCoop's bank has five finite pairs, and every control of every tick is one."""
        for entry in self.agent.infer.perception_memory_bank:
            for plan in entry["predicted_result_list"]:
                assert len(plan["target_speed"]) == len(plan["curvature"]) == 5
                assert all(0 <= speed <= 8 for speed in plan["target_speed"])
                assert all(abs(curvature) <= 90 for curvature in plan["curvature"])
        for row in self.controls:
            assert all(0 <= throttle <= 1 and -1 <= steer <= 1 and 0 <= brake <= 1 for throttle, steer, brake in row)

    def tick(self, count: int = 1) -> None:
        """Raises: the leaderboard's AgentError."""
        for _ in range(count):
            places = [(e.vehicle.x, e.vehicle.y, e.vehicle.yaw, e.vehicle.speed) for e in self.egos]
            self.evaluator.manager.tick()
            self.seen.append(Seen(self._answers[-1], places))

    def watch(self) -> None:
        """Keep what the agent answers."""
        self._answers: list[Any] = []
        step = self.agent.run_step

        def watched(input_data: Any, timestamp: float) -> Any:
            answer = step(input_data, timestamp)
            self._answers.append(dict(answer) if isinstance(answer, dict) else list(answer))
            return answer

        self.agent.run_step = watched


def drive(agent: Path, config: Path, egos: int, routes: Path, out: Path, single: bool = False) -> Drive:
    """An evaluator's first route, at its start.

    routes: an XML for all egos, or with `single` a folder with one for each.
    """
    entry = importlib.import_module("leaderboard.leaderboard_evaluator_parameter")
    where = "--routes_dir" if single else "--routes"
    options = ["--agent", str(agent), "--agent-config", str(config), "--ego-num", str(egos), where, str(routes)]
    evaluator = entry.LeaderboardEvaluator(entry.arguments([*options, "--checkpoint", str(out / "results.json")]))
    evaluator.start(evaluator.routes[0])
    made = Drive(evaluator)
    made.watch()
    return made


def routes_of_each(folder: Path, ways: Sequence[Sequence[tuple[float, float]]]) -> Path:
    """CoLMDriver's way: one XML per ego."""
    for i, points in enumerate(ways):
        write_routes(folder / f"r1_{i}.xml", [points])
    return folder


def journal(idx: int | None = None) -> list[dict[str, Any]]:
    """The client's log, a map per decision, of one vehicle or all."""
    lines = (Path(os.environ["SAVE_PATH"]) / "laco-messages.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if idx in (None, entry["idx"])]
