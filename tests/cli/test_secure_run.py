"""Two hosts over CURVE, as users start them, and what their keys must never show up in."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.agents.hosts import HostLostError, RemoteHost
from laco.cli.main import main
from laco.comm.security import Keyring
from laco.comm.security.curve import Curve
from laco.errors import ConfigError, LacoError

SHAPE = {"width": 32, "layers": 6, "heads": 4, "kv_heads": 2}  # as many layers as the shipped calibration names


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    VectorDriver(VectorModel(**SHAPE), input_norm=2.0).save(path, SHAPE, {})
    return str(path)


@pytest.fixture
def rings(tmp_path: Path) -> tuple[Keyring, Keyring]:
    """The robot's and the laptop's; the laptop trusts the robot, the robot nobody yet."""
    robot, laptop = Keyring(tmp_path / "robot"), Keyring(tmp_path / "laptop")
    robot.new("robot")
    laptop.new("laptop")
    laptop.trust("robot", str(robot.folder / "robot.key"))
    return robot, laptop


def command(ring: Keyring, *arguments: str) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "LACO_KEYS": str(ring.folder)}
    called = [sys.executable, "-c", "from laco.cli.main import main; main()", *arguments]
    return subprocess.Popen(called, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)


def ask(address: str, ring: Keyring | None, limit: float, monkeypatch: pytest.MonkeyPatch) -> frozenset[str]:
    """Who answers there."""
    monkeypatch.setattr("laco.agents.hosts.GREET_LIMIT", limit)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve = None if ring is None else Curve(ring, context)
    try:
        with RemoteHost(address, context, curve) as host:
            return host.vehicles
    finally:
        if curve is not None:
            curve.close()
        context.destroy(0)


def test_a_run_over_curve_shows_no_secret(
    weights: str, rings: tuple[Keyring, Keyring], tmp_path: Path, caplog: pytest.LogCaptureFixture, serving
) -> None:
    """B behind `laco agent` on one key folder, A and the runner on another."""
    robot, laptop = rings
    robot.trust("laptop", str(laptop.folder / "laptop.key"), runner=True)
    out = tmp_path / "run"
    served = ("--vehicles", "B", "--weights", weights, "--curve")
    with caplog.at_level(logging.DEBUG), serving(*served, LACO_KEYS=str(robot.folder)) as (agent, address):
        options = ("--channel", "latent", "--weights", weights, "--no-gif", "--out", str(out), "--json")
        runner = command(laptop, "run", "occluded-crossing", *options, "--curve", "--agents", f"robot@{address}")
        texts = [*runner.communicate(timeout=120)]
        assert runner.returncode == 0, texts
        agent.send_signal(signal.SIGINT)
        texts += agent.communicate(timeout=20)
        assert (agent.returncode, texts[-1]) == (0, "")
    figures = json.loads((out / "result.json").read_text())["channels"]["latent"]
    assert figures["outcome"] == "finished"
    assert figures["receipts"]["latent"].keys() == {"used"}
    assert figures["refused_connections"] == 0
    for vehicle in ("A", "B"):
        counters = figures["counters"][vehicle]
        assert counters["received"] > 0
        bad = ("stale", "repeated", "reordered", "replayed", "damaged", "oversized", "spoofed", "dropped")
        assert {name: counters[name] for name in bad} == dict.fromkeys(bad, 0)
    texts += [caplog.text, *(p.read_text(errors="replace") for p in out.rglob("*") if p.is_file())]
    for ring in rings:
        assert not any(ring.own().secret.decode() in text for text in texts)


def test_who_is_not_trusted_is_told_so(
    weights: str, rings: tuple[Keyring, Keyring], tmp_path: Path, monkeypatch, serving
) -> None:
    robot, laptop = rings
    stranger = Keyring(tmp_path / "stranger")
    stranger.new("stranger")
    stranger.trust("robot", robot.own().public)
    with serving("--vehicles", "A", "--weights", weights, "--curve", LACO_KEYS=str(robot.folder)) as (_, address):
        there = f"robot@{address}"
        with pytest.raises(HostLostError, match="does not trust this machine's key: `laco keys trust NAME FILE --run"):
            ask(there, laptop, 10.0, monkeypatch)
        robot.trust("laptop", laptop.own().public)  # may be heard, but not run vehicles
        with pytest.raises(HostLostError, match="does not trust this machine's key"):
            ask(there, laptop, 10.0, monkeypatch)
        with pytest.raises(HostLostError, match=r"closed the connection|not answered"):  # another key than expected
            ask(address, laptop, 1.0, monkeypatch)
        with pytest.raises(HostLostError, match=r"both use CURVE|closed the connection|not answered"):
            ask(address, None, 1.0, monkeypatch)
        robot.untrust("laptop")
        robot.trust("laptop", laptop.own().public, runner=True)  # without a restart
        with pytest.raises(HostLostError, match="does not trust"):
            ask(there, stranger, 10.0, monkeypatch)
        assert ask(there, laptop, 20.0, monkeypatch) == {"A"}
    with pytest.raises(ConfigError, match="no key robot2 is trusted here"):
        ask("robot2@127.0.0.1:1", laptop, 1.0, monkeypatch)


def test_curve_here_and_plain_there_is_one_line(
    weights: str, rings: tuple[Keyring, Keyring], monkeypatch, serving
) -> None:
    robot, laptop = rings
    with (
        serving("--vehicles", "A", "--weights", weights, LACO_KEYS=str(robot.folder)) as (_, address),
        pytest.raises(LacoError, match=r"both use CURVE|closed the connection"),
    ):
        ask(f"robot@{address}", laptop, 10.0, monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("agent", "--vehicles", "A", "--bind", "203.0.113.1:0"), "203.0.113.1 is not this machine alone, and there"),
        (("run", "occluded-crossing", "--agents", "203.0.113.1:7"), "203.0.113.1 is not this machine alone, and there"),
        (("agent", "--vehicles", "A", "--curve"), "CURVE needs keys: make one with `laco keys new`"),
    ],
)
def test_no_keys_is_one_line(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    with command(Keyring(tmp_path / "none"), *arguments) as run:
        out, errors = run.communicate(timeout=60)
    assert (run.returncode, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"laco: {line}")
    assert "laco keys trust" in errors
    assert "--insecure" in errors or "--curve" in arguments


def test_doing_without_is_said(tmp_path: Path) -> None:
    arguments = ("agent", "--vehicles", "A", "--bind", "203.0.113.1:0", "--insecure")
    with command(Keyring(tmp_path / "none"), *arguments) as run:
        _, errors = run.communicate(timeout=60)
    assert run.returncode == 2  # the address is nobody's
    first, second = errors.splitlines()
    assert first == "laco: insecure: whoever reaches 203.0.113.1 can hear, forge and run its vehicles"
    assert second.startswith("laco: cannot listen on 203.0.113.1:0")


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ring, other = Keyring(tmp_path / "one"), Keyring(tmp_path / "two")
    monkeypatch.setenv("LACO_KEYS", str(ring.folder))

    def laco(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["laco", "keys", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), *capsys.readouterr()

    assert laco("list") == (0, "no key of this machine's own: laco keys new\n", "")
    code, out, _ = laco("new", "robot")
    assert (code, "laco keys trust robot robot.key" in out) == (0, True)
    public = other.new("laptop").public
    assert laco("trust", "laptop", public, "--runner")[0] == 0
    code, out, _ = laco("list", "--json")
    assert json.loads(out) == {
        "folder": str(ring.folder),
        "own": {"name": "robot", "public": ring.own().public},
        "trusted": [{"name": "laptop", "public": public, "runner": True}],
    }
    code, out, _ = laco("list")
    assert out.splitlines() == [f"own     {ring.own().public}  robot", f"trusted {public}  laptop  may run vehicles"]
    assert laco("trust", "laptop", public)[::2] == (
        2,
        "laco: laptop is trusted already: `laco keys untrust laptop` comes first\n",
    )
    assert laco("untrust", "laptop")[0] == 0
    assert ring.trusted() == {}
