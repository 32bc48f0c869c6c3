"""Spans are kept for who asks, also of what fails."""

import pytest

from laco.profiling.spans import merged, percentiles, recording, span


def test_nothing_is_kept_unless_asked_for() -> None:
    with span("alone"):
        pass
    with recording() as spans:
        pass
    assert spans == {}


def test_a_stage_that_raises_is_timed_too() -> None:
    with recording() as spans:
        with span("fine"), span("inner"):
            pass
        with pytest.raises(ValueError, match="broken"), span("broken"):
            raise ValueError("broken")
    assert {name: len(durations) for name, durations in spans.items()} == {"fine": 1, "inner": 1, "broken": 1}
    assert spans["fine"][0] >= spans["inner"][0] >= 0.0


def test_an_inner_recorder_keeps_its_own() -> None:
    with recording() as outer:
        with recording() as inner, span("stage"):
            pass
        assert list(outer) == []
    assert list(inner) == ["stage"]


def test_merged_joins_name_by_name() -> None:
    assert merged([{"a": [1.0]}, {"b": [2.0], "a": [3.0]}]) == {"a": [1.0, 3.0], "b": [2.0]}


def test_percentiles_in_milliseconds() -> None:
    found = percentiles([i / 1000 for i in range(101)])
    assert found == pytest.approx({"count": 101, "p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0})
    assert percentiles([]) == {"count": 0}
