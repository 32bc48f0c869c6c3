"""Bad input: one line on stderr, an exit status that is not zero, and no traceback."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

import msgpack
import pytest
import torch
from safetensors.torch import save_file

from laco.cli.main import main
from laco.cli.options import ChannelName, CodecName
from laco.comm.codecs import available
from laco.errors import WorldError
from laco.scenarios.stage import Simulator

SCENARIO = "occluded-crossing"


def laco(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As a user would call it."""
    command = [sys.executable, "-c", "from laco.cli.main import main; main()", *arguments]
    env = {**os.environ, "PYTHONSAFEPATH": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env, cwd=cwd)


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """In this process, for its speed: the one line, checked to be one. Reads what C++ writes, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["laco", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
    assert caught.value.code not in (0, None)
    return one_line(capfd.readouterr().err)


def one_line(errors: str) -> str:
    assert errors.startswith("laco: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    return errors.removeprefix("laco: ").strip()


def test_choices_of_the_command_line_are_those_of_the_code() -> None:
    from laco.agents.channels import CHANNEL_NAMES, TRANSFERS

    assert [c.value for c in CodecName] == [*available(), *TRANSFERS]
    assert [c.value for c in ChannelName] == ["all", *CHANNEL_NAMES]


def test_help_names_commands_and_options() -> None:
    everything = laco("--help")
    assert everything.returncode == 0
    assert all(name in everything.stdout for name in ("run", "world", "scenarios"))
    one = laco("run", "--help")
    assert one.returncode == 0
    options = ("channel", "carla", "seed", "out", "caution", "codec", "weights", "json", "gif", "twin")
    assert [o for o in options if f"--{o}" not in one.stdout] == []
    assert (everything.stderr, one.stderr) == ("", "")


def test_unknown_scenario(capfd, tmp_path: Path) -> None:
    line = refused(capfd, "run", "ocluded-crosing", "--out", str(tmp_path / "out"))
    assert line == "unknown scenario 'ocluded-crosing'; the nearest is occluded-crossing-v1"
    assert not (tmp_path / "out").exists()


def test_busy_port(capfd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}: " in refused(capfd, "world", "--port", str(port))


def test_unknown_map(capfd) -> None:
    assert "no map is called 'atlantis'" in refused(capfd, "world", "--map", "atlantis", "--port", "0")


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_place_of_the_output_folder(capfd, tmp_path: Path, below: str) -> None:
    taken = tmp_path / "out"
    taken.write_text("mine")
    line = refused(capfd, "run", SCENARIO, "--out", str(taken / below))
    assert line.startswith(f"cannot write to output folder {taken / below}: ")
    assert taken.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which even root cannot write")
def test_an_unwritable_output_folder(capfd) -> None:
    line = refused(capfd, "run", SCENARIO, "--out", "/proc/self/fd/none")
    assert line.startswith("cannot write to output folder /proc/self/fd/none: ")


@pytest.mark.parametrize("kind", ["text", "safetensors of others", "missing", "folder"])
def test_weights_that_are_not_ours(capfd, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights"
    if kind == "text":
        path.write_text("not weights")
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        save_file({"a": torch.zeros(1)}, path, {"format": "pt"})
    line = refused(capfd, "run", SCENARIO, "--weights", str(path), "--out", str(tmp_path / "out"))
    assert str(path) in line


def test_a_calibration_that_is_none(capfd, tmp_path: Path) -> None:
    path = tmp_path / "laco.yaml"
    path.write_text("speed: high")
    line = refused(capfd, "run", SCENARIO, "--calibration", str(path), "--out", str(tmp_path / "out"))
    assert line.startswith(f"{path} is not a driver profile: ")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--budget", "500"), "a budget or deadline needs --codec auto, not int8"),
        (("--deadline", "50", "--codec", "delta"), "a budget or deadline needs --codec auto, not delta"),
        (("--budget", "0", "--codec", "auto"), "a budget's bytes must be more than 0 B, not 0"),
        (("--deadline", "-1", "--codec", "auto"), "a budget's deadline must be more than 0 s, not -0.001"),
        (("--deadline", "nan", "--codec", "auto"), "a budget's deadline must be more than 0 s, not nan"),
    ],
)
def test_a_budget_that_is_none(capfd, tmp_path: Path, options: tuple[str, ...], expected: str) -> None:
    assert refused(capfd, "run", SCENARIO, *options, "--out", str(tmp_path / "out")) == expected
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_is_not_there(capfd, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    line = refused(capfd, "run", SCENARIO, "--adapter", str(path), "--out", str(tmp_path / "out"))
    assert line == f"no adapter file or folder {path}"


def test_an_adapter_that_is_none(capfd, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    line = refused(capfd, "run", SCENARIO, "--channel", "latent", "--adapter", str(path), "--out", str(tmp_path / "o"))
    assert line == f"{path} is not an adapter file"


def test_a_calibration_of_another_model(capfd, tmp_path: Path) -> None:
    path = tmp_path / "laco.yaml"
    with (resources.files("laco.agents.drivers") / "weights" / "smollm2.yaml").open() as shipped:
        path.write_text(shipped.read())
    line = refused(capfd, "run", SCENARIO, "--calibration", str(path), "--out", str(tmp_path / "out"))
    assert re.fullmatch(r"the calibration was measured for model c6349e40\w+, the vector driver has db2a136a\w+", line)


def test_an_unknown_radio(capfd, tmp_path: Path) -> None:
    line = refused(capfd, "run", SCENARIO, "--radio", "telepathy", "--out", str(tmp_path / "out"))
    assert line.startswith("unknown radio 'telepathy'")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--loss", "gilbert:2,0.1", "radio: Expected `float` <= 1.0"),
        ("--loss", "rain", "loss must be bernoulli:P, "),
        ("--range", "-5", "radio: Expected `float` > 0.0"),
        ("--radio-trace", "nowhere.csv", "trace nowhere.csv cannot be read"),
        ("--radio", "nowhere.yaml", "radio file nowhere.yaml cannot be read"),
        ("--time", "later", "time must be frozen, charged or charged:MS"),
    ],
)
def test_a_radio_or_time_that_is_none(capfd, tmp_path: Path, option: str, value: str, why: str) -> None:
    line = refused(capfd, "run", SCENARIO, option, value, "--out", str(tmp_path / "out"))
    assert line.startswith(why)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["nowhere", "127.0.0.1:99999", "127.0.0.1:"])
def test_an_address_that_is_none(capfd, tmp_path: Path, text: str) -> None:
    line = refused(capfd, "run", SCENARIO, "--carla", text, "--out", str(tmp_path / "out"))
    assert line == f"a server's address is HOST:PORT, not {text!r}"


def test_nobody_answers(capfd, tmp_path: Path) -> None:
    began = time.monotonic()
    line = refused(capfd, "run", SCENARIO, "--carla", "127.0.0.1:1", "--out", str(tmp_path / "out"))
    assert line.startswith("no CARLA server answers at 127.0.0.1:1: ")
    assert time.monotonic() - began < 20.0


@contextmanager
def answering(version: str) -> Iterator[int]:
    """A server that answers everything with a version: enough to be recognised as another CARLA."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                talk(listener.accept()[0])

    def talk(peer: socket.socket) -> None:
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        with peer, suppress(OSError):
            while data := peer.recv(65536):
                unpacker.feed(data)
                for message in unpacker:
                    if message[0] == 0:  # a request, not a notification
                        peer.sendall(msgpack.packb([1, message[1], None, [[1, version]]]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_another_version(tmp_path: Path) -> None:
    """In a process of its own: the client would keep the thread that answers from running."""
    with answering("0.9.15") as port:
        done = laco("run", SCENARIO, "--carla", f"127.0.0.1:{port}", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    line = one_line(done.stderr)
    assert line == f"the server at 127.0.0.1:{port} has version 0.9.15, this client needs 0.9.16"


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(WorldError, match=f"^no CARLA server answers at 127.0.0.1:{port}: ") as caught:
            Simulator("127.0.0.1", port, timeout=0.5)
    assert "\n" not in str(caught.value)
