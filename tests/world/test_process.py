"""The server as a process: starting, stopping, dying with its parent."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from laco.cli.world import world
from laco.errors import WorldError
from laco.scenarios.server.launch import WorldProcess

ALONE = [sys.executable, "-m", "laco.scenarios.server"]
START = "from laco.scenarios.server.launch import WorldProcess as W; p = W()"
SAFE = {**os.environ, "PYTHONSAFEPATH": "1"}


def until(condition: Callable[[], bool], limit: float = 10.0) -> bool:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def alive(pid: int) -> bool:
    """Whether a process runs: neither gone nor waiting to be reaped by someone who is."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_close_ends_it_and_may_be_called_again() -> None:
    process = WorldProcess()
    with socket.create_connection(("127.0.0.1", process.port)):
        process.close()
    process.close()
    assert not alive(process.pid)


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


def test_it_dies_with_a_parent_that_is_killed() -> None:
    code = f"{START}; print(p.pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=SAFE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.communicate()
    assert until(lambda: not alive(pid))


def test_it_dies_although_a_sibling_holds_its_stdin_open() -> None:
    """A process that the parent forked later inherits the pipe: then there is no end of file."""
    code = (
        f"import os, time; {START}; q = os.fork()\n"
        "if q == 0: time.sleep(60)\n"
        "print(p.pid, q, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=SAFE, text=True
    )
    assert parent.stdout is not None
    pid, sibling = (int(word) for word in parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    ended = until(lambda: not alive(pid))
    os.kill(sibling, signal.SIGKILL)
    parent.communicate()
    assert ended


def test_the_command_says_why_it_cannot_start() -> None:
    app = typer.Typer()
    app.command()(world)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(app, ["--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, WorldError)
    assert "\n" not in str(result.exception)
