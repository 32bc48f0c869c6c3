"""A Python module in a child process that says when it is ready, and ends with whoever started it."""

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

from laco.closing import Closing
from laco.errors import WorldError

START_LIMIT = 20.0  # [s]
STOP_LIMIT = 5.0  # [s] between asking it to stop and ending it


class ChildProcess(Closing):
    """`python -m module options`: `.pid`, and `.ready`, what the line that begins with `mark` says after it. It ends
    with `close`, with the `with` block, and, if it heeds `--exit-with-parent`, with this process.

    Raises `WorldError`, with the child's last words, when it is not ready within 20 s; `name` says who.
    """

    def __init__(self, name: str, module: str, options: Sequence[str], mark: str) -> None:
        self._name, self._mark = name, mark
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *options, "--exit-with-parent"],
            stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            start_new_session=os.name == "posix",  # Ctrl-C is ours to handle, then we close it
        )
        self.pid = self._process.pid
        try:
            self.ready = self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the child, gently first; may be called again."""
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it has not read
                    pipe.close()

    @property
    def running(self) -> bool:
        """Whether the child has not ended."""
        return self._process.poll() is None

    def say(self, line: bytes) -> None:
        """A line to the child. One that has gone is no reason to stop."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

    def _wait_until_ready(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        reader = threading.Thread(target=self._first_word, args=(self._process.stdout, lines), daemon=True)
        reader.start()
        try:
            line = lines.get(timeout=START_LIMIT)
        except queue.Empty:
            raise WorldError(f"the {self._name} did not start within {START_LIMIT:.0f} s") from None
        if not line:
            self._process.wait(STOP_LIMIT)
            raise WorldError(f"the {self._name} did not start: {self._last_words()}")
        return line.removeprefix(self._mark)

    def _first_word(self, pipe: IO[bytes], lines: "queue.Queue[str]") -> None:
        """Pass on the line that begins with the mark, or an empty one when the child ends without."""
        for line in pipe:  # libraries may print before
            text = line.decode(errors="replace")
            if text.startswith(self._mark):
                lines.put(text.strip())
                return
        lines.put("")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("laco: ") if lines else f"exit status {self._process.returncode}"
