"""A command with everything it starts: one log, one end."""

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from laco.closing import Closing
from laco.processes import die_with_parent, end_marked

MARK = "LACO_LANGCOOP"  # what its processes inherit, also those that leave its group
GRACE = {signal.SIGINT: 6.0, signal.SIGTERM: 3.0}  # [s] that each signal is given before the next, harder one
LOOK = 0.05  # [s]


class Group(Closing):
    """`command`, running, in a session of its own, its output in `log`. It ends with `close`, with the `with` block,
    and, on Linux, with this process.

    gently: the signals that are tried before SIGKILL. Raises: OSError if it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
        gently: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
    ) -> None:
        self.command, self.log, self._gently = tuple(command), log, tuple(gently)
        self._mark = uuid.uuid4().hex
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command,
                env={**environment, MARK: self._mark},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to handle
                preexec_fn=die_with_parent if os.name == "posix" else None,
            )
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def close(self) -> None:
        """End everything, gently first; may be called again. A second Ctrl-C meanwhile makes it short."""
        try:
            for number in self._gently:
                if self.status is not None:
                    break
                self._signal(number)
                self._wait(GRACE[number])
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            end_marked(MARK, self._mark)

    def last_lines(self, count: int = 20) -> list[str]:
        """Of its log, without what is blank."""
        return last_lines(self.log, count)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _wait(self, limit: float) -> None:
        deadline = time.monotonic() + limit
        while self.status is None and time.monotonic() < deadline:
            time.sleep(LOOK)


def last_lines(log: Path, count: int = 20, most: int = 65536) -> list[str]:
    """The last lines of a log that may be long, without blank ones; none if it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - most))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
