"""A run in figures: for `result.json`, `messages.jsonl` and the table. Defined in docs/metrics.md."""

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from laco.agents.channels.rate import Way
from laco.agents.messages import Receipt, Sent
from laco.comm import Bytes
from laco.profiling.spans import percentiles
from laco.scenarios.delivery import delivery, medium
from laco.scenarios.metrics import Drive
from laco.scenarios.session import Result

BEACON = "beacon"


def ego_figures(drive: Drive, free: float | None) -> dict[str, Any]:
    """One ego's scores."""
    return {
        "status": drive.status,
        "driving_score": drive.score,
        "timely_driving_score": drive.timely(free),
        "route_completion": drive.completion,
        "infraction_penalty": drive.penalty,
        "collisions": len(drive.collisions),
        "collided_with": sorted(drive.collisions.values()),
        "time_s": drive.time,
        "free_time_s": free,
        "hazard_first_seen_s": drive.seen_hazard,
    }


SCORES = ("driving_score", "timely_driving_score", "route_completion", "infraction_penalty")
MEANS = (*SCORES, "collisions", "time_s")


def figures(result: Result) -> dict[str, Any]:
    """All figures of a run, ready for JSON."""
    record, messages = result.record, result.messages
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
        "messages": _counted(messages.sent, result.options.channel),
        "ways": _ways(messages.sent),
        "beacons": _counted(messages.sent, BEACON),
        "receipts": _statuses(messages.receipts),
        "delivery": {
            name: delivery(messages.fates, messages.receipts, kind)
            for name, kind in (("messages", result.options.channel), ("beacons", BEACON))
        },
        "air": medium(messages.air, messages.busy, messages.elapsed),
        "foreign_tokens": sum(messages.foreign_tokens),
        "decisions": len(messages.foreign_tokens),
        "failed_plans": messages.failed_plans,
    }


def _counted(sent: Iterable[Sent], kind: str) -> dict[str, Any]:
    """Count, words or latent steps, and total bytes in the air and on sockets, of the messages of one kind."""
    chosen = [s for s in sent if s.manifest.kind == kind]
    air, socket = (sum((getattr(s, where) for s in chosen), Bytes()) for where in ("air", "socket"))
    generated = sum(s.generated for s in chosen)
    return {"count": len(chosen), "generated": generated, "air_bytes": split(air), "socket_bytes": split(socket)}


def _ways(sent: Iterable[Sent]) -> list[dict[str, Any]]:
    """How caches were sent: each codec, share of tokens and layers that occurred, the commonest first."""
    found: dict[Way, list[Sent]] = {}
    for one in sent:
        if one.way is not None:
            found.setdefault(one.way, []).append(one)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0].codec, -item[0].keep))
    return [
        {**way_of(way), "count": len(those), "air_bytes": sum(one.air.total for one in those)} for way, those in ordered
    ]


def way_of(way: Way) -> dict[str, Any]:
    """A way to send a cache, as a line shows it."""
    return {"codec": way.codec, "keep": round(way.keep, 6), "layers": list(way.layers)}


def split(count: Bytes) -> dict[str, int]:
    """Bytes by purpose."""
    return {
        "payload": count.payload,
        "metadata": count.metadata,
        "framing": count.framing,
        "total": count.total,
    }


def _statuses(receipts: Iterable[Receipt]) -> dict[str, dict[str, int]]:
    """How many messages of each kind met which fate."""
    found: dict[str, dict[str, int]] = {}
    for receipt in receipts:
        of_kind = found.setdefault(receipt.kind, {})
        of_kind[receipt.status] = of_kind.get(receipt.status, 0) + 1
    return found


def message_lines(result: Result) -> Iterable[dict[str, Any]]:
    """One entry per transmission, with what became of it at each listener."""
    heard: dict[tuple[str, int], list[Receipt]] = {}
    for receipt in result.messages.receipts:
        heard.setdefault((receipt.sender, receipt.seq), []).append(receipt)
    for sent in result.messages.sent:
        m = sent.manifest
        yield {
            "channel": result.options.channel,
            "kind": m.kind,
            "sender": m.sender,
            "addressee": m.addressee,
            "seq": m.seq,
            "spoken_at_s": m.spoken_at,
            **({} if sent.way is None else way_of(sent.way)),
            "air_bytes": split(sent.air),
            "socket_bytes": split(sent.socket),
            "heard": [_heard(r) for r in heard.get((m.sender, m.seq), [])],
        }


def _heard(receipt: Receipt) -> Mapping[str, Any]:
    line = {"listener": receipt.listener, "status": receipt.status, "age_s": round(receipt.age, 6)}
    if receipt.share < 1.0:
        line["share"] = round(receipt.share, 6)
    return {**line, "reason": receipt.reason} if receipt.reason else line
