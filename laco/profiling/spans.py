"""Named spans of wall-clock time. Code marks its stages with `span`; whoever wants the times records them.

Nothing is kept unless a recorder is active, and a span is recorded also when its stage raises. A recorder keeps how
long stages took; a timeline, for a trace, also when, and on whose track. What is done once for several vehicles is
divided among them in equal parts (`shared`); what a vehicle does in pieces can count as one (`pooled`).
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec
import numpy as np

Spans = dict[str, list[float]]  # name -> durations [s]


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """A span with its place in time. began: on the machine's monotonic clock [s]. track: "" for the process itself."""

    name: str
    track: str
    began: float
    duration: float  # [s]


_RECORDER: ContextVar[Spans | None] = ContextVar("laco_spans", default=None)
_TIMELINE: ContextVar[list[Moment] | None] = ContextVar("laco_timeline", default=None)
_TRACK: ContextVar[str] = ContextVar("laco_track", default="")
_SHARERS: ContextVar[tuple[str, ...]] = ContextVar("laco_sharers", default=())
_POOL: ContextVar[tuple[str, dict[str, Moment]] | None] = ContextVar("laco_pool", default=None)


@contextmanager
def recording() -> Iterator[Spans]:
    """Collect the spans that end inside this block."""
    spans: Spans = defaultdict(list)
    token = _RECORDER.set(spans)
    try:
        yield spans
    finally:
        _RECORDER.reset(token)


@contextmanager
def timeline(kept: bool = True) -> Iterator[list[Moment]]:
    """Collect, in the order in which they end, the moments of the spans that a recorder inside this block keeps.

    kept: False collects nothing.
    """
    moments: list[Moment] = []
    token = _TIMELINE.set(moments if kept else None)
    try:
        yield moments
    finally:
        _TIMELINE.reset(token)


@contextmanager
def track(name: str) -> Iterator[None]:
    """Spans inside this block belong to `name`: a vehicle."""
    token = _TRACK.set(name)
    try:
        yield
    finally:
        _TRACK.reset(token)


@contextmanager
def shared(tracks: Sequence[str]) -> Iterator[None]:
    """Spans inside this block are of work that is done once for several: each track gets an equal part of each.

    tracks: vehicles, one as often as it has a part. On a timeline the parts lie end to end.
    """
    token = _SHARERS.set(tuple(tracks))
    try:
        yield
    finally:
        _SHARERS.reset(token)


@contextmanager
def pooled(name: str) -> Iterator[None]:
    """Spans called `name` inside this block are one for each track: as long as all, from when the first began."""
    pool: dict[str, Moment] = {}
    token = _POOL.set((name, pool))
    try:
        yield
    finally:
        _POOL.reset(token)
        for moment in pool.values():
            _keep(moment)


def is_recording() -> bool:
    """Whether anybody wants the times."""
    return _RECORDER.get() is not None


def note(name: str, began: float, ended: float) -> None:
    """Record a span whose ends [s, `time.perf_counter`] were taken elsewhere, if there is a recorder."""
    if not is_recording():
        return
    tracks = _SHARERS.get() or (_TRACK.get(),)
    part = (ended - began) / len(tracks)
    for place, owner in enumerate(tracks):
        _keep(Moment(name, owner, began + place * part, part))


def _keep(moment: Moment) -> None:
    """A moment for the pool of its name, if there is one, else for the active recorder and timeline."""
    spans, moments, pool = _RECORDER.get(), _TIMELINE.get(), _POOL.get()
    if pool is not None and pool[0] == moment.name:
        before = pool[1].get(moment.track)
        if before is not None:
            moment = msgspec.structs.replace(before, duration=before.duration + moment.duration)
        pool[1][moment.track] = moment
        return
    if spans is not None:
        spans[moment.name].append(moment.duration)
    if moments is not None:
        moments.append(moment)


@contextmanager
def span(name: str) -> Iterator[None]:
    """Time a stage under `name` for the active recorder, if there is one."""
    if _RECORDER.get() is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        note(name, began, time.perf_counter())


def merged(parts: Sequence[Mapping[str, Sequence[float]]]) -> Spans:
    """Durations of several recorders, name by name."""
    whole: Spans = defaultdict(list)
    for part in parts:
        for name, durations in part.items():
            whole[name].extend(durations)
    return dict(whole)


def percentiles(durations: Sequence[float]) -> dict[str, float]:
    """Count, and p50, p90, p99 and max in milliseconds."""
    return quantiles([1e3 * duration for duration in durations])


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Count, and p50, p90, p99 and max, between two values by straight lines; only the count if there are none."""
    if not values:
        return {"count": 0}
    found = np.percentile(np.asarray(values), [50, 90, 99, 100])
    figures = zip(("p50", "p90", "p99", "max"), map(float, found), strict=True)
    return {"count": len(values), **dict(figures)}
