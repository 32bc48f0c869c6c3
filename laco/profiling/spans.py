"""Named spans of wall-clock time. Code marks its stages with `span`; whoever wants the times records them.

Nothing is kept unless a recorder is active, and a span is recorded also when its stage raises. A recorder keeps how
long stages took; a timeline, for a trace, also when, and on whose track.
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


def is_recording() -> bool:
    """Whether anybody wants the times."""
    return _RECORDER.get() is not None


def note(name: str, began: float, ended: float) -> None:
    """Record a span whose ends [s, `time.perf_counter`] were taken elsewhere, if there is a recorder."""
    spans = _RECORDER.get()
    if spans is None:
        return
    spans[name].append(ended - began)
    moments = _TIMELINE.get()
    if moments is not None:
        moments.append(Moment(name, _TRACK.get(), began, ended - began))


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
