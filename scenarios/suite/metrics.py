"""What the table shows of a row, by name. Percent, seconds, bytes; None where a run has no such value."""

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from laco.scenarios.suite.store import Row

Read = Callable[[Row], float | None]
Figures = Mapping[str, Any]


def _figures(row: Row) -> Figures:
    return row.figures or {}


def _first(row: Row) -> Figures:
    """Ego A's."""
    found: Figures = next(iter(_figures(row)["egos"].values()))
    return found


def _of_first(name: str) -> Read:
    return lambda row: float(_first(row)[name])


def _of_fleet(name: str) -> Read:
    return lambda row: float(_figures(row)["fleet"][name])


def _success(row: Row) -> float:
    """100 where every ego completed its route without a collision."""
    egos = _figures(row)["egos"].values()
    return 100.0 * all(ego["status"] == "completed" and not ego["collisions"] for ego in egos)


def _time(twin: bool) -> Read:
    return lambda row: float(_first(row)["time_s"]) if row.twin is twin else None


def _delivered(figures: Figures) -> float:
    found = figures["messages"]["delivery"]
    return float((found["messages_delivered"] or 0.0) * found["deliveries"])


SCORES: dict[str, Read] = {
    "timely_ds": _of_first("timely_driving_score"),
    "fleet_timely_ds": _of_fleet("timely_driving_score"),
    "ds": _of_first("driving_score"),
    "fleet_ds": _of_fleet("driving_score"),
    "rc": _of_first("route_completion"),
    "penalty": _of_first("infraction_penalty"),
    "collisions": _of_fleet("collisions"),  # per vehicle and run
    "success": _success,
}
TIMES: dict[str, Read] = {"hazard_time_s": _time(False), "twin_time_s": _time(True)}
RATIOS: dict[str, tuple[Callable[[Any], float], Callable[[Any], float]]] = {
    "air_bytes": (lambda f: f["messages"]["air_bytes"]["total"], lambda f: f["messages"]["count"]),
    "foreign_tokens": (lambda f: f["foreign_tokens"], lambda f: f["decisions"]),
    "delivered": (_delivered, lambda f: f["messages"]["delivery"]["deliveries"]),
}
COSTS: dict[str, Read] = {
    "cpu_s": lambda row: row.measured.get("cpu_s"),
    "joules": lambda row: row.measured.get("joules"),
    "wall_s": lambda row: row.measured.get("wall_s"),
}
PAIRED = {name: SCORES[name] for name in ("timely_ds", "fleet_timely_ds", "ds", "collisions")}
TWIN: dict[str, Read] = {
    "twin_ds": SCORES["ds"],
    "twin_fleet_ds": SCORES["fleet_ds"],
    "twin_time_percent": _of_first("time_s"),
}


def mean_or_none(rows: Iterable[Row], read: Read) -> float | None:
    """Over the runs that have a value."""
    values = [value for row in rows if (value := read(row)) is not None]
    return fmean(values) if values else None
