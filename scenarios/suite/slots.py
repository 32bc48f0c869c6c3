"""Worker processes that stay warm from run to run, and can be lost: a slot per run that is driven at a time.

The functions that joblib calls, wherever it calls them. Importing this loads neither torch nor carla.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from typing import IO

import msgspec

from laco.closing import Closing
from laco.processes import end_marked
from laco.scenarios.suite.answer import SOUND, Answer

MARK = "LACO_SLOT"  # environment variable that a worker and everything it starts have: SUITE.SLOT
FAREWELL = 10.0  # [s] that a worker may take to end what it started
WATCH = 0.5  # [s] between two looks at whether our parent lives


class Slot(Closing):
    """A worker process: a task's line in, an answer's line out. suite: whose it is, the first part of its mark."""

    def __init__(self, suite: str) -> None:
        self.suite, self.mark = suite, f"{suite}.{uuid.uuid4().hex}"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the slot
        self._process = subprocess.Popen(
            [sys.executable, "-m", "laco.scenarios.suite.worker"],
            stdin=subprocess.PIPE,  # its end tells the worker that we are gone
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONSAFEPATH": "1", MARK: self.mark},
            start_new_session=os.name == "posix",  # Ctrl-C is the suite's to handle
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines), daemon=True).start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def ask(self, task: bytes, limit: float) -> Answer:
        """The worker's answer; one of ours if it ends without, or gives none within `limit` [s]."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended: its last words are below
            self._process.stdin.write(task + b"\n")
            self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            return Answer(outcome="timeout", detail=f"ended after {limit:g} s")
        if not line:
            return Answer(outcome="crashed", detail=self._last_words())
        return msgspec.json.decode(line, type=Answer)

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(FAREWELL)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the worker ended with status {self._process.returncode}" + (f": {lines[-1]}" if lines else "")

    def kill(self) -> None:
        """End the worker and all it has started, now."""
        self._process.kill()
        self._release()

    def close(self) -> None:
        """End the worker politely: it ends its hosts and its world."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._release()

    def _release(self) -> None:
        self._process.wait()
        end_marked(MARK, self.mark)
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(OSError, ValueError):
                    pipe.close()


def _pass_on(pipe: IO[bytes], lines: "queue.Queue[bytes]") -> None:
    with suppress(OSError, ValueError):  # closed under our hands
        for line in pipe:
            lines.put(line)
    lines.put(b"")


class Slots(Closing):
    """The idle slots of this process. Each call takes one for itself, whatever thread it is on."""

    def __init__(self) -> None:
        self._idle: list[Slot] = []
        self._lock = threading.Lock()

    def take(self, suite: str) -> Slot:
        """An idle slot of this suite, or a new one; those of former suites end."""
        while True:
            with self._lock:
                slot = self._idle.pop() if self._idle else None
            if slot is None:
                return Slot(suite)
            if slot.suite == suite and slot.running:
                return slot
            slot.close()

    def give(self, slot: Slot) -> None:
        with self._lock:
            self._idle.append(slot)

    def close(self) -> None:
        """End all that are idle."""
        while self._idle:
            self._idle.pop().close()


SLOTS = Slots()


def drive(number: int, task: bytes, limit: float, suite: str) -> tuple[int, bytes]:
    """One task on a warm worker; whatever goes wrong there is an answer, and the end of that worker alone.

    task: `worker.Task` in JSON. limit: wall-clock time [s]. suite: mark of the suite's processes. Returns the number
    and an `Answer` in JSON.
    """
    slot = SLOTS.take(suite)
    try:
        answer = slot.ask(task, limit)
    except BaseException:
        slot.kill()
        raise
    if answer.outcome in SOUND:
        SLOTS.give(slot)
    else:
        slot.kill()
    return number, msgspec.json.encode(answer)


def end_with(parent: int) -> None:
    """End this process, and thereby its workers, once `parent` no longer is its parent: joblib's own processes
    notice only after minutes that theirs has been killed."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)
