"""What the air did to messages, in figures. Each is defined in docs/metrics.md."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import msgspec

from laco.profiling.ledger import Heard, Line, Split, deliveries, total
from laco.profiling.links import BUDGET
from laco.profiling.spans import quantiles

USED = "used"


def traffic(lines: Sequence[Line], seconds: float) -> dict[str, Any]:
    """Volume of some messages, and what became of them. seconds: simulated time of the run."""
    return {
        "count": len(lines),
        "air_bytes": _plain(total(line.air_bytes for line in lines)),
        "socket_bytes": _plain(total(line.socket_bytes for line in lines)),
        "air_bytes_per_s": _rate(total(line.air_bytes for line in lines).total, seconds),
        "socket_bytes_per_s": _rate(total(line.socket_bytes for line in lines).total, seconds),
        "senders": {name: _sender(theirs, seconds) for name, theirs in _by_sender(lines).items()},
        "delivery": delivery(lines),
    }


def delivery(lines: Sequence[Line], deadline: float = BUDGET) -> dict[str, Any]:
    """Ratios, gaps, ages and missed deadlines over all deliveries. deadline: from being spoken [s]."""
    pairs = list(deliveries(lines))
    whole = [(line, heard) for line, heard in pairs if line.whole(heard)]
    sent, fragments = sum(len(line.chunk_sizes) for line, _ in pairs), sum(h.fragments for _, h in pairs)
    # Everything that did not come whole, and what came later than allowed; a moment for sums of ticks.
    late = sum(_at(heard.delivered_at_s) - line.spoken_at_s > deadline + 1e-6 for line, heard in whole)
    lost = len(pairs) - len(whole)
    parts = [heard.share for _, heard in pairs if heard.status == USED and heard.share < 1.0]
    begun = [heard for _, heard in pairs if heard.chunks]
    return {
        "deliveries": len(pairs),
        "messages_delivered": _share(len(whole), len(pairs)),
        "messages_partial": _share(sum(0 < h.chunks < len(line.chunk_sizes) for line, h in pairs), len(pairs)),
        "chunks_delivered": _share(sum(heard.chunks for _, heard in pairs), sent),
        "fragments_delivered": _share(fragments - sum(h.fragments_lost for _, h in pairs), fragments),
        "messages_used": _share(sum(heard.status == USED for _, heard in pairs), len(pairs)),
        "used_in_part": len(parts),
        "mean_share": fmean(parts) if parts else None,
        "statuses": dict(sorted(Counter(_status(heard) for _, heard in pairs).items())),
        "queue_s": quantiles([h.began_at_s - line.ready_at_s for line, h in pairs if h.began_at_s is not None]),
        "airtime_s": quantiles([_at(h.delivered_at_s) - h.began_at_s for h in begun if h.began_at_s is not None]),
        "air_latency_s": quantiles([_at(h.delivered_at_s) - line.ready_at_s for line, h in pairs if h.chunks]),
        "inter_reception_gap_s": quantiles(gaps(lines)),
        "age_at_use_s": quantiles(ages(lines)),
        "deadline_s": deadline,
        "deadline_missed": _share(lost + late, len(pairs)),
        "deadline_lost": lost,
        "deadline_late": late,
    }


def ages(lines: Sequence[Line]) -> list[float]:
    """Age of information of every message when it was first used [s].

    A decision waits for what comes within its window, in frozen time: what came while it waited is as old as its way
    was long.
    """
    used = [(line, heard) for line, heard in deliveries(lines) if heard.status == USED]
    return [max(heard.age_s, _at(heard.delivered_at_s) - line.spoken_at_s) for line, heard in used]


def gaps(lines: Sequence[Line]) -> list[float]:
    """Times between two receptions in a row, of one listener from one sender [s]."""
    times: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for line, heard in deliveries(lines):
        if heard.chunks:
            times[line.sender, heard.listener, line.kind].append(_at(heard.delivered_at_s))
    return [later - sooner for of_pair in times.values() for sooner, later in pairwise(sorted(of_pair))]


def medium(
    lines: Sequence[Line], seconds: float, ceiling: float | None, busy: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """What all messages together took of the channel.

    ceiling: goodput of the radio [bit/s], None for one without. busy: share of the time during which each vehicle found
    the medium busy, as the air counted it; without it, the time that all air bytes take at the ceiling.
    """
    air = total(line.air_bytes for line in lines).total
    ratios = dict(busy or {})
    if not ratios and ceiling is not None:
        ratios = {"": _rate(8 * air / ceiling, seconds)}
    return {
        "seconds": seconds,
        "air_bits_per_s": _rate(8 * air, seconds),
        "ceiling_bits_per_s": ceiling,
        "channel_busy_ratio": max(ratios.values()) if ratios else None,
        "busy_by_vehicle": ratios if busy else {},
        "busy_source": "air" if busy else "bytes" if ratios else "none",
    }


def _by_sender(lines: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.sender):
        found.setdefault(line.sender, []).append(line)
    return found


def _sender(lines: Sequence[Line], seconds: float) -> dict[str, Any]:
    air, socket = (total(getattr(line, where) for line in lines) for where in ("air_bytes", "socket_bytes"))
    rates = {"air_bytes_per_s": _rate(air.total, seconds), "socket_bytes_per_s": _rate(socket.total, seconds)}
    return {"count": len(lines), "air_bytes": _plain(air), "socket_bytes": _plain(socket), **rates}


def _status(heard: Heard) -> str:
    """How a delivery ended; a stale one with its reason, if it has one."""
    return f"stale, {heard.reason}" if heard.status == "stale" and heard.reason else heard.status


def _plain(split: Split) -> dict[str, int]:
    return msgspec.structs.asdict(split)


def _at(time: float | None) -> float:
    return float("inf") if time is None else time


def _share(part: int, whole: int) -> float | None:
    """None of nothing is no ratio."""
    return part / whole if whole else None


def _rate(amount: float, seconds: float) -> float:
    return amount / seconds if seconds > 0 else 0.0
