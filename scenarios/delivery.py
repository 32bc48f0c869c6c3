"""What the air did to the messages of a run. Each figure is defined in docs/radio.md."""

from collections.abc import Iterable
from statistics import fmean
from typing import Any

from laco.agents.messages import OVERTAKEN, Receipt
from laco.comm.radio import Counters, Fate


def delivery(fates: Iterable[Fate], receipts: Iterable[Receipt], kind: str) -> dict[str, Any]:
    """Fragments and messages of one kind, each counted once per listener, and what became of the messages."""
    mine = [f for f in fates if f.kind == kind]
    final = [f for f in mine if f.final]
    decided = {(f.sender, f.listener, f.seq) for f in final}
    fragments, lost = sum(f.fragments for f in final), sum(f.lost for f in final)
    ended = [r for r in receipts if r.kind == kind]
    used = [r for r in ended if r.status == "used"]
    partial = [r.share for r in used if r.share < 1.0]
    return {
        "fragments": {"sent": fragments, "lost": lost, "unsent": sum(f.unsent for f in final)},
        "fragment_delivery": _ratio(fragments - lost, fragments),
        "messages": len(final),
        "message_delivery": _ratio(sum(all(f.delivered) for f in final), len(final)),
        "used_whole": len(used) - len(partial),
        "used_in_part": len(partial),
        "mean_share": fmean(partial) if partial else None,
        "air_lost": sum(r.status == "air_lost" for r in ended),
        "overtaken": sum(r.status == "stale" and r.reason == OVERTAKEN for r in ended),
        "too_old": sum(r.status == "stale" and r.reason != OVERTAKEN for r in ended),
        "still_queued": sum((f.sender, f.listener, f.seq) not in decided for f in mine if not f.final),
    }


def medium(counters: Counters, busy: dict[str, float], elapsed: float) -> dict[str, Any]:
    """The medium over the run. busy: by vehicle [s]; elapsed [s]."""
    most = max(busy.values(), default=0.0)
    return {
        "transmitted": counters.transmitted,
        "unsent": counters.unsent,
        "replaced": counters.replaced,
        "collided": counters.collided,
        "airtime_s": dict(sorted(counters.airtime.items())),
        "busy_s": most,
        "busy_ratio": _ratio(most, elapsed),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
