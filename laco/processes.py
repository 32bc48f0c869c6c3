"""Other processes of this machine, as far as /proc shows them: whose they are, what they cost, and ending them.

Where there is no /proc (Windows, macOS) nobody is found, and the processor time is this process's own.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
PDEATHSIG = 1  # PR_SET_PDEATHSIG of prctl(2)
LOOK = 0.05  # [s] between two looks at who still lives


def marked(name: str, prefix: str) -> list[int]:
    """Living processes that were started with an environment variable `name` whose value begins with `prefix`."""
    wanted = f"{name}={prefix}".encode()
    found = []
    for pid in _everyone():
        with suppress(OSError):  # gone by now, or somebody else's
            environment = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
            if pid != os.getpid() and any(entry.startswith(wanted) for entry in environment) and alive(pid):
                found.append(pid)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return _stat(pid)[0] not in ("Z", "X")
    except OSError:
        return False


def end_marked(name: str, prefix: str, grace: float = 0.0) -> list[int]:
    """Kill the marked processes that are still there after `grace` [s], and whoever they start meanwhile.

    Returns those that it had to kill."""
    deadline = time.monotonic() + grace
    while (left := marked(name, prefix)) and time.monotonic() < deadline:
        time.sleep(LOOK)
    killed = left
    while left:
        _kill(left)
        time.sleep(LOOK)
        left = marked(name, prefix)
    return killed


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Have Linux kill this process when the thread that started it ends, whatever this one is busy with.

    For children of a forkserver: its one thread lives as long as it does. Nothing happens elsewhere.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended just before
        os._exit(1)


def cpu_seconds(root: int) -> float:
    """Processor time of a process, of its living descendants, and of those of them that have ended [s].

    What has ended counts once its parent has noticed.
    """
    tick = os.sysconf("SC_CLK_TCK") if PROC.is_dir() else 0
    if not tick:
        return time.process_time()
    return sum(map(_ticks, _tree(root))) / tick


def _ticks(pid: int) -> int:
    """User and system time, own and of children that have ended."""
    try:
        return sum(map(int, _stat(pid)[11:15]))
    except OSError:
        return 0


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid in _everyone():
        with suppress(OSError):
            children.setdefault(int(_stat(pid)[1]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on. Raises: OSError if there is no such process."""
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _everyone() -> Iterator[int]:
    if PROC.is_dir():
        yield from (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
