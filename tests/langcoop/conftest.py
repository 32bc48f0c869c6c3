"""Evaluators that stand for LangCoop's and its neighbours', and `laco agent` servers for their vehicles."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # for `double`, which is no part of the package

from double import checkouts, hosting, single

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
def one(carla_root: Path) -> Iterator[Any]:
    """Enter one of the evaluators of one vehicle."""
    with ExitStack() as stack:

        def enter(kind: str, agent: Path, config: Path, points: list[tuple[float, float]]) -> single.Single:
            simulator = [str(carla_root / "PythonAPI"), str(carla_root / "PythonAPI/carla")]
            paths = [*single.folders(kind), *simulator, str(CLIENT)]
            stack.enter_context(hosting.hosted(paths, {}, ours="laco_langcoop"))
            return single.start(kind, agent, config, points)

        yield enter
