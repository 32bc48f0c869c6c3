"""The distribution as others meet it: a wheel, beside neighbours of the same name, quick to ask for help.

The subprocesses here are not measured for coverage: some import an installed copy, not the repository.
"""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
SAFE = {**UNMEASURED, "PYTHONSAFEPATH": "1"}
# What a user of both finds: Jupyter's `comm`, CARLA's `agents`, and ours under another name.
NEIGHBOURS = """
import agents.navigation, comm, laco.agents, laco.comm
assert agents.navigation.WHOSE == "CARLA's", agents.__file__
assert hasattr(comm, "create_comm"), comm.__file__
assert comm is not laco.comm and agents is not laco.agents
"""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] = SAFE) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(command: str, *arguments: str | Path, cwd: Path) -> None:
    """Run pip without dependencies and without the network."""
    run(sys.executable, "-m", "pip", command, "--no-deps", "--no-index", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, built outside of it."""
    source = tmp_path_factory.mktemp("source")
    tracked = ["laco", "agents", "comm", "scenarios", "pyproject.toml", "setup.py", "README.md", "LICENSE"]
    for name in tracked:
        (source / name).symlink_to(ROOT / name)
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--wheel-dir", out, source, cwd=out)
    (built,) = out.glob("laco_driving-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, installed into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-compile", "--target", target, wheel, cwd=target)
    return target


@pytest.fixture(scope="module")
def carla_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package `agents` like the one in CARLA's PythonAPI."""
    folder = tmp_path_factory.mktemp("PythonAPI")
    package = folder / "agents" / "navigation"
    package.mkdir(parents=True)
    (folder / "agents" / "__init__.py").touch()
    (package / "__init__.py").write_text('WHOSE = "CARLA\'s"\n', encoding="utf-8")
    return folder


def test_the_wheel_holds_one_package_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"laco"}
    for folder, home in {"laco": "laco", "agents": "laco/agents", "comm": "laco/comm"}.items():
        sources = {path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob("*.py")}
        shipped = {f"{home}/{path}" for path in sources if "laco_langcoop/" not in path}
        assert shipped <= names, f"of {folder} the wheel lacks {sorted(shipped - names)}"
    assert {"laco/py.typed", "laco/scenarios/maps/crossing.xodr", "laco/scenarios/maps/grid.net.xml"} <= names
    assert {f"laco/view/static/{path.name}" for path in (ROOT / "laco/view/static").iterdir()} <= names
    data = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("agents/**/*.safetensors")}
    assert {f"laco/{path}" for path in data} <= names
    assert not any("laco_langcoop" in name or "agents/langcoop" in name or "/tests/" in name for name in names)


def test_the_wheel_works_from_the_repository_root(installed: Path) -> None:
    env = {**SAFE, "PYTHONPATH": str(installed)}
    code = """
import laco, laco.agents, laco.comm, laco.scenarios
from laco.scenarios.maps import available, net_of, read_map
assert "crossing" in available() and "<OpenDRIVE>" in read_map("crossing")
print(laco.__file__, laco.agents.__file__, laco.scenarios.__file__)
"""
    # PYTHONPATH wins over the finder of an editable installation, which stands at the end of sys.meta_path.
    homes = run(sys.executable, "-c", code, env=env).split()
    assert [str(Path(home).parent) for home in homes] == [
        str(installed / "laco"),
        str(installed / "laco" / "agents"),
        str(installed / "laco" / "scenarios"),
    ]


def test_neighbours_import_from_the_repository_root(carla_agents: Path) -> None:
    env = {**SAFE, "PYTHONPATH": str(carla_agents)}
    run(sys.executable, "-c", NEIGHBOURS, env=env)


def test_neighbours_import_from_elsewhere_without_the_safe_path(carla_agents: Path) -> None:
    env = {name: value for name, value in UNMEASURED.items() if name != "PYTHONSAFEPATH"}
    run(sys.executable, "-c", NEIGHBOURS, cwd=carla_agents, env=env)


def test_neighbours_import_under_pytest(carla_agents: Path, tmp_path: Path) -> None:
    body = "\n    ".join(NEIGHBOURS.strip().splitlines())
    inner = tmp_path / "test_inner.py"
    inner.write_text(f"def test_neighbours():\n    {body}\n", encoding="utf-8")
    env = {**SAFE, "PYTHONPATH": str(carla_agents)}
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q"]
    assert "1 passed" in run(sys.executable, "-m", "pytest", *options, inner, env=env)


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from laco.cli.main import main
sys.argv = ["laco", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {"torch", "carla", "transformers", "numpy", "zmq", "matplotlib", "PIL"} & set(sys.modules)
assert not heavy, heavy
"""
    assert "Usage" in run(sys.executable, "-c", code)


def test_pins_cover_the_direct_dependencies() -> None:
    """Each is pinned once, and the pins name no file, host or platform."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(pin.count("==") == 1 and not set(pin) & set("@/ ;") for pin in pins)
    names = [pin.split("==")[0].lower().replace("_", "-") for pin in pins]
    assert len(set(names)) == len(names)
    assert {"torch==2.13.0", "transformers==5.23.0", "carla==0.9.16"} <= set(pins)
    assert direct_dependencies() <= set(names)


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [
        one for name in ("test", "sensors", "traffic", "view", "llm", "maps") for one in extras[name]
    ]
    names = {re.split(r"[^A-Za-z0-9_-]", one)[0].lower().replace("_", "-") for one in wanted}
    return names - {project["name"]}
