"""The table that `laco run` prints: one column per channel."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

Figures = Mapping[str, Any]
Row = tuple[str, Callable[[Figures], str]]
STAGES = ("phase speak", "deliberate", "share", "encode", "publish", "receive", "decode", "infer", "phase listen")


def results(columns: Mapping[str, Figures]) -> Table:
    """Scores, latency, bytes and use of each channel, by column title."""
    table = Table(title=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for title in columns:
        table.add_column(title, justify="right")
    for section in (_scores(), _latency(columns), _bytes()):
        for label, read in section:
            table.add_row(label, *(read(figures) for figures in columns.values()))
        table.add_section()
    return table


def _scores() -> list[Row]:
    def ego(key: str, form: str) -> Callable[[Figures], str]:
        return lambda f: format(next(iter(f["egos"].values()))[key], form)

    def fleet(key: str, form: str) -> Callable[[Figures], str]:
        return lambda f: format(f["fleet"][key], form)

    rows: list[Row] = []
    for label, key, form in (
        ("driving score DS", "driving_score", ".1f"),
        ("timely DS", "timely_driving_score", ".1f"),
        ("route completion RC %", "route_completion", ".1f"),
        ("infraction penalty P", "infraction_penalty", ".2f"),
        ("collisions", "collisions", ".3g"),
        ("route time s", "time_s", ".1f"),
    ):
        rows += [(f"A      {label}", ego(key, form)), (f"fleet  {label}", fleet(key, form))]
    return [*sorted(rows, key=lambda row: row[0][:5] != "A    "), ("outcome", lambda f: str(f["outcome"]))]


def _latency(columns: Mapping[str, Figures]) -> list[Row]:
    def read(stage: str) -> Callable[[Figures], str]:
        def cell(figures: Figures) -> str:
            found = figures["latency_ms"].get(stage)
            return "-" if not found or not found["count"] else f"{found['p50']:.1f} / {found['p90']:.1f}"

        return cell

    used = [s for s in STAGES if any(s in f["latency_ms"] for f in columns.values())]
    return [(f"ms p50/p90  {stage}", read(stage)) for stage in used]


def _bytes() -> list[Row]:
    def mean(where: str) -> Callable[[Figures], str]:
        def cell(figures: Figures) -> str:
            counted = figures["messages"]
            if not counted["count"]:
                return "-"
            parts: Sequence[float] = [
                counted[where][part] / counted["count"] for part in ("payload", "metadata", "framing")
            ]
            return f"{sum(parts):.0f} = " + " + ".join(f"{part:.0f}" for part in parts)

        return cell

    def beacon(figures: Figures) -> str:
        counted = figures["beacons"]
        return "-" if not counted["count"] else f"{counted['air_bytes']['total'] / counted['count']:.0f}"

    def used(figures: Figures) -> str:
        of_kind = figures["receipts"].get(figures["channel"], {})
        return f"{of_kind.get('used', 0)} of {sum(of_kind.values())}" if of_kind else "-"

    return [
        ("messages sent", lambda f: str(f["messages"]["count"])),
        ("messages used by listeners", used),
        ("air bytes/message = payload + metadata + framing", mean("air_bytes")),
        ("socket bytes/message, the same split", mean("socket_bytes")),
        ("air bytes/beacon (every channel)", beacon),
        ("foreign tokens used", lambda f: str(f["foreign_tokens"])),
    ]
