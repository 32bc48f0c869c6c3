"""A recorded link: rate, loss and delay over time, from a CSV file.

The first line is `t,rate,loss,delay`; each further one holds from its time [s] until the next: rate [Mb/s] (0: nothing
goes out), loss (share of fragments, 0..1) and delay [s], added to what the air takes. The last line holds for ever.
"""

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from laco.comm.radio.base import NEVER
from laco.errors import ConfigError

COLUMNS = ("t", "rate", "loss", "delay")


class Row(NamedTuple):
    """t [s], rate [Mb/s], loss 0..1, delay [s]."""

    t: float
    rate: float
    loss: float
    delay: float


class Trace:
    """The rows of one file, ascending in time, the first at 0."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._times = [row.t for row in rows]

    @classmethod
    def read(cls, path: str) -> "Trace":
        """Raises: ConfigError, with the number of the line, for a file that cannot be used."""
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                return cls(list(_rows(path, csv.reader(file))))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"trace {path} cannot be read: {error}") from error

    def at(self, t: float) -> Row:
        """What holds at `t` [s]."""
        return self.rows[max(bisect_right(self._times, t) - 1, 0)]

    def open_from(self, t: float) -> float:
        """The first time from `t` on at which something can go out [s], infinity if none comes."""
        start = max(bisect_right(self._times, t) - 1, 0)
        return next((max(t, row.t) for row in self.rows[start:] if row.rate > 0.0), NEVER)


def _rows(path: str, lines: Iterable[list[str]]) -> Iterable[Row]:
    last = -1.0
    number = 0
    for number, cells in enumerate(lines, 1):
        if number == 1:
            if tuple(cell.strip() for cell in cells) != COLUMNS:
                raise ConfigError(f"{path}:1: the first line must be {','.join(COLUMNS)}")
            continue
        row = _row(f"{path}:{number}", cells)
        if number == 2 and row.t != 0.0:
            raise ConfigError(f"{path}:2: the first time must be 0")
        if row.t <= last:
            raise ConfigError(f"{path}:{number}: time {row.t:g} does not come after {last:g}")
        last = row.t
        yield row
    if number < 2:
        raise ConfigError(f"{path}: no line after the first")


def _row(where: str, cells: list[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ConfigError(f"{where}: {len(cells)} columns, not {len(COLUMNS)}")
    try:
        row = Row(*map(float, cells))
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
    for name, value in row._asdict().items():
        if not (math.isfinite(value) and value >= 0.0):
            raise ConfigError(f"{where}: {name} must be a number from 0, not {value:g}")
    if row.loss > 1.0:
        raise ConfigError(f"{where}: loss must be at most 1, not {row.loss:g}")
    return row
