"""What a suite's rows come to: a cell per line and scenario, and one for all scenarios together.

Differences are paired: a seed's value is the mean of its twins, a line's is held against its baseline's on the same
seeds of the same scenario. Rows of runs that did not finish count in `unfinished` alone, and take their seed out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from laco.scenarios.statistics import Interval, pooled, ratio
from laco.scenarios.suite.grid import Grid, Line
from laco.scenarios.suite.metrics import COSTS, PAIRED, RATIOS, SCORES, TIMES, TWIN, Read, mean_or_none
from laco.scenarios.suite.spec import BEST_SILENT, Gap
from laco.scenarios.suite.store import Row

POOLED = "all"
JUDGE = "timely_ds"  # what picks the best silent line, and what gaps are measured on


@dataclass(frozen=True)
class Cell:
    """A line on a scenario ("all": on all). values: by metric, None of nothing; differences: to `against`."""

    line: int
    scenario: str
    runs: int
    unfinished: int
    seeds: int
    values: Mapping[str, float | None]
    measured: Mapping[str, float | None]
    against: str = ""
    differences: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class Closed:
    """How much of a gap is closed [%], over the scenarios whose gap's interval is above zero."""

    gap: Gap
    variant: str
    scenarios: tuple[str, ...]
    percent: Interval | None


