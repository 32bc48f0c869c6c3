"""The trace of a run: what Perfetto needs of it, and that it tells what happened."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from laco.cli.main import main
from laco.comm.radio import Fate, Manifest
from laco.profiling.ledger import read
from laco.profiling.radio import delivery
from laco.profiling.spans import Moment, note, recording, span, timeline, track
from laco.profiling.trace import Step, aligned, trace

METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"


def step() -> Step:
    """A speaks to B, who gets it, and to C, who does not."""
    manifests = [Manifest("A", "", 7, "latent", 1.0, 1.0, (100, 50))]
    fates = [
        Fate("A", "B", 7, "latent", (True, False), 1.02),
        Fate("A", "C", 7, "latent", (False, False), float("inf")),
    ]
    moments = [
        Moment("phase speak", "", 50.0, 0.010),
        Moment("deliberate", "A", 50.001, 0.004),
        Moment("publish", "A", 50.006, 0.001),
        Moment("phase listen", "", 50.011, 0.010),
        Moment("receive", "B", 50.012, 0.001),
        Moment("receive", "C", 50.012, 0.001),
    ]
    return Step(1.0, moments, manifests, fates)


def test_what_arrived_has_an_arrow_and_a_flight() -> None:
    events = trace({"latent": [step()]})["traceEvents"]
    start, end = ([e for e in events if e["ph"] == ph] for ph in "sf")
    assert len(start) == len(end) == 1
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert (names[start[0]["tid"]], names[end[0]["tid"]]) == ("A", "B")
    publish = next(e for e in events if e["name"] == "publish")
    assert publish["ts"] <= start[0]["ts"] <= publish["ts"] + publish["dur"]
    assert start[0]["ts"] == pytest.approx(6500.0)  # us after the first moment: in the middle of `publish`
    flights = {e["id"]: e for e in events if e["ph"] == "b"}
    ends = {e["id"]: e["ts"] for e in events if e["ph"] == "e"}
    assert ends["A:7:B"] - flights["A:7:B"]["ts"] == pytest.approx(20_000.0)  # 20 ms of simulated time
    assert ends["A:7:C"] == flights["A:7:C"]["ts"]
    assert flights["A:7:B"]["args"]["chunks"] == "1 of 2"


def test_a_host_with_another_clock_is_moved_into_the_phase() -> None:
    phase = Moment("phase speak", "", 50.0, 0.010)
    near, far = Moment("publish", "A", 50.001, 0.002), Moment("publish", "A", 9.0, 0.002)
    assert aligned([near], phase) == [near]
    assert [m.began for m in aligned([far], phase)] == [50.0]
    assert aligned([], phase) == []


def test_moments_are_kept_for_who_asks_and_belong_to_their_track() -> None:
    with recording() as spans, timeline(False) as none, track("A"), span("fine"):
        pass
    assert none == []
    with recording() as spans, timeline() as moments:
        with track("A"), span("outer"), span("inner"):
            pass
        note("late", 2.0, 5.0)
    assert [(m.name, m.track) for m in moments] == [("inner", "A"), ("outer", "A"), ("late", "")]
    assert spans["outer"] == [moments[1].duration]
    assert moments[1].began <= moments[0].began
    assert spans["late"] == [3.0]
    with timeline() as moments, span("nobody records"):
        pass
    assert moments == []


def nested(spans: list[dict[str, Any]]) -> None:
    """Fails where two spans of one track overlap and neither holds the other."""
    open_until: list[float] = []
    for event in spans:
        while open_until and open_until[-1] <= event["ts"] + 1e-3:
            open_until.pop()
        assert not open_until or event["ts"] + event["dur"] <= open_until[-1] + 2e-3, event
        open_until.append(event["ts"] + event["dur"])


def defined() -> set[str]:
    """Every name in backticks of the section on latency."""
    section = METRICS.read_text(encoding="utf-8").split("## Latency")[1].split("\n## ")[0]
    return set(re.findall(r"`([^`]+)`", section))


def check(path: Path) -> list[dict[str, Any]]:
    """What every trace must be: sorted within a process, nested, and made of spans that are defined."""
    events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    timed = [e for e in events if e["ph"] != "M"]
    for pid in {e["pid"] for e in timed}:
        times = [e["ts"] for e in timed if e["pid"] == pid]
        assert times == sorted(times)
        assert times[0] >= 0.0
    spans = [e for e in timed if e["ph"] == "X"]
    assert spans
    assert {e["name"] for e in spans} <= defined()
    assert all(e["dur"] >= 0.0 for e in spans)
    for key in {(e["pid"], e["tid"]) for e in spans}:
        nested([e for e in spans if (e["pid"], e["tid"]) == key])
    began, ended = ([e["id"] for e in timed if e["ph"] == ph] for ph in "be")
    assert sorted(began) == sorted(ended)
    assert sorted(e["id"] for e in timed if e["ph"] == "s") == sorted(e["id"] for e in timed if e["ph"] == "f")
    return events


def test_a_made_up_trace_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(trace({"one": [step()], "two": [step()]})))
    events = check(path)
    assert {e["pid"] for e in events} == {1, 2, 3, 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the built-in driver that was traced."""
    made = tmp_path_factory.mktemp("run")
    arguments = ("run", "occluded-crossing", "--seed", "1003", "--channel", "latent", "--no-gif", "--json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["laco", *arguments, "--out", str(made), "--trace", str(made / "t" / "t.json")])
        with pytest.raises(SystemExit) as caught:
            main()
    assert not caught.value.code
    return made


def test_the_trace_of_a_run_is_sound_and_complete(folder: Path) -> None:
    events = check(folder / "t" / "t.json")
    figures = json.loads((folder / "result.json").read_text())["channels"]["latent"]
    spans = Counter(e["name"] for e in events if e["ph"] == "X")
    assert spans == {name: ms["count"] for name, ms in figures["latency_ms"].items()}
    tracks = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert tracks == {"runner", "A", "B"}
    assert sum(e["ph"] == "s" for e in events) == figures["messages"]["count"] > 20
    flights = figures["messages"]["count"] + figures["beacons"]["count"]
    assert sum(e["ph"] == "b" for e in events) == flights


def test_a_run_tells_the_figures_of_the_air(folder: Path) -> None:
    figures = json.loads((folder / "result.json").read_text())["channels"]["latent"]
    lines = read(folder)
    said = [line for line in lines if line.kind == "latent"]
    assert figures["messages"]["count"] == len(said)
    assert figures["messages"]["air_bytes"]["total"] == sum(line.air_bytes.total for line in said)
    found = figures["messages"]["delivery"]
    assert (found["messages_delivered"], found["messages_used"], found["deadline_missed"]) == (1.0, 1.0, 0.0)
    assert found["age_at_use_s"]["max"] == pytest.approx(0.0, abs=1e-6)
    assert found["inter_reception_gap_s"]["p50"] == pytest.approx(0.2)
    assert set(figures["messages"]["senders"]) == {"A", "B"}
    assert delivery(said) == found
    assert figures["medium"]["busy_source"] == "none"  # an ideal air has no ceiling
