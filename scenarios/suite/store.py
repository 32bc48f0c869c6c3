"""Rows of finished runs: one JSON line each, on the disk before the next is written, found again by key.

A line that a kill tore is dropped when the store is next opened. One process writes at a time.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from filelock import FileLock, Timeout

from laco.closing import Closing
from laco.errors import ConfigError
from laco.scenarios.suite.answer import FINISHED

ROWS, FREE, LOCK = "rows.jsonl", "free.jsonl", ".lock"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run. figures: `summary.figures` without what is measured, None where the run gave none.

    measured: what another time or machine would show otherwise: wall_s, cpu_s, joules, source (of the joules), cold
    (the hosts had not loaded this driver yet), latency_ms, laco (version).
    """

    key: str
    scenario: str
    seed: int
    twin: bool
    driver: str
    channel: str
    options: dict[str, Any]
    outcome: str = FINISHED  # or agent_lost, world_lost, error, crashed, timeout
    detail: str = ""
    figures: dict[str, Any] | None = None
    measured: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        """Whether its figures count."""
        return self.outcome == FINISHED


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """The unobstructed expert's time on a layout, per ego [s]."""

    key: str
    scenario: str
    seed: int
    twin: bool
    times: dict[str, float]


T = TypeVar("T", Row, Free)


class Store(Closing):
    """The newest row of each key, and a file that grows; `with` lets go of it."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        """fresh: forget what is there. Raises: ConfigError if it cannot be used, or somebody else is writing to it."""
        self._folder = folder
        self._lock = FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(f"another suite is writing to {folder}") from None
        try:
            if fresh:
                for name in (ROWS, FREE):
                    (folder / name).unlink(missing_ok=True)
            self.rows = {row.key: row for row in _opened(folder / ROWS, Row)}
            self.free = {free.key: free for free in _opened(folder / FREE, Free)}
        except BaseException:
            self._lock.release()
            raise

    def add(self, row: Row) -> None:
        """Keep a row; it replaces an older one of its key."""
        _append(self._folder / ROWS, row)
        self.rows[row.key] = row

    def add_free(self, free: Free) -> None:
        """Keep the expert's times on a layout."""
        _append(self._folder / FREE, free)
        self.free[free.key] = free

    def finished(self, key: str) -> bool:
        """Whether the run need not be driven again."""
        return key in self.rows and self.rows[key].finished

    def close(self) -> None:
        self._lock.release()


def rows_in(folder: Path) -> Iterable[Row]:
    """All rows of a store, the newest of each key, without opening it. Raises: ConfigError."""
    path = folder / ROWS
    return {row.key: row for row in _parsed(path, _whole(path), Row)}.values()


def _opened(path: Path, kind: type[T]) -> list[T]:
    """What is in a file; a torn last line is cut off."""
    whole = _whole(path)
    if path.exists() and path.stat().st_size != len(whole):
        os.truncate(path, len(whole))
    return _parsed(path, whole, kind)


def _whole(path: Path) -> bytes:
    """A file up to its last end of a line."""
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def _parsed(path: Path, data: bytes, kind: type[T]) -> list[T]:
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}, line {number}: {error}; --fresh starts over") from error
    return found


def _append(path: Path, value: Row | Free) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(value) + b"\n")
        file.flush()
        os.fsync(file.fileno())
