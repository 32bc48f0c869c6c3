"""The server as a process: starting and stopping."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from laco.cli.world import world
from laco.errors import WorldError
from laco.scenarios.server.launch import WorldProcess

ALONE = [sys.executable, "-m", "laco.scenarios.server"]
SAFE = {**os.environ, "PYTHONSAFEPATH": "1"}


def test_close_ends_it_and_may_be_called_again() -> None:
    process = WorldProcess()
    with socket.create_connection(("127.0.0.1", process.port)):
        process.close()
    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_busy_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            WorldError, match=f"^the world server did not start: cannot listen on 127.0.0.1:{port}: "
        ):
            WorldProcess(port=port)


def test_an_unknown_map_is_one_clear_line() -> None:
    with pytest.raises(WorldError, match="did not start: no map is called 'atlantis'"):
        WorldProcess(map="atlantis")


def test_a_map_file_is_served_under_its_name(tmp_path: Path) -> None:
    from laco.scenarios.maps import read_map

    path = tmp_path / "village.xodr"
    path.write_text(read_map("crossing"))
    server = subprocess.Popen(
        [*ALONE, "--port", "0", "--map", str(path)], stdout=subprocess.PIPE, env=SAFE, text=True
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    server.terminate()
    assert server.wait(5) == 0
    server.stdout.close()
    assert line.startswith("listening on 127.0.0.1:")
    assert line.endswith(", map village\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_clients_on_it(number: signal.Signals) -> None:
    server = subprocess.Popen(
        [*ALONE, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=SAFE, text=True
    )
    assert server.stdout is not None
    port = int(server.stdout.readline().split(",")[0].rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)):
        server.send_signal(number)
        _, errors = server.communicate(timeout=5)
    assert server.returncode == 0
    assert errors == ""


def test_the_command_says_why_it_cannot_start() -> None:
    app = typer.Typer()
    app.command()(world)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(app, ["--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, WorldError)
    assert "\n" not in str(result.exception)