class Results:
    """A grid with its rows."""

    def __init__(self, grid: Grid, rows: Iterable[Row]) -> None:
        self.grid = grid
        by_key = {row.key: row for row in rows}
        self._rows: dict[tuple[int, str], list[Row]] = {}
        self._planned: dict[tuple[int, str], int] = {}
        for job in grid.jobs:
            where = job.line, job.options.scenario
            self._planned[where] = self._planned.get(where, 0) + 1
            if job.key in by_key:
                self._rows.setdefault(where, []).append(by_key[job.key])

    def cells(self) -> list[Cell]:
        """All of them: line by line, the pooled one first."""
        scenarios = self.grid.scenarios
        places = [(POOLED, scenarios), *((name, (name,)) for name in scenarios)] if len(scenarios) > 1 else [
            (scenarios[0], scenarios)
        ]  # fmt: skip
        return [self._cell(number, name, group) for number in range(len(self.grid.lines)) for name, group in places]

    def _cell(self, number: int, name: str, scenarios: Sequence[str]) -> Cell:
        groups = [self._finished(number, scenario) for scenario in scenarios]
        rows = [row for group in groups for row in group]
        runs = sum(self._planned.get((number, scenario), 0) for scenario in scenarios)
        scores = {n: [_by_seed(group, read, self._twins) for group in groups] for n, read in SCORES.items()}
        values: dict[str, float | None] = {n: _mean(found) for n, found in scores.items()}
        values |= {n: mean_or_none(rows, read) for n, read in TIMES.items()}
        values |= {n: _quotient(rows, above, below) for n, (above, below) in RATIOS.items()}
        warm = [row for row in rows if not row.measured.get("cold")] or rows
        measured = {n: mean_or_none(warm, read) for n, read in COSTS.items()}
        seeds = sum(len(found) for found in scores[JUDGE])
        base = self._baseline(number, scenarios)
        against = "" if base is None else self.grid.title(self.grid.lines[base])
        differences = {} if base is None else self._differences(number, base, scenarios)
        return Cell(number, name, runs, runs - len(rows), seeds, values, measured, against, differences)

    @property
    def _twins(self) -> int:
        return len(self.grid.suite.twin_values())

    def _finished(self, number: int, scenario: str) -> list[Row]:
        return [row for row in self._rows.get((number, scenario), []) if row.finished]

    def _baseline(self, number: int, scenarios: Sequence[str]) -> int | None:
        """The line that this one is held against on these scenarios; None for itself, and where there is none."""
        line = self.grid.lines[number]
        found = self.named(line.setting.against or self.grid.suite.baseline, line, scenarios)
        return None if found == number else found

    def named(self, name: str, like: Line, scenarios: Sequence[str]) -> int | None:
        """The line of a setting, of the same driver, radio and time as another; the best silent one is picked here,
        in its favour, by its score on these very scenarios and seeds."""
        alike = [n for n, line in enumerate(self.grid.lines) if line.variant == like.variant]
        if name != BEST_SILENT:
            return next((n for n in alike if self.grid.lines[n].setting.name == name), None)
        silent = [n for n in alike if self.grid.lines[n].setting.channel == "silent"]
        scores = {n: mean for n in silent if (mean := self._score(n, scenarios)) is not None}
        return max(scores, key=lambda n: scores[n]) if scores else None

    def _score(self, number: int, scenarios: Sequence[str]) -> float | None:
        return _mean([_by_seed(self._finished(number, s), SCORES[JUDGE], self._twins) for s in scenarios])

    def _differences(self, number: int, base: int, scenarios: Sequence[str]) -> dict[str, Interval]:
        found = {name: self._paired(number, base, scenarios, read, None) for name, read in PAIRED.items()}
        found |= {name: self._paired(number, base, scenarios, read, True) for name, read in TWIN.items()}
        return {name: interval for name, interval in found.items() if interval is not None}

    def _paired(
        self, number: int, base: int, scenarios: Sequence[str], read: Read, twin: bool | None
    ) -> Interval | None:
        """Of the differences, seed by seed. twin: of these runs alone; None for the mean of both."""
        groups = [list(self._pairs(number, base, scenario, read, twin).values()) for scenario in scenarios]
        relative = read is TWIN["twin_time_percent"]
        values = [[100.0 * (a / b - 1.0) if relative else a - b for a, b in group] for group in groups if group]
        return pooled(values) if values else None

    def _pairs(
        self, number: int, base: int, scenario: str, read: Read, twin: bool | None = None
    ) -> dict[int, tuple[float, float]]:
        """By seed: the line's value and its baseline's."""
        wanted = self._twins if twin is None else 1
        ours, theirs = (
            _by_seed([r for r in self._finished(n, scenario) if twin in (None, r.twin)], read, wanted)
            for n in (number, base)
        )
        return {seed: (ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())}

    def closed(self) -> list[Closed]:
        """Every gap of the suite, for each driver, radio and time mode."""
        first = {line.variant: line for line in reversed(self.grid.lines)}
        return [self._closed(gap, line) for gap in self.grid.suite.gaps for line in reversed(first.values())]

    def _closed(self, gap: Gap, like: Line) -> Closed:
        everywhere = self.grid.scenarios
        lines = [self.named(name, like, everywhere) for name in (gap.closes, gap.low, gap.high)]
        title = ", ".join(like.variant)
        if any(line is None for line in lines):
            return Closed(gap, title, (), None)
        closes, low, high = (line for line in lines if line is not None)
        groups = {}
        for scenario in everywhere:
            reached = self._pairs(closes, low, scenario, SCORES[JUDGE])
            whole = self._pairs(high, low, scenario, SCORES[JUDGE])
            pairs = [(_gain(reached[s]), _gain(whole[s])) for s in sorted(reached.keys() & whole.keys())]
            if pairs and pooled([[gain for _, gain in pairs]]).low > 0.0:
                groups[scenario] = [(100.0 * part, gain) for part, gain in pairs]
        return Closed(gap, title, tuple(groups), ratio(list(groups.values())) if groups else None)


def _gain(pair: tuple[float, float]) -> float:
    return pair[0] - pair[1]


def _by_seed(rows: Iterable[Row], read: Read, wanted: int) -> dict[int, float]:
    """A seed's mean over its twins, where all of them are there and have a value."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if (value := read(row)) is not None:
            found.setdefault(row.seed, []).append(value)
    return {seed: fmean(values) for seed, values in sorted(found.items()) if len(values) == wanted}


def _mean(groups: Sequence[Mapping[int, float]]) -> float | None:
    """The mean of the groups' means."""
    means = [fmean(group.values()) for group in groups if group]
    return fmean(means) if means else None


def _quotient(rows: Sequence[Row], above: Callable[[Any], float], below: Callable[[Any], float]) -> float | None:
    """Of sums over runs, never a mean of quotients."""
    whole = sum(below(row.figures) for row in rows)
    return sum(above(row.figures) for row in rows) / whole if whole else None
