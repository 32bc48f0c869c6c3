"""One table: a row per channel, and below it a row per ego."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from laco.report.files import write_bytes, write_json

Row = dict[str, Any]
COLLISIONS = {"collisions_pedestrian": "ped", "collisions_vehicle": "veh", "collisions_layout": "static"}
ENDS = {"route_dev": "deviated", "route_timeout": "timed out", "vehicle_blocked": "blocked"}
SHOWN = {
    "channel": "channel", "ego": "ego", "outcome": "outcome", "routes": "routes", "DS": "DS", "RC": "RC %", "P": "P",
    "hits": "hits", "bytes": "B / message", "rate": "B / s", "p50": "ms p50", "p95": "ms p95", "used": "used %",
    "failed": "failed plans",
}  # fmt: skip
FORMS = {"DS": ".2f", "RC": ".2f", "P": ".3f", "bytes": ".0f", "rate": ".0f", "p50": ".0f", "p95": ".0f", "used": ".1f"}


def rows(channels: Mapping[str, Any]) -> list[Row]:
    """channels: `Summary` of each, by name."""
    found = []
    for name, summary in channels.items():
        found.append(_row(name, "mean", summary, summary["scores"]["all"], summary["messages"]["all"]))
        for ego in summary["egos"]:
            figures = summary["messages"]["egos"].get(str(ego["idx"]))
            found.append(_row("", str(ego["idx"]), ego, ego["scores"], figures))
    return found


def _row(channel: str, ego: str, part: Mapping[str, Any], scores: Any, figures: Any) -> Row:
    counted = part["infractions"]
    row: Row = {"channel": channel, "ego": ego, "outcome": part.get("outcome", ""), "routes": part["routes"]}
    row |= {"DS": None, "RC": None, "P": None} if scores is None else {
        "DS": scores["driving"], "RC": scores["completion"], "P": scores["penalty"]
    }  # fmt: skip
    row |= {name: counted.get(name, 0) for name in (*COLLISIONS, *ENDS, "red_light", "outside_route_lanes")}
    latency = (figures or {}).get("round_trip_ms") or {}
    sent, heard = (figures or {}).get("messages") or {}, (figures or {}).get("heard") or {}
    row |= {"bytes": sent.get("air_per_message"), "rate": sent.get("air_per_s")}
    row |= {"p50": latency.get("p50"), "p95": latency.get("p95")}
    row["used"] = None if heard.get("used") is None else 100.0 * heard["used"]
    row["failed"] = (figures or {}).get("failed_plans")
    row["decisions"] = (figures or {}).get("decisions")
    return row


def shown(row: Row) -> list[str]:
    """A row's cells as people read them."""
    hits = "/".join(str(row[name]) for name in COLLISIONS)
    failed = "-" if row["decisions"] is None else f"{row['failed']}/{row['decisions']}"
    said = {**row, "hits": hits, "failed": failed}
    return [_cell(said[key], FORMS.get(key, "")) for key in SHOWN]


def _cell(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)


def markdown(found: Sequence[Row]) -> str:
    """GitHub's form."""
    heads = list(SHOWN.values())
    lines = [heads, ["---" if i < 3 else "---:" for i in range(len(heads))], *map(shown, found)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def write(folder: Path, everything: Mapping[str, Any], found: Sequence[Row]) -> None:
    """results.json with everything, results.csv and results.md with the table; each whole or not there."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write_json(folder / "results.json", everything)
    write_bytes(folder / "results.csv", text.getvalue().encode())
    write_bytes(folder / "results.md", (markdown(found) + "\n" + LEGEND).encode())


LEGEND = """\
DS = RC x P per route and vehicle, then the mean; P is the product of the infractions' factors (1 - IP of the papers).
hits: pedestrians / vehicles / anything else. B / message and B / s: bytes in the air (payload, metadata, framing;
beacons apart) per message and per second of simulated time, of all egos together in the rows `mean`. ms: wall clock
from the observation to the plan, as the vehicle sees it. used: messages whose content reached a listener's forward
pass, of all that were to be heard. failed plans: decisions in which the vehicle did not drive its model's plan.
"""
