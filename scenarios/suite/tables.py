"""A suite's table as Markdown, CSV, JSON and a page. Only rows decide what is in it, no clock: the same rows give the
same bytes. Columns with an asterisk are measured: another time or machine shows others."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from laco.scenarios.statistics import Interval
from laco.scenarios.suite.cells import POOLED, Cell, Closed, Results
from laco.scenarios.suite.grid import Grid
from laco.scenarios.suite.metrics import COSTS, PAIRED, RATIOS, SCORES, TIMES, TWIN

VALUES = (*SCORES, *TIMES, *RATIOS)
DIFFERENCES = (*PAIRED, *TWIN)
NOTHING = "-"
NOTE = (
    "A is the first connected vehicle, all the mean over every one. DS is the driving score, RC the completed share of "
    "the route, P the infraction penalty: DS = RC x P. Timely DS = DS x min(1, T_free / T). Differences are paired, to "
    "the line's baseline, with 95 % bootstrap intervals over seeds; a seed's value is the mean of its hazard run and "
    "its hazard-free twin. Columns with * are measured, all others are the same everywhere."
)


@dataclass(frozen=True)
class Column:
    """A column of the shown table."""

    head: str
    show: Callable[[Cell], str]


def _value(name: str, form: str, scale: float = 1.0) -> Callable[[Cell], str]:
    return lambda cell: number(cell.values[name], form, scale)


def _cost(name: str, form: str, none: str = NOTHING) -> Callable[[Cell], str]:
    return lambda cell: number(cell.measured[name], form, 1.0, none)


def _difference(name: str) -> Callable[[Cell], str]:
    return lambda cell: NOTHING if name not in cell.differences else str(cell.differences[name])


def number(value: float | None, form: str, scale: float = 1.0, none: str = NOTHING) -> str:
    """A figure, or that there is none."""
    return none if value is None else format(value * scale, form)


def _times(cell: Cell) -> str:
    return f"{number(cell.values['hazard_time_s'], '.2f')} / {number(cell.values['twin_time_s'], '.2f')}"


MAIN = (
    Column("A timely DS", _value("timely_ds", ".1f")),
    Column("A difference", _difference("timely_ds")),
    Column("all timely DS", _value("fleet_timely_ds", ".1f")),
    Column("all difference", _difference("fleet_timely_ds")),
    Column("A DS", _value("ds", ".1f")),
    Column("A RC %", _value("rc", ".1f")),
    Column("A P", _value("penalty", ".2f")),
    Column("collisions per vehicle", _value("collisions", ".3f")),
    Column("success %", _value("success", ".0f")),
    Column("A time s, hazard / twin", _times),
    Column("air B per message", _value("air_bytes", ".0f")),
    Column("foreign tokens per decision", _value("foreign_tokens", ".1f")),
    Column("delivered %", _value("delivered", ".1f", 100.0)),
    Column("runs", lambda cell: str(cell.runs)),
    Column("unfinished", lambda cell: str(cell.unfinished)),
    Column("CPU s per run*", _cost("cpu_s", ".1f")),
    Column("J per run*", _cost("joules", ".1f", "n/a")),
)
TWINS = (
    Column("A DS", _difference("twin_ds")),
    Column("all DS", _difference("twin_fleet_ds")),
    Column("A route time %", _difference("twin_time_percent")),
)


def title_of(grid: Grid, cell: Cell) -> str:
    """A line's name."""
    return grid.title(grid.lines[cell.line])


@dataclass(frozen=True)
class Section:
    """A table under a heading."""

    heading: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(results: Results, cells: Sequence[Cell], closed: Sequence[Closed]) -> list[Section]:
    """Everything that is shown: all scenarios together, each alone, the twins, and the gaps."""
    grid = results.grid
    places = list(dict.fromkeys(cell.scenario for cell in cells))
    found = [_section(grid, "All scenarios" if p == POOLED else p, MAIN, [c for c in cells if c.scenario == p])
             for p in places]  # fmt: skip
    twins = [cell for cell in cells if cell.scenario == places[0] and any(name in cell.differences for name in TWIN)]
    if twins:
        found.append(_section(grid, "Hazard-free twins, differences to the baseline", TWINS, twins))
    if closed:
        heads = ("gap closed", "driver, radio, time", "percent", "on scenarios")
        found.append(Section("Gaps in A's timely DS", heads, tuple(map(_gap, closed))))
    return found


def _section(grid: Grid, heading: str, columns: Sequence[Column], cells: Sequence[Cell]) -> Section:
    rows = tuple((title_of(grid, cell), cell.against or NOTHING, *(c.show(cell) for c in columns)) for cell in cells)
    return Section(heading, ("setting", "baseline", *(c.head for c in columns)), rows)


def _gap(closed: Closed) -> tuple[str, ...]:
    gap = closed.gap
    where = ", ".join(closed.scenarios) or NOTHING
    return f"{gap.closes}, from {gap.low} to {gap.high}", closed.variant, _plain(closed.percent), where


def _plain(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{interval.mean:.0f} [{interval.low:.0f}, {interval.high:.0f}]"


def markdown(shown: Sequence[Section]) -> str:
    """For a README or a terminal."""
    parts = [NOTE]
    for section in shown:
        lines = [_line(section.heads), "|---|" + "---|" * (len(section.heads) - 1), *map(_line, section.rows)]
        parts += [f"## {section.heading}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def records(results: Results, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """A flat record per cell, all figures in full. Measured ones have an asterisk in their names."""
    return [_record(results.grid, cell) for cell in cells]


def _record(grid: Grid, cell: Cell) -> dict[str, Any]:
    line = grid.lines[cell.line]
    named = {"scenario": cell.scenario, "setting": line.setting.name, "driver": line.driver, "radio": line.radio,
             "time": line.time, "channel": line.setting.channel, "baseline": cell.against}  # fmt: skip
    counted = {"seeds": cell.seeds, "runs": cell.runs, "unfinished": cell.unfinished}
    differences: dict[str, float | None] = {}
    for name in DIFFERENCES:
        interval = cell.differences.get(name)
        differences |= {
            f"{name}_difference": None if interval is None else interval.mean,
            f"{name}_low": None if interval is None else interval.low,
            f"{name}_high": None if interval is None else interval.high,
        }
    measured = {f"{name}*": cell.measured[name] for name in COSTS}
    return {**named, **counted, **{name: cell.values[name] for name in VALUES}, **differences, **measured}


def table_csv(found: Sequence[Mapping[str, Any]]) -> str:
    """The records, a line each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def summary(results: Results, found: Sequence[Mapping[str, Any]], closed: Sequence[Closed]) -> dict[str, Any]:
    """The table for machines."""
    grid = results.grid
    gaps = [
        {
            "closes": one.gap.closes,
            "low": one.gap.low,
            "high": one.gap.high,
            "variant": one.variant,
            "scenarios": list(one.scenarios),
            "percent": one.percent and [one.percent.mean, one.percent.low, one.percent.high],
        }
        for one in closed
    ]
    return {"scenarios": list(grid.scenarios), "seeds": list(grid.seeds), "cells": list(found), "gaps": gaps}
