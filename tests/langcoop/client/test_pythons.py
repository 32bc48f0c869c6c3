"""The built wheel: small, whole, and at work on the interpreters of the evaluators' environments."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from double import hosting, scripted

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / "build" / "langcoop"
PINS = {
    "3.7": ("numpy==1.21.6", "pyzmq==26.2.1", "msgpack==1.0.5"),
    "3.8": ("numpy==1.24.4", "pyzmq==26.2.1", "msgpack==1.0.5"),
}
LARGEST = 100_000  # [bytes]


def environment(*folders: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built outside of the tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "agents" / "langcoop", source / "it", ignore=shutil.ignore_patterns("__pycache__", "build"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", out]
    done = subprocess.run([*command, source / "it"], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("laco_langcoop-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def interpreter(version: str) -> str:
    """One that starts, or the test is skipped."""
    candidates = sorted(map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")))
    found = shutil.which(f"python{version}")
    for candidate in [*candidates, *([found] if found else [])]:
        asked = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if asked.returncode == 0 and asked.stdout.strip() == version:
            return candidate
    pytest.skip(f"no Python {version} on this machine")


def packages(python: str, version: str) -> Path:
    """The pinned dependencies for an old interpreter, installed once; skipped where they cannot be had."""
    ready = CACHE / f"{version}-{'-'.join(PINS[version])}"
    if not ready.is_dir():
        making = CACHE / f"making-{os.getpid()}-{version}"
        command = [python, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
        command += ["install", "-q", "--no-deps", "--no-compile", "--only-binary", ":all:", "--target", str(making)]
        done = subprocess.run([*command, *PINS[version]], capture_output=True, text=True, timeout=100, check=False)
        if done.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip(f"no wheels for Python {version}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        try:
            making.rename(ready)
        except OSError:  # another worker was faster
            shutil.rmtree(making)
    return ready


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.11"])
def test_it_works_on(version: str, unpacked: Path, servers: Any) -> None:
    if version in PINS:
        python = interpreter(version)
        folders = [unpacked, packages(python, version)]
    elif f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        python, folders = sys.executable, [unpacked]
    else:
        pytest.skip(f"the tests run on another Python than {version}")
    made = [servers(), servers()]
    script = Path(__file__).with_name("exercise.py")
    done = subprocess.run(
        [python, "-W", "error::DeprecationWarning:laco_langcoop", script, *(server.endpoint for server in made)],
        env=environment(*folders), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert ".".join(map(str, seen["version"])) == version
    assert seen["heavy"] == []
    assert not seen["torch"]
    assert seen["plans"] == [[[5.0] * 5, [1.0] * 5, 0.5]] * 2
    assert seen["seqs"] == [12, 12]
    for server in made:
        assert server.kinds()[:3] == ["hello", "observe", "decide"]
        assert server.kinds().count("decide") == 13
        assert len(server.last("observe")["image"]["rgb"]) == 600 * 800 * 3
        assert server.last("observe")["speed"] == pytest.approx(4.0, abs=1e-2)


def test_the_wheel_is_small_and_whole(wheel: Path) -> None:
    assert wheel.stat().st_size <= LARGEST
    names = zipfile.ZipFile(wheel).namelist()
    folder = ROOT / "agents/langcoop"
    code = {path.relative_to(folder).as_posix() for path in folder.glob("laco_langcoop/**/*.py")}  # not what pip leaves
    assert {name for name in names if name.endswith(".py")} == code
    assert "laco_langcoop/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    metadata = next(name for name in names if name.endswith("METADATA"))
    lines = zipfile.ZipFile(wheel).read(metadata).decode().splitlines()
    wanted = {line.split(": ")[1] for line in lines if line.startswith("Requires-Dist")}
    assert wanted == {"numpy>=1.17", "pyzmq>=22", "msgpack>=1.0"}
    assert "Requires-Python: >=3.7" in lines


def test_the_license_is_the_repositorys() -> None:
    assert (ROOT / "agents/langcoop/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("version", ["3.7", "3.8"])
def test_it_drives_on(version: str, unpacked: Path, v2xverse: Path, carla_root: Path, tmp_path: Path) -> None:
    """In V2Xverse's evaluator, as a process of an old interpreter that has no `carla` but a stand-in."""
    python = interpreter(version)
    simulator = [carla_root / "PythonAPI", carla_root / "PythonAPI/carla", carla_root / "PythonAPI/standin"]
    host = [v2xverse / "simulation/leaderboard", v2xverse / "simulation/scenario_runner"]
    agent = unpacked / "laco_langcoop/entry/colmdriver/laco_v2xverse_agent.py"
    routes = hosting.routes_of_each(tmp_path / "r1", [[(0.0, 0.0), (40.0, 0.0)], [(5.0, 90.0), (5.0, 50.0)]])
    with scripted.fleet("ego0", "ego1") as fleet:
        model = {"type": "LacoPlanner", "endpoints": {name: server.endpoint for name, server in fleet.items()}}
        config = tmp_path / "laco.json"
        config.write_text(json.dumps({"model": model}), encoding="utf-8")
        options = ["--agent", agent, "--agent-config", config, "--ego-num", "2", "--routes_dir", routes]
        options += ["--game_timeout", "1.5", "--checkpoint", tmp_path / "out/results.json"]
        script = v2xverse / "simulation/leaderboard/leaderboard/leaderboard_evaluator_parameter.py"
        env = environment(*simulator, *host, unpacked, packages(python, version))
        command = [python, script, *options]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert [len(server.of("decide")) for server in fleet.values()] == [8, 8]
    saved = json.loads((tmp_path / "out/ego_vehicle_1/results.json").read_text(encoding="utf-8"))
    (record,) = saved["_checkpoint"]["records"]
    assert record["scores"]["score_route"] > 2.0
