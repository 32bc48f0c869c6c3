"""The tables of `laco routes`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from laco.report.table import new_table
from laco.scenarios.metrics import timeout
from laco.scenarios.routes.courses import Course
from laco.scenarios.routes.reading import Task

Row = dict[str, Any]


def listed(tasks: Sequence[Task]) -> list[Row]:
    """What files say."""
    return [
        {
            "route": task.id,
            "town": task.town or "-",
            "vehicles": len(task.ways),
            "waypoints": sum(len(way) for way in task.ways),
        }
        for task in tasks
    ]


def planned(courses: Sequence[Course]) -> list[Row]:
    """What becomes of them on a map."""
    rows = []
    for course in courses:
        lengths = [route.length for route in course.layout.routes().values()]
        rows.append(
            {
                "route": course.task.id,
                "map": course.ground.name,
                "vehicles": len(lengths),
                "length m": round(lengths[0], 1),
                "time limit s": timeout(lengths[0]),
            }
        )
    return rows


def scored(found: Mapping[str, Any], scoring: str) -> Iterator[tuple[str, list[Row]]]:
    """Titles and rows of the tables of a summary, by one benchmark's rules."""
    for channel, results in found["channels"].items():
        rows = _together(results) if scoring == "interdrive" else _apart(results)
        yield f"{channel}: {'InterDrive' if scoring == 'interdrive' else 'LangCoop'}'s scores", rows


def _apart(results: Mapping[str, Any]) -> list[Row]:
    """A row per route and vehicle, then each vehicle's mean, then that of all."""
    rows = [
        _row(result["route"], str(number), record["scores"], record["meta"], status=record["status"])
        for result in results["routes"]
        for number, record in enumerate(result["records"])
    ]
    total = results["langcoop"]
    rows += [_mean("mean", str(number), part) for number, part in enumerate(total["vehicles"])]
    return [*rows, _mean("mean", "all", total["all"])]


def _together(results: Mapping[str, Any]) -> list[Row]:
    """A row per route, then the means of InterDrive's groups, then that of all."""
    rows = []
    for result in results["routes"]:
        joint = result["interdrive"]
        success = "yes" if joint["success"] else "no"
        rows.append(_row(result["route"], str(len(result["records"])), joint, joint, success=success))
    total = results["interdrive"]
    parts = {**total["kinds"], **total["groups"], "mean": total["all"]}
    return rows + [_mean(name, "", part, success=f"{100 * part['success']:.1f} %") for name, part in parts.items()]


def _row(
    route: str, vehicle: str, scores: Mapping[str, float], meta: Mapping[str, float], **more: str
) -> Row:
    return {
        "route": route,
        "vehicle": vehicle,
        "DS": f"{scores['score_composed']:.2f}",
        "RC": f"{scores['score_route']:.2f}",
        "P": f"{scores['score_penalty']:.3f}",
        "t s": f"{meta['duration_game']:.1f}",
        **more,
    }


def _mean(name: str, vehicle: str, part: Mapping[str, float], **more: str) -> Row:
    scores = {
        "score_composed": part["driving"],
        "score_route": part["completion"],
        "score_penalty": part["penalty"],
    }
    said = more or {"status": f"of {part['routes']:.0f}"}
    return _row(name, vehicle, scores, {"duration_game": part["time"]}, **said)


def table(title: str, rows: Sequence[Row]) -> Table:
    """Rows with the same columns."""
    made = new_table(title, *rows[0])
    for row in rows:
        made.add_row(*map(str, row.values()))
    return made
