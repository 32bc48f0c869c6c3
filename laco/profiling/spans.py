"""Named spans of wall-clock time. Code marks its stages with `span`; whoever wants the times records them.

Nothing is kept unless a recorder is active, and a span is recorded also when its stage raises.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

Spans = dict[str, list[float]]  # name -> durations [s]

_RECORDER: ContextVar[Spans | None] = ContextVar("laco_spans", default=None)


@contextmanager
def recording() -> Iterator[Spans]:
    """Collect the spans that end inside this block."""
    spans: Spans = defaultdict(list)
    token = _RECORDER.set(spans)
    try:
        yield spans
    finally:
        _RECORDER.reset(token)


def recorder() -> Spans | None:
    """The active recorder, if there is one."""
    return _RECORDER.get()


@contextmanager
def span(name: str) -> Iterator[None]:
    """Time a stage under `name` for the active recorder, if there is one."""
    spans = _RECORDER.get()
    if spans is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        spans[name].append(time.perf_counter() - began)


def merged(parts: Sequence[Mapping[str, Sequence[float]]]) -> Spans:
    """Durations of several recorders, name by name."""
    whole: Spans = defaultdict(list)
    for part in parts:
        for name, durations in part.items():
            whole[name].extend(durations)
    return dict(whole)


def percentiles(durations: Sequence[float]) -> dict[str, float]:
    """Count, and p50, p90, p99 and max in milliseconds."""
    if not durations:
        return {"count": 0}
    found = np.percentile(np.asarray(durations) * 1e3, [50, 90, 99, 100])
    figures = zip(("p50", "p90", "p99", "max"), map(float, found), strict=True)
    return {"count": len(durations), **dict(figures)}
