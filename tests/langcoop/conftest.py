"""Evaluators that stand for LangCoop's and its neighbours', and `laco agent` servers for their vehicles."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # for `double`, which is no part of the package

from double import checkouts, hosting, scripted, single
from double.serving import Server, serving

CLIENT = Path(__file__).parents[2] / "agents" / "langcoop"


@pytest.fixture(scope="session")
def carla_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkouts.carla_root(tmp_path_factory.mktemp("carla"))


@pytest.fixture(scope="session")
def langcoop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LangCoop checkout."""
    return checkouts.langcoop(tmp_path_factory.mktemp("langcoop"))


@pytest.fixture(scope="session")
def v2xverse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A V2Xverse checkout."""
    return checkouts.neighbour(tmp_path_factory.mktemp("v2xverse"))


@pytest.fixture
def inside(carla_root: Path, tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Enter a checkout: its modules and the client can be imported, its variables are set. Returns where results go."""
    with ExitStack() as stack:

        def enter(checkout: Path) -> Path:
            out = tmp_path / "results"
            variables = {"SAVE_PATH": str(out), "RESULT_ROOT": str(out), "ROUTES": "town05_short_r0.xml"}
            paths = [*checkouts.python_path(checkout, carla_root), str(CLIENT)]
            stack.enter_context(hosting.hosted(paths, variables, ours="laco_langcoop"))
            return out

        yield enter


@pytest.fixture
def start(langcoop: Path, inside: Any, tmp_path: Path) -> Callable[..., hosting.Drive]:
    """A route in LangCoop's evaluator, at its start."""

    def begin(
        agent: Path, planners: list[dict[str, Any]], choice: list[int], way: Any = None, **config: Any
    ) -> hosting.Drive:
        out = inside(langcoop)
        yaml = checkouts.write_config(tmp_path / "config", planners, choice, **config)
        routes = checkouts.write_routes(tmp_path / "route.xml", [way or [(0.0, 0.0), (80.0, 0.0)]])
        return hosting.drive(agent, yaml, len(choice), routes, out)

    return begin


@pytest.fixture
def told() -> Iterator[dict[str, scripted.Scripted]]:
    """Servers that answer as told, one each for ego0, ego1 and ego2."""
    with scripted.fleet("ego0", "ego1", "ego2") as made:
        yield made


@pytest.fixture
def begin(start: Any, told: dict[str, scripted.Scripted]) -> Callable[..., hosting.Drive]:
    """A route for `egos` vehicles with those servers; `planner`: further settings of it; the rest is `start`'s."""
    team = CLIENT / "laco_langcoop/entry/langcoop/laco_langcoop_agent.py"

    def started(egos: int, agent: Path = team, planner: Any = None, **more: Any) -> hosting.Drive:
        endpoints = {name: told[name].endpoint for name in sorted(told)[:egos]}
        model = {"type": "LacoPlanner", "name": "laco", "endpoints": endpoints, "deadline": 3.0, **(planner or {})}
        return start(agent, [model], [0] * egos, **more)

    return started


@pytest.fixture
def one(carla_root: Path) -> Iterator[Any]:
    """Enter one of the evaluators of one vehicle."""
    with ExitStack() as stack:

        def enter(kind: str, agent: Path, config: Path, points: list[tuple[float, float]]) -> single.Single:
            simulator = [str(carla_root / "PythonAPI"), str(carla_root / "PythonAPI/carla")]
            paths = [*single.folders(kind), *simulator, str(CLIENT)]
            stack.enter_context(hosting.hosted(paths, {}, ours="laco_langcoop"))
            return single.start(kind, agent, config, points)

        yield enter


@pytest.fixture(scope="session")
def brief(vlm_folder: Path, llm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tiny random models, which soon say that they have said enough: what they say is nonsense anyway."""
    found = {}
    for kind, folder in {"vlm": vlm_folder, "llm": llm_folder}.items():
        target = tmp_path_factory.mktemp("brief") / kind
        shutil.copytree(folder, target)
        path = target / "generation_config.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**settings, "eos_token_id": list(range(1, 256, 9))}), encoding="utf-8")
        found[kind] = str(target)
    return found


@pytest.fixture(scope="session")
def servers(brief: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """A tiny vision-language model for each of ego0, ego1 and ego2, one more for ego1, a language model for ego2."""

    def options(name: str, driver: str) -> list[str]:
        return ["--vehicles", name, "--driver", driver, "--model", brief[driver]]

    wanted = {name: options(name, "vlm") for name in ("ego0", "ego1", "ego2")}
    wanted |= {"spare": options("ego1", "vlm"), "reader": options("ego2", "llm")}
    with serving(tmp_path_factory.mktemp("servers"), *wanted.values()) as made:
        yield dict(zip(wanted, made, strict=True))


@pytest.fixture(scope="session")
def cameras(servers: dict[str, Server]) -> dict[str, Server]:
    return {name: servers[name] for name in ("ego0", "ego1", "ego2")}


@pytest.fixture(scope="session")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """One server of the real SmolLM2 for ego0 and ego1."""
    with serving(tmp_path_factory.mktemp("talkers"), ["--vehicles", "ego0,ego1", "--driver", "llm"]) as (server,):
        yield {"ego0": server, "ego1": server}
