"""How far an evaluator is, as its log and the client's show it."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

DECISION = 0.2  # [s] of simulated time between two decisions of an ego
STARTS = re.compile(rb"=+ Preparing (\S+) \(repetition (\d+)\) =+")
CLOCK = re.compile(rb"Sim_time = ([\d.]+)|[Gg]ame[ _]time\W+([\d.]+)")


@dataclass(frozen=True)
class Progress:
    """route: its name, "" before the first. number, total: of the route, from 1. game: [s] of simulated time in it,
    None while nobody says. silent: [s] since the last sign of life."""

    route: str
    number: int
    total: int
    game: float | None
    silent: float


class Reader:
    """Reads two logs as they grow. total: routes that are to be driven."""

    def __init__(self, log: Path, messages: Path, total: int) -> None:
        self._log, self._messages, self._total = _Tail(log), _Tail(messages), total
        self._route, self._number = "", 0
        self._game: float | None = None
        self._alive = time.monotonic()

    def look(self) -> Progress:
        """What is known now."""
        grown = False
        for line in self._log.lines():
            grown = True
            self._heed(line)
        for line in self._messages.lines():
            grown = True
            self._game = _time_of(line, self._game)
        if grown:
            self._alive = time.monotonic()
        return Progress(self._route, self._number, self._total, self._game, time.monotonic() - self._alive)

    def _heed(self, line: bytes) -> None:
        if match := STARTS.search(line):
            self._route, self._number, self._game = match[1].decode(errors="replace"), self._number + 1, None
        elif match := CLOCK.search(line):
            self._game = _number(match[1] or match[2], self._game)


class _Tail:
    """New whole lines of a file that may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return []
        whole, _, _ = data.rpartition(b"\n")
        if not whole:
            return []
        self._read += len(whole) + 1
        return whole.split(b"\n")


def _time_of(line: bytes, before: float | None) -> float | None:
    """The client says the time, or at least the number of the decision."""
    try:
        entry = json.loads(line)
        return float(entry["time"]) if "time" in entry else entry["moment"] * DECISION
    except (ValueError, KeyError, TypeError):
        return before


def _number(text: bytes, before: float | None) -> float | None:
    try:
        return float(text)
    except ValueError:
        return before
