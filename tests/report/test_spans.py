"""Spans are kept for who asks, also of what fails."""

import pytest

from laco.profiling.spans import Moment, merged, note, percentiles, pooled, recording, shared, span, timeline, track


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


def test_what_is_done_once_for_several_is_divided() -> None:
    with recording() as spans, timeline() as moments:
        with track("A"), shared(["A", "B", "B", "C"]):
            note("plan", 10.0, 14.0)
        note("own", 14.0, 15.0)
    assert spans == {"plan": [1.0] * 4, "own": [1.0]}
    expected = [("A", 10.0), ("B", 11.0), ("B", 12.0), ("C", 13.0)]
    assert moments == [*(Moment("plan", name, at, 1.0) for name, at in expected), Moment("own", "", 14.0, 1.0)]


def test_pieces_of_a_stage_count_as_one_on_each_track() -> None:
    with recording() as spans, timeline() as moments:
        with pooled("infer"):
            for name in ("A", "B"):
                with track(name):
                    note("infer", 0.0, 1.0)
                    note("decode", 0.0, 0.5)
            with shared(["A", "B"]):
                note("infer", 2.0, 6.0)
        note("infer", 6.0, 7.0)
    assert spans == {"infer": [3.0, 3.0, 1.0], "decode": [0.5, 0.5]}
    found = [(m.track, m.began, m.duration) for m in moments if m.name == "infer"]
    assert found == [("A", 0.0, 3.0), ("B", 0.0, 3.0), ("", 6.0, 1.0)]


def test_pieces_of_what_fails_are_kept_and_nothing_is_unless_asked_for() -> None:
    with recording() as spans, pytest.raises(ValueError, match="broken"), pooled("infer"), span("infer"):
        raise ValueError("broken")
    assert len(spans["infer"]) == 1
    with pooled("infer"):
        note("infer", 0.0, 1.0)


def test_merged_joins_name_by_name() -> None:
    assert merged([{"a": [1.0]}, {"b": [2.0], "a": [3.0]}]) == {"a": [1.0, 3.0], "b": [2.0]}


def test_percentiles_in_milliseconds() -> None:
    found = percentiles([i / 1000 for i in range(101)])
    assert found == pytest.approx({"count": 101, "p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0})
    assert percentiles([]) == {"count": 0}
