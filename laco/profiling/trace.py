"""A run as a Chrome trace: what every vehicle did when, as chrome://tracing and ui.perfetto.dev show it.

Trace Event Format (JSON). Two processes per run: one on the wall clock, with a track for the runner and one per
vehicle, complete events for spans and flow arrows from `publish` to the listener's `receive`; and one on the simulation
clock, with an asynchronous event for every message on its way to every listener. Both begin at 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from laco.comm.radio import BEACON, Fate, Manifest
from laco.profiling.spans import Moment

RUNNER = ""
PUBLISH, RECEIVE = "publish", "receive"
Event = dict[str, Any]


@dataclass
class Step:
    """One decision of all vehicles. moments: the runner's and the vehicles', by track. time: simulated [s]."""

    time: float
    moments: list[Moment] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)


def aligned(moments: Sequence[Moment], phase: Moment) -> list[Moment]:
    """A host's moments on the runner's clock. phase: the runner's wait for them.

    Hosts on this machine share the clock; those of one elsewhere are moved to the beginning of the phase.
    """
    if not moments:
        return []
    first, last = min(m.began for m in moments), max(m.began + m.duration for m in moments)
    inside = phase.began <= first and last <= phase.began + phase.duration
    shift = 0.0 if inside else phase.began - first
    return [Moment(m.name, m.track, m.began + shift, m.duration) for m in moments]


def trace(runs: Mapping[str, Sequence[Step]]) -> dict[str, Any]:
    """The trace of one or more runs, by title, ready for JSON."""
    begin = min((m.began for steps in runs.values() for step in steps for m in step.moments), default=0.0)
    flows = count(1)
    events: list[Event] = []
    for i, (title, steps) in enumerate(runs.items()):
        wall, air = 2 * i + 1, 2 * i + 2
        events += _named(wall, air, title, _tracks(steps))
        timed = [*_spans(steps, wall, begin), *_arrows(steps, wall, begin, flows), *_flights(steps, air)]
        events += sorted(timed, key=lambda event: (event["pid"], event["ts"], -event.get("dur", 0.0)))
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _tracks(steps: Sequence[Step]) -> dict[str, int]:
    """Numbers of the tracks: 0 for the runner, then the vehicles by name."""
    return {name: i for i, name in enumerate(sorted({RUNNER} | {m.track for step in steps for m in step.moments}))}


def _named(wall: int, air: int, title: str, tracks: Mapping[str, int]) -> list[Event]:
    def meta(pid: int, tid: int, what: str, name: str) -> Event:
        return {"ph": "M", "pid": pid, "tid": tid, "name": what, "args": {"name": name}}

    names = [meta(wall, tid, "thread_name", name or "runner") for name, tid in tracks.items()]
    processes = ((wall, "wall clock"), (air, "the air, simulation clock"))
    return [*(meta(pid, 0, "process_name", f"{title}: {what}") for pid, what in processes), *names]


def _spans(steps: Sequence[Step], pid: int, begin: float) -> Iterator[Event]:
    tracks = _tracks(steps)
    for step in steps:
        for m in step.moments:
            at, end = _micro(m.began - begin), _micro(m.began + m.duration - begin)
            yield {
                "ph": "X", "name": m.name, "cat": "span", "pid": pid, "tid": tracks[m.track], "ts": at,
                "dur": round(end - at, 3), "args": {"time_s": step.time},
            }  # fmt: skip


def _arrows(steps: Sequence[Step], pid: int, begin: float, ids: "count[int]") -> Iterator[Event]:
    """From where a message was published to where it was received; beacons are heard outside any span."""
    tracks, published = _tracks(steps), _published(steps)
    for step in steps:
        received = {m.track: m for m in step.moments if m.name == RECEIVE}
        for fate in step.fates:
            source, target = published.get((fate.sender, fate.seq)), received.get(fate.listener)
            if source is None or target is None or fate.kind == BEACON or not any(fate.delivered):
                continue
            common = {"name": "message", "cat": fate.kind, "id": next(ids), "pid": pid}
            middle, end = source.began + source.duration / 2, target.began + target.duration
            yield {**common, "ph": "s", "tid": tracks[source.track], "ts": _micro(middle - begin)}
            yield {**common, "ph": "f", "bp": "e", "tid": tracks[target.track], "ts": _micro(end - begin)}


def _published(steps: Sequence[Step]) -> dict[tuple[str, int], Moment]:
    """Where each message was published: a vehicle's publish spans come in the order of its manifests."""
    found: dict[tuple[str, int], Moment] = {}
    for step in steps:
        for sender in {manifest.sender for manifest in step.manifests}:
            spans = sorted((m for m in step.moments if (m.name, m.track) == (PUBLISH, sender)), key=lambda m: m.began)
            keys = [(m.sender, m.seq) for m in step.manifests if m.sender == sender]
            found.update(zip(keys, spans, strict=False))
    return found


def _flights(steps: Sequence[Step], pid: int) -> Iterator[Event]:
    """Each message on its way to each listener; one of which nothing arrives ends where it began."""
    ready = {(m.sender, m.seq): m.ready_at for step in steps for m in step.manifests}
    for step in steps:
        for fate in (fate for fate in step.fates if fate.final):
            begin = ready.get((fate.sender, fate.seq), step.time)
            arrives = any(fate.delivered)
            common = {
                "name": f"{fate.kind} {fate.sender} -> {fate.listener}", "cat": fate.kind, "pid": pid, "tid": 0,
                "id": f"{fate.sender}:{fate.seq}:{fate.listener}",
            }  # fmt: skip
            chunks = f"{sum(fate.delivered)} of {len(fate.delivered)}"
            yield {**common, "ph": "b", "ts": _micro(begin), "args": {"seq": fate.seq, "chunks": chunks}}
            yield {**common, "ph": "e", "ts": _micro(max(begin, fate.at) if arrives else begin)}


def _micro(seconds: float) -> float:
    """[us], to the nanosecond."""
    return round(seconds * 1e6, 3)
