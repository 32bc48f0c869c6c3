"""The viewer in a child process, for whoever has a world to show."""

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

import msgspec

from laco.closing import Closing
from laco.errors import WorldError
from laco.view.extra import require

START_LIMIT = 20.0  # [s]
STOP_LIMIT = 5.0  # [s] between asking it to stop and ending it
MARK = "viewing on "


class ViewProcess(Closing):
    """A running viewer of the server at host:port: `.url`, `.pid`; ends with `close`, with the `with` block, and
    with this process.

    The server need not be there yet: the page waits for it, and says so. Raises `ConfigError` without the
    `[view]` extra and `WorldError`, with the viewer's last words, when it does not start.
    """

    def __init__(self, host: str, port: int, view_port: int = 0) -> None:
        require()
        options = ["--host", host, "--port", str(port), "--view-port", str(view_port), "--exit-with-parent"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "laco.view", *options],
            stdin=subprocess.PIPE,  # our lines to it; its end of file tells the child that we are gone
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            start_new_session=os.name == "posix",  # Ctrl-C is ours to handle, then we close it
        )
        self.pid = self._process.pid
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.close()
            raise

    def entitle(self, title: str) -> None:
        """Say on the page what is going on."""
        self._say({"title": title})

    def tell(self, told: Sequence[dict[str, object]]) -> None:
        """Show messages that went between actors, each with the fields of `board.Told`."""
        if told:
            self._say({"told": list(told)})

    def close(self) -> None:
        """Stop the viewer, gently first; may be called again."""
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

    def _say(self, line: dict[str, object]) -> None:
        """A viewer that has gone is no reason to stop what it looked at."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(msgspec.json.encode(line) + b"\n")
            self._process.stdin.flush()

    def _wait_for_url(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_first_word, args=(self._process.stdout, lines), daemon=True).start()
        try:
            line = lines.get(timeout=START_LIMIT)
        except queue.Empty:
            raise WorldError(f"the viewer did not start within {START_LIMIT:.0f} s") from None
        if not line:
            self._process.wait(STOP_LIMIT)
            raise WorldError(f"the viewer did not start: {self._last_words()}")
        return line.removeprefix(MARK)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("laco: ") if lines else f"exit status {self._process.returncode}"


def _first_word(pipe: IO[bytes], lines: "queue.Queue[str]") -> None:
    """Pass on the line with the address, or an empty one when the viewer ends without."""
    for line in pipe:
        text = line.decode(errors="replace")
        if text.startswith(MARK):
            lines.put(text.strip())
            return
    lines.put("")
