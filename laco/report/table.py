"""What `laco run` prints: safety, latency and bytes, a row or a column per channel."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

Figures = Mapping[str, Any]
STAGES = ("prefill", "speak", "deliberate", "share", "embed", "encode", "publish", "receive", "decode", "infer")
PHASES = ("phase beacon", "phase speak", "phase listen")
SCORES = (
    ("DS", "driving_score", ".1f"),
    ("timely", "timely_driving_score", ".1f"),
    ("RC %", "route_completion", ".1f"),
    ("P", "infraction_penalty", ".2f"),
    ("hit", "collisions", ".3g"),
    ("t", "time_s", ".1f"),
)
ABREAST = 4  # channels beside each other in the table of latencies
WIDTH = 80  # [columns] below which figures would be cut


def results(channels: Mapping[str, Figures]) -> Group:
    """Everything about each channel, by its title."""
    names = list(channels)
    parts = [{n: channels[n] for n in names[i : i + ABREAST]} for i in range(0, len(names), ABREAST)]
    tables = (_scores(channels), *map(_latency, parts), _bytes(channels), _air(channels))
    return Group(*tables, *_delivery(channels))


def console() -> Console:
    """Standard output, wide enough for the tables."""
    found = Console()
    found.width = max(found.width, WIDTH)
    return found


def new_table(title: str, *heads: str) -> Table:
    """An empty table as all of ours are: narrow, the first column a name, the others figures."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.padding, table.pad_edge = 0, False  # twelve figures in 80 columns
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True)
    return table


def _scores(channels: Mapping[str, Figures]) -> Table:
    """Ego A and the fleet mean in columns of their own."""
    heads = [f"{who}\n{name}" for who in ("A", "all") for name, _, _ in SCORES]
    table = new_table("Safety and route time t [s]: ego A, and the mean of all", "channel", *heads)
    for channel, figures in channels.items():
        first = next(iter(figures["egos"].values()))
        cells = [format(part[key], form) for part in (first, figures["fleet"]) for _, key, form in SCORES]
        table.add_row(channel, *cells)
    return table


def _latency(channels: Mapping[str, Figures]) -> Table:
    table = new_table("Wall-clock latency [ms], p50 / p90", "span", *channels)
    for stage in (*STAGES, *PHASES):
        found = [figures["latency_ms"].get(stage) for figures in channels.values()]
        if any(found):
            table.add_row(stage, *(f"{_ms(f['p50'])} / {_ms(f['p90'])}" if f else "-" for f in found))
    return table


def _ms(value: float) -> str:
    """Milliseconds; a second and more without decimals."""
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _bytes(channels: Mapping[str, Figures]) -> Table:
    table = new_table(
        "Messages between vehicles [bytes each]",
        "channel",
        "sent",
        "used",
        "payload",
        "metadata",
        "framing",
        "air",
        "socket",
        "foreign\ntokens",
    )
    for channel, figures in channels.items():
        used = figures["receipts"].get(channel, {}).get("used", 0)
        _message_row(table, channel, figures["messages"], str(used), str(figures["foreign_tokens"]))
    beacons = next(iter(channels.values()))
    heard = beacons["receipts"].get("beacon", {}).get("used", 0)
    _message_row(table, "(beacon)", beacons["beacons"], str(heard), "")
    return table


def _delivery(channels: Mapping[str, Figures]) -> list[Table]:
    """What the air did, where it did anything: nothing to say of one that loses and delays nothing."""
    rows = [(name, f["delivery"]["messages"]) for name, f in channels.items()]
    rows += [(f"({name})", f["delivery"]["beacons"]) for name, f in channels.items()]
    trouble = ("used_in_part", "air_lost", "overtaken", "too_old", "still_queued")
    if not any(row[key] for _, row in rows for key in trouble):
        return []
    heads = ("frag-\nments", "came\n%", "mess-\nages", "came\n%", "used\nwhole", "in\npart", "share\n%")
    ends = ("lost", "over-\ntaken", "too\nold", "queu-\ned")
    table = new_table("What the air did, per listener; (beacons) below", "channel", *heads, *ends)
    for name, row in rows:
        sent = (row["fragments"]["sent"], _percent(row["fragment_delivery"]))
        came = (row["messages"], _percent(row["message_delivery"]))
        used = (row["used_whole"], row["used_in_part"], _percent(row["mean_share"]))
        cells = (*sent, *came, *used, row["air_lost"], row["overtaken"], row["too_old"], row["still_queued"])
        table.add_row(name, *map(str, cells))
    return [table]


def _message_row(table: Table, name: str, counted: Mapping[str, Any], used: str, tokens: str) -> None:
    """payload and metadata are the same in the air and on a socket; framing is the socket's."""
    count = counted["count"]
    if not count:
        table.add_row(name, "0", *["-"] * 6, tokens)
        return
    air, socket = counted["air_bytes"], counted["socket_bytes"]
    cells = [air["payload"], air["metadata"], socket["framing"], air["total"], socket["total"]]
    table.add_row(name, str(count), used, *(f"{cell / count:.0f}" for cell in cells), tokens)


def _air(channels: Mapping[str, Figures]) -> Table:
    """What the air did: ratios in percent of all deliveries, gaps and ages in simulated milliseconds."""
    ratios = ("whole\n%", "chunks\n%", "used\n%", "late or\nlost %")
    title = "In the air: ratios of deliveries; times on the simulation clock [ms]"
    table = new_table(title, "channel", *ratios, "gap\np50 / p99", "age at use\np50 / p99", "air\nkB/s", "busy\n%")
    for channel, figures in channels.items():
        _air_row(table, channel, figures["messages"], figures["medium"]["channel_busy_ratio"])
    _air_row(table, "(beacon)", next(iter(channels.values()))["beacons"], None)
    return table


def _air_row(table: Table, name: str, counted: Mapping[str, Any], busy: float | None) -> None:
    d = counted["delivery"]
    shares = [d[key] for key in ("messages_delivered", "chunks_delivered", "messages_used", "deadline_missed")]
    spreads = [_spread(d[key]) for key in ("inter_reception_gap_s", "age_at_use_s")]
    rate = f"{counted['air_bytes_per_s'] / 1000:.1f}"
    table.add_row(name, *map(_percent, shares), *spreads, rate, _percent(busy))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _spread(found: Mapping[str, float]) -> str:
    """p50 and p99 [ms] of values in seconds."""
    return f"{1000 * found['p50']:.0f} / {1000 * found['p99']:.0f}" if found["count"] else "-"
