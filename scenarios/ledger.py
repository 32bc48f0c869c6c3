"""A run's transmissions as the lines of `messages.jsonl`: what was sent, its fates, and its receipts, joined."""

import math
from collections.abc import Iterable

from laco.agents.messages import Receipt, Sent
from laco.comm import Bytes
from laco.comm.radio import Fate
from laco.profiling.ledger import PENDING, Heard, Line, Split
from laco.scenarios.pilots import Messages

Key = tuple[str, int]  # sender, number


def lines(channel: str, messages: Messages) -> list[Line]:
    """One line per transmission, in the order in which they were made."""
    receipts = {(r.sender, r.seq, r.listener): r for r in messages.receipts}
    last = {(fate.sender, fate.seq, fate.listener): fate for fate in messages.fates}  # of a late one the final fate
    fates: dict[Key, list[Fate]] = {}
    for (sender, seq, _), fate in last.items():
        fates.setdefault((sender, seq), []).append(fate)
    return [_line(channel, sent, fates.get(_key(sent), []), receipts) for sent in messages.sent]


def _line(channel: str, sent: Sent, fates: Iterable[Fate], receipts: dict[tuple[str, int, str], Receipt]) -> Line:
    m, way = sent.manifest, sent.way
    heard = tuple(_heard(fate, receipts.get((fate.sender, fate.seq, fate.listener))) for fate in fates)
    return Line(
        channel=channel,
        kind=m.kind,
        sender=m.sender,
        addressee=m.addressee,
        seq=m.seq,
        spoken_at_s=m.spoken_at,
        ready_at_s=m.ready_at,
        chunk_sizes=m.chunk_sizes,
        air_bytes=split(sent.air),
        socket_bytes=split(sent.socket),
        heard=heard,
        codec="" if way is None else way.codec,
        keep=1.0 if way is None else round(way.keep, 6),
        layers=() if way is None else way.layers,
    )


def _heard(fate: Fate, receipt: Receipt | None) -> Heard:
    """A message that has no receipt was still on its way when the run ended."""
    status, age, reason = (PENDING, 0.0, "") if receipt is None else (receipt.status, receipt.age, receipt.reason)
    at, began = (time if math.isfinite(time) else None for time in (fate.at, fate.began))
    return Heard(
        listener=fate.listener,
        status=status,
        age_s=round(age, 6),
        reason=reason,
        delivered_at_s=at,
        chunks=sum(fate.delivered),
        share=1.0 if receipt is None else receipt.share,
        began_at_s=began,
        fragments=fate.fragments,
        fragments_lost=fate.lost,
    )


def split(count: Bytes) -> Split:
    """Bytes by purpose."""
    return Split(count.payload, count.metadata, count.framing, count.total)


def _key(sent: Sent) -> Key:
    return sent.manifest.sender, sent.manifest.seq
