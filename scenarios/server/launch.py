"""The server in a child process, for whoever needs a world: it must not live in the client's (the client
blocks it)."""

import os
import queue
import subprocess
import sys
import tempfile
import threading
from typing import IO

from laco.closing import Closing
from laco.errors import WorldError
from laco.scenarios.server.options import WorldOptions

START_LIMIT = 20.0  # [s]
STOP_LIMIT = 5.0  # [s] between asking it to stop and ending it
MARK = "listening on "


class WorldProcess(Closing):
    """A running server: `.port`, `.pid`; ends with `close`, with the `with` block, and with this process.

    Raises `WorldError`, with the server's last words, when it does not listen within 20 s.
    """

    def __init__(
        self, map: str = "crossing", seed: int = 0, port: int = 0, *, traffic: int = 0, walkers: int = 0
    ) -> None:
        options = WorldOptions(map=map, seed=seed, port=port, traffic=traffic, walkers=walkers)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "laco.scenarios.server", *options.arguments(), "--exit-with-parent"],
            stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            start_new_session=os.name == "posix",  # Ctrl-C is ours to handle, then we close it
        )
        self.pid = self._process.pid
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the server, gently first; may be called again."""
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
                pipe.close()

    def _wait_for_port(self) -> int:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_first_word, args=(self._process.stdout, lines), daemon=True).start()
        try:
            line = lines.get(timeout=START_LIMIT)
        except queue.Empty:
            raise WorldError(f"the world server did not start within {START_LIMIT:.0f} s") from None
        if not line:
            self._process.wait(STOP_LIMIT)
            raise WorldError(f"the world server did not start: {self._last_words()}")
        return int(line.split(",")[0].rsplit(":", 1)[1])

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("laco: ") if lines else f"exit status {self._process.returncode}"


def _first_word(pipe: IO[bytes], lines: "queue.Queue[str]") -> None:
    """Pass on the line that says where the server listens, or an empty one when it ends without."""
    for line in pipe:  # libraries may print before
        text = line.decode(errors="replace")
        if text.startswith(MARK):
            lines.put(text.strip())
            return
    lines.put("")
