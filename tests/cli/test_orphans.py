"""However `laco run` ends, nothing of it stays: no process, no half-written file."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
EVERYONE = 6  # the command, its world, forkserver, resource tracker, two agent hosts
MARK = "LACO_TEST_MARK"


def marked(mark: str) -> list[int]:
    """Living processes that have inherited the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z" and f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it is gone by now
            continue
    return found


def until(condition: Callable[[], bool], limit: float) -> bool:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def mark() -> Iterator[str]:
    """Whatever a test leaves behind ends with it."""
    made = uuid.uuid4().hex
    yield made
    for pid in marked(made):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_survives(number: signal.Signals, mark: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "from laco.cli.main import main; main()"
    options = ["run", "occluded-crossing", "--seed", "1001", "--channel", "latent", "--out", str(out)]
    env = {**os.environ, "PYTHONSAFEPATH": "1", MARK: mark}
    command = [sys.executable, "-c", code, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True) as run:
        assert until(lambda: len(marked(mark)) >= EVERYONE, 60.0), run.communicate(timeout=1)
        time.sleep(0.5)  # somewhere between loading weights and driving
        assert run.poll() is None
        run.send_signal(number)
        _, errors = run.communicate(timeout=20.0)
    assert run.returncode != 0
    assert until(lambda: not marked(mark), 10.0), marked(mark)
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []
