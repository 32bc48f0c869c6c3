"""A child process ends with whoever started it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

START = {
    "world": "from laco.scenarios.server.launch import WorldProcess as W; p = W()",
    "viewer": "from laco.view.launch import ViewProcess as V; p = V('127.0.0.1', 9)",
}
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


def parent_of(start: str, then: str) -> "subprocess.Popen[str]":
    code = f"import os, time; {start}; {then}; input()"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=SAFE, text=True
    )


@pytest.mark.parametrize("child", sorted(START))
def test_it_dies_with_a_parent_that_is_killed(child: str) -> None:
    parent = parent_of(START[child], "print(p.pid, flush=True)")
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.communicate()
    assert until(lambda: not alive(pid))


@pytest.mark.parametrize("child", sorted(START))
def test_it_dies_although_a_sibling_holds_its_stdin_open(child: str) -> None:
    """A process that the parent forked later inherits the pipe: then there is no end of file."""
    parent = parent_of(START[child], "q = os.fork(); q or time.sleep(60); print(p.pid, q, flush=True)")
    assert parent.stdout is not None
    pid, sibling = (int(word) for word in parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    ended = until(lambda: not alive(pid))
    os.kill(sibling, signal.SIGKILL)
    parent.communicate()
    assert ended
