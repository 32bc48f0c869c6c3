"""A run in figures: for `result.json`, `messages.jsonl` and the table. Defined in docs/metrics.md."""

from collections.abc import Iterable
from statistics import fmean
from typing import Any

import msgspec

from laco.agents.channels.rate import Way
from laco.agents.messages import Receipt, Sent
from laco.comm.radio import BEACON
from laco.profiling.links import ceiling
from laco.profiling.radio import medium, traffic
from laco.profiling.spans import percentiles
from laco.scenarios.delivery import delivery
from laco.scenarios.delivery import medium as air_counters
from laco.scenarios.ledger import lines
from laco.scenarios.metrics import Drive
from laco.scenarios.session import Result


def ego_figures(drive: Drive, free: float | None) -> dict[str, Any]:
    """One ego's scores."""
    return {
        "status": drive.status,
        "driving_score": drive.score,
        "timely_driving_score": drive.timely(free),
        "route_completion": drive.completion,
        "infraction_penalty": drive.penalty,
        "collisions": len(drive.collisions),
        "collided_with": sorted(collision.kind for collision in drive.collisions),
        "time_s": drive.time,
        "free_time_s": free,
        "hazard_first_seen_s": drive.seen_hazard,
    }


SCORES = ("driving_score", "timely_driving_score", "route_completion", "infraction_penalty")
MEANS = (*SCORES, "collisions", "time_s")


def figures(result: Result) -> dict[str, Any]:
    """All figures of a run, ready for JSON."""
    record, messages = result.record, result.messages
    ledger = lines(result.options.channel, messages)
    seconds = max(drive.time for drive in record.drives.values())
    said = traffic([line for line in ledger if line.kind == result.options.channel], seconds)
    busy = {name: time / messages.elapsed for name, time in messages.busy.items() if messages.elapsed and time}
    egos = {name: ego_figures(drive, result.free.get(name)) for name, drive in record.drives.items()}
    return {
        "channel": result.options.channel,
        "driver": result.options.driver,
        "payload": result.options.payload,
        "seed": result.options.seed,
        "twin": result.options.twin,
        "caution": result.options.caution,
        "outcome": record.outcome,
        "detail": record.detail,
        "egos": egos,
        "fleet": {key: fmean(float(ego[key]) for ego in egos.values()) for key in MEANS},
        "latency_ms": {name: percentiles(spans) for name, spans in sorted(messages.spans.items())},
        "messages": said | {"generated": sum(s.generated for s in messages.sent)},
        "ways": _ways(messages.sent),
        "beacons": traffic([line for line in ledger if line.kind == BEACON], seconds),
        "medium": medium(ledger, seconds, ceiling(result.options.radio), busy),
        "receipts": _statuses(messages.receipts),
        "delivery": {
            name: delivery(messages.fates, messages.receipts, kind)
            for name, kind in (("messages", result.options.channel), ("beacons", BEACON))
        },
        "air": air_counters(messages.air, messages.busy, messages.elapsed),
        "foreign_tokens": sum(messages.foreign_tokens),
        "decisions": len(messages.foreign_tokens),
        "failed_plans": messages.failed_plans,
        "counters": dict(sorted(messages.counters.items())),
        "refused_connections": sum(messages.refused.values()),
    }


def _ways(sent: Iterable[Sent]) -> list[dict[str, Any]]:
    """How caches were sent: each codec, share of tokens and layers that occurred, the commonest first."""
    found: dict[Way, list[Sent]] = {}
    for one in sent:
        if one.way is not None:
            found.setdefault(one.way, []).append(one)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0].codec, -item[0].keep))
    return [
        {
            **msgspec.to_builtins(way),
            "keep": round(way.keep, 6),
            "count": len(those),
            "air_bytes": sum(one.air.total for one in those),
        }
        for way, those in ordered
    ]


def _statuses(receipts: Iterable[Receipt]) -> dict[str, dict[str, int]]:
    """How many messages of each kind met which fate."""
    found: dict[str, dict[str, int]] = {}
    for receipt in receipts:
        of_kind = found.setdefault(receipt.kind, {})
        of_kind[receipt.status] = of_kind.get(receipt.status, 0) + 1
    return found


def message_lines(result: Result) -> Iterable[dict[str, Any]]:
    """One entry per transmission, with what became of it at each listener."""
    return map(msgspec.to_builtins, lines(result.options.channel, result.messages))
