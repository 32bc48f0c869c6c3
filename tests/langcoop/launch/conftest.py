"""A checkout, a CARLA folder and a client of our own making, and the command run on them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
SERVER = (sys.executable, str(HERE / "server.py"))
ROUTE = '<route id="{}" town="Town05"><waypoint x="0" y="0" z="0"/><waypoint x="70" y="0" z="0"/></route>'


def route_file(path: Path, *ids: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<routes>" + "".join(ROUTE.format(id) for id in ids) + "</routes>")
    return path


@dataclass(frozen=True)
class Place:
    """langcoop: the checkout. carla: its CARLA. client: a folder with the client. port: where somebody listens."""

    langcoop: Path
    carla: Path
    client: Path
    port: int
    free: int

    @property
    def options(self) -> list[str]:
        """What the command always needs."""
        where = ["--langcoop", str(self.langcoop), "--carla-root", str(self.carla), "--pythonpath", str(self.client)]
        return [*where, "--port", str(self.port), "--tm-port", str(self.free)]


def checkout(root: Path) -> Path:
    board = root / "simulation/leaderboard"
    script = board / "leaderboard/leaderboard_evaluator_parameter.py"
    script.parent.mkdir(parents=True)
    script.write_text((HERE / "stand_in.py").read_text())
    for name in ("team_code/vlm_agent.py", "team_code/vlm_infer_action.py"):
        (board / name).parent.mkdir(exist_ok=True)
        (board / name).write_text("")
    (root / "simulation/scenario_runner").mkdir()
    (board / "leaderboard/scenarios").mkdir()
    (board / "leaderboard/scenarios/scenario_parameter_1.yaml").write_text("Background: {turn_off_light: true}\n")
    (board / "data/scenarios").mkdir(parents=True)
    (board / "data/scenarios/town05_all_scenarios_2.json").write_text("{}")
    for name, ids in (("0", ("0",)), ("1", ("1",)), ("_partial", ("0", "1"))):
        route_file(board / f"data/evaluation_routes/town05_short_r{name}.xml", *ids)
    hypes = root / "vlmdrive/controller/hypes_yaml"
    hypes.mkdir(parents=True)
    for name, kind in (("speed_curvature", "SpeedCurvature"), ("waypoints", "Waypoint")):
        (hypes / f"{name}.yaml").write_text(yaml.safe_dump({"model": {"type": f"VLMController{kind}"}}))
    return root


def client(folder: Path) -> Path:
    for name in ("langcoop/laco_langcoop_agent.py", "colmdriver/laco_v2xverse_agent.py"):
        entry = folder / "laco_langcoop/entry" / name
        entry.parent.mkdir(parents=True)
        entry.write_text("def get_entry_point():\n    return 'LacoAgent'\n")
    (folder / "laco_langcoop/__init__.py").write_text("__version__ = '0.1.0'\n")
    return folder


@contextmanager
def made(folder: Path) -> Iterator[Place]:
    egg = folder / "carla/PythonAPI/carla/dist/carla-0.9.10-py3.7-linux-x86_64.egg"
    egg.parent.mkdir(parents=True)
    egg.write_text("")
    (folder / "carla/PythonAPI/carla/agents").mkdir()
    (folder / "carla/CarlaUE4.sh").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as carla, socket.socket() as probe:
        probe.bind(("", 0))
        free = probe.getsockname()[1]
        probe.close()
        root = checkout(folder / "LangCoop")
        yield Place(root, folder / "carla", client(folder / "client"), carla.getsockname()[1], free)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with made(tmp_path) as found:
        yield found


CODE = f"""
import laco.langcoop.group as group, laco.langcoop.servers as servers
servers.COMMAND = {SERVER!r}
group.GRACE = {{number: 0.4 for number in group.GRACE}}
from laco.cli.main import main
main()
"""


def start(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """The command with servers that load nothing, in a process of its own."""
    env = {**os.environ, "PYTHONSAFEPATH": "1", **variables}
    command = [sys.executable, "-c", CODE, "langcoop", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)


def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    process = start(*arguments, **variables)
    out, errors = process.communicate(timeout=90)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)
