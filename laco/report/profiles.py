"""What `laco profile` prints and draws: a table and plots per subject, from its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from laco.comm.radio.presets import find
from laco.profiling.links import BUDGET, budget
from laco.profiling.runs import Radio
from laco.report import plots
from laco.report.table import new_table

Rows = Sequence[Mapping[str, Any]]
HELD = ("dsrc_6m", "cv2x_pc5", "nr_25")
"""Radios whose budget a table tells."""


def codecs_table(model: str, rows: Rows) -> Table:
    """A row per codec."""
    held = [f"{name}\ntokens" for name in HELD]
    heads = ("codec", "bytes\n/token", "ratio", "error", "KL\nnats", "encode\nMB/s", "decode\nMB/s")
    table = new_table(f"Codecs on caches of {model}; tokens that radios carry in {1000 * BUDGET:.0f} ms", *heads, *held)
    for row in rows:
        if row["note"]:
            table.add_row(row["codec"], "-", "-", "-", "-", "-", "-", *["-"] * len(HELD))
            continue
        kl = "-" if row["kl"] is None else f"{row['kl']:.2g}"
        speeds = (f"{row['encode_mb_s']:.0f}", f"{row['decode_mb_s']:.0f}")
        tokens = [f"{budget(find(name)) / row['bytes_per_token']:.0f}" for name in HELD]
        rate = (f"{row['bytes_per_token']:.0f}", f"{row['ratio']:.2f}", f"{row['error']:.1e}")
        table.add_row(row["codec"], *rate, kl, *speeds, *tokens)
    notes = [f"{row['codec']}: {row['note']}" for row in rows if row["note"]]
    table.caption = "\n".join(notes) or None
    return table


def codecs_plot(rows: Rows, tokens: int) -> bytes:
    """KL where it was measured, else the relative error."""
    if any(row["kl"] is not None for row in rows):
        return plots.rate_distortion(rows, tokens, "kl", "KL(exact || decoded) of the listener [nats per token]")
    return plots.rate_distortion(rows, tokens, "error", "relative error of keys and values")


def transport_table(rows: Rows) -> Table:
    """A row per size and case."""
    heads = ("case", "payload\nbytes", "chunks", "publish\np50", "received\np50", "decoded\np50", "p90", "p99")
    table = new_table("From `publish` on, over loopback TCP [ms]", *heads, "ratio", "added\nus")
    for row in rows:
        times = (row["publish"]["p50"], row["received"]["p50"], *(row["total"][key] for key in ("p50", "p90", "p99")))
        cells = [str(row["payload"]), str(row["chunks"]), *(f"{time:.4g}" for time in times)]
        table.add_row(row["case"], *cells, f"{row['ratio']:.2f}", f"{row['added']:+.0f}")
    return table


def transport_plot(rows: Rows) -> bytes:
    return plots.ratios(rows, "pyzmq")


def decision_table(found: Mapping[str, Any]) -> Group:
    """A table per channel."""
    tables = []
    for name, figures in found.items():
        attach = figures["attach_ms"]
        title = name if attach is None else f"{name}; attaching what was heard adds {attach:+.2f} ms to infer"
        table = new_table(f"{title} [ms]", "stage", "count", "p50", "p90", "p99", "max", "clock")
        phases = [{"stage": key, "simulated": False, **ms} for key, ms in figures["phases_ms"].items()]
        for row in (*figures["stages"], *phases):
            times = [f"{row[key]:.2f}" for key in ("p50", "p90", "p99", "max")]
            table.add_row(row["stage"], str(row["count"]), *times, "simulated" if row["simulated"] else "wall")
        tables.append(table)
    return Group(*tables)


def decision_plot(found: Mapping[str, Any]) -> bytes:
    stages = {
        name: [(row["stage"], row, row["simulated"]) for row in figures["stages"]] for name, figures in found.items()
    }
    return plots.waterfall({name: rows for name, rows in stages.items() if rows})


def radio_table(found: Radio) -> Group:
    """Volume, delivery and times."""
    volume = new_table(
        f"Volume on {found.radio.preset}", "", "sent", "air bytes\neach", "kB/s\nin all", "busy\n%", "of the\nceiling %"
    )
    air = new_table(
        "Deliveries [%]", "", "count", "whole", "part", "chunks", "fragments", "used", "late", "lost", "missed"
    )
    times = new_table(
        "Times on the simulation clock [ms]: p50 / p99 / max", "", "queue", "air latency", "gap", "age at use"
    )
    for run, figures in found.figures.items():
        shared = figures["medium"]
        for title, part in figures.items():
            if title == "medium" or not part["count"]:
                continue
            name, d, each = f"{run} {title}", part["delivery"], part["air_bytes"]["total"] / part["count"]
            used = (
                _percent(shared["air_bits_per_s"] / shared["ceiling_bits_per_s"])
                if shared["ceiling_bits_per_s"]
                else "-"
            )
            busy, rate = _percent(shared["channel_busy_ratio"]), part["air_bytes_per_s"] / 1000
            volume.add_row(name, str(part["count"]), f"{each:.0f}", f"{rate:.1f}", busy, used)
            shares = (
                "messages_delivered",
                "messages_partial",
                "chunks_delivered",
                "fragments_delivered",
                "messages_used",
            )
            counts = (str(d["deadline_late"]), str(d["deadline_lost"]), _percent(d["deadline_missed"]))
            air.add_row(name, str(d["deliveries"]), *(_percent(d[key]) for key in shares), *counts)
            keys = ("queue_s", "air_latency_s", "inter_reception_gap_s", "age_at_use_s")
            times.add_row(name, *(_spread(d[key]) for key in keys))
    return Group(volume, air, times)


def ages_plot(found: Radio) -> bytes:
    return plots.ages(found.ages)


def load_plot(found: Radio) -> bytes:
    return plots.load(found.load, found.radio, found.heaviest)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _spread(q: Mapping[str, float]) -> str:
    return "-" if not q["count"] else " / ".join(f"{1000 * q[key]:.0f}" for key in ("p50", "p99", "max"))
