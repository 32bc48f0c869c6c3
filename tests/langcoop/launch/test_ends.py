"""However it ends, nothing stays: no evaluator, no server, no child of theirs, no half-written file."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from laco.processes import alive, marked

from .conftest import Place, start

MARK = "LACO_TEST_MARK"
EVERYONE = 4  # the command, a server, the evaluator, and its child in another process group
pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc"),
    pytest.mark.timeout(120),
]


def until(condition: Callable[[], object], limit: float = 40.0) -> bool:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(condition())


@pytest.fixture
def mark() -> Iterator[str]:
    made = uuid.uuid4().hex
    yield made
    for pid in marked(MARK, made):
        os.kill(pid, signal.SIGKILL)


def hanging(place: Place, out: Path, mark: str):
    options = ("--driver", "llm", "--model", "owner/name", "--routes", "0", "--out", str(out))
    run = start("run", *place.options, *options, STAND_IN="hang", **{MARK: mark})
    assert until(lambda: len(marked(MARK, mark)) >= EVERYONE), run.communicate(timeout=5)
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_a_result(number: signal.Signals, place: Place, tmp_path: Path, mark: str) -> None:
    run = hanging(place, tmp_path / "out", mark)
    run.send_signal(number)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert errors.splitlines()[-1] == f"laco: interrupted; {tmp_path}/out holds what was driven by then"
    assert "Traceback" not in errors
    assert until(lambda: not marked(MARK, mark), 5.0)
    found = json.loads((tmp_path / "out/results.json").read_bytes())
    assert found["channels"]["latent"]["outcome"] == "interrupted"
    assert not list((tmp_path / "out").rglob("*.part"))


def running(script: str, mark: str) -> int:
    """Whose first argument is this script."""
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in marked(MARK, mark)}
    return next(pid for pid, command in commands.items() if command[1].endswith(script.encode()))


def evaluator(mark: str) -> int:
    return running("leaderboard_evaluator_parameter.py", mark)


def test_a_killed_evaluator_leaves_nobody(place: Place, tmp_path: Path, mark: str) -> None:
    run = hanging(place, tmp_path / "out", mark)
    os.kill(evaluator(mark), signal.SIGKILL)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "laco: latent, town05_short_r0: crashed: ended by signal 9: hanging now" in errors
    assert until(lambda: not marked(MARK, mark), 5.0)


def test_a_killed_launcher_takes_evaluator_and_servers_along(place: Place, tmp_path: Path, mark: str) -> None:
    run = hanging(place, tmp_path / "out", mark)
    pids = [run.pid, evaluator(mark)]
    run.kill()
    run.communicate(timeout=30)
    assert until(lambda: not any(map(alive, pids)), 5.0)
    assert until(lambda: len(marked(MARK, mark)) <= 1, 5.0)  # what the evaluator itself hid from its group


def test_a_server_that_does_not_start(place: Place, tmp_path: Path, mark: str) -> None:
    options = ("--driver", "llm", "--model", "owner/name", "--routes", "0", "--out", str(tmp_path / "out"))
    run = start("run", *place.options, *options, SERVER="fail", **{MARK: mark})
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 2
    assert errors == "laco: the server of ego0, ego1 (llm:owner/name) did not start: no model 'x': give a folder\n"
    assert not marked(MARK, mark)


def test_a_lost_server_is_told(place: Place, tmp_path: Path, mark: str) -> None:
    run = hanging(place, tmp_path / "out", mark)
    os.kill(running("server.py", mark), signal.SIGKILL)
    os.kill(evaluator(mark), signal.SIGKILL)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "laco: latent, town05_short_r0: the server of ego0, ego1 ended with status -9: listening on 127." in errors
