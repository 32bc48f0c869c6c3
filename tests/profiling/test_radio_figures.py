"""Figures of the air, against numbers that a person can work out."""

from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from laco.comm.radio import Fate, Manifest, RadioSpec
from laco.comm.radio.presets import find
from laco.errors import ConfigError
from laco.profiling.ledger import FILE, Heard, Line, Split, read
from laco.profiling.links import budget
from laco.profiling.load import Load, drive
from laco.profiling.radio import ages, delivery, gaps, medium, traffic


def line(sender: str, seq: int, at: float, *heard: Heard, chunks: tuple[int, ...] = (600, 400)) -> Line:
    air = Split(payload=900, metadata=100, total=1000)
    return Line("latent", "latent", sender, "", seq, at, at, chunks, air, air + Split(framing=50, total=50), heard)


def used(listener: str, at: float, age: float = 0.0, chunks: int = 2) -> Heard:
    return Heard(listener, "used", age, "", at, chunks)


LINES = [
    line("A", 0, 0.0, used("B", 0.01), Heard("C", "air_lost")),
    line("A", 1, 0.2, used("B", 0.35, 0.2), used("C", 0.22, chunks=1)),  # late at B, a part at C
    line("B", 0, 0.2, used("A", 0.21), Heard("C", "stale", 0.4, "", 0.9, 2)),  # late at C
    line("A", 2, 0.4, used("B", 0.45), used("C", 0.5)),  # just in time
]


def test_ratios_are_shares_of_all_deliveries() -> None:
    found = delivery(LINES)
    assert found["deliveries"] == 8
    assert found["messages_delivered"] == 6 / 8
    assert found["messages_partial"] == 1 / 8
    assert found["chunks_delivered"] == (6 * 2 + 1) / 16
    assert found["messages_used"] == 6 / 8
    assert found["fragments_delivered"] is None
    assert found["statuses"] == {"used": 6, "air_lost": 1, "stale": 1}
    assert (found["used_in_part"], found["mean_share"]) == (0, None)


def test_what_was_used_in_part_tells_how_much() -> None:
    parts = [Heard("B", "used", 0.0, "missing", 0.1, 1, share) for share in (0.25, 0.75)]
    ends = [Heard("B", "stale", 0.2, reason, 0.1, 2) for reason in ("overtaken", "too old")]
    found = delivery([line("A", i, 0.0, heard) for i, heard in enumerate([*parts, *ends, used("B", 0.1)])])
    assert (found["used_in_part"], found["mean_share"]) == (2, 0.5)
    assert found["statuses"] == {"used": 3, "stale, overtaken": 1, "stale, too old": 1}


def test_a_deadline_is_missed_by_what_is_lost_partial_or_late() -> None:
    found = delivery(LINES)
    assert (found["deadline_lost"], found["deadline_late"]) == (2, 2)
    assert found["deadline_missed"] == 4 / 8
    assert delivery(LINES, deadline=1.0)["deadline_late"] == 0


def test_gaps_are_per_link_and_ages_per_use() -> None:
    assert sorted(gaps(LINES)) == pytest.approx([0.1, 0.28, 0.34])  # A->B 0.01 0.35 0.45; A->C 0.22 0.5
    found = delivery(LINES)
    assert found["age_at_use_s"]["count"] == 6
    assert found["age_at_use_s"]["max"] == 0.2
    assert sorted(ages(LINES)) == pytest.approx([0.01, 0.01, 0.02, 0.05, 0.1, 0.2])
    assert found["air_latency_s"]["count"] == 7
    assert found["air_latency_s"]["max"] == pytest.approx(0.7)


def test_volume_by_sender_and_in_all() -> None:
    found = traffic(LINES, 2.0)
    assert found["air_bytes"] == {"payload": 3600, "metadata": 400, "framing": 0, "total": 4000}
    assert found["socket_bytes"]["total"] == 4200
    assert found["air_bytes_per_s"] == 2000.0
    assert {name: part["count"] for name, part in found["senders"].items()} == {"A": 3, "B": 1}
    assert found["senders"]["A"]["socket_bytes_per_s"] == 1575.0


def test_nothing_said_has_no_ratios() -> None:
    found = traffic([], 2.0)
    assert found["count"] == 0
    assert found["delivery"]["messages_delivered"] is None
    assert found["delivery"]["age_at_use_s"] == {"count": 0}


def test_busy_is_what_the_air_counted_or_else_from_bytes() -> None:
    counted = medium(LINES, 2.0, 5e6, {"A": 0.25, "B": 0.4})
    assert (counted["channel_busy_ratio"], counted["busy_source"]) == (0.4, "air")
    guessed = medium(LINES, 2.0, 5e6)
    assert guessed["channel_busy_ratio"] == pytest.approx(8 * 4000 / 5e6 / 2.0)
    assert guessed["busy_source"] == "bytes"
    assert medium(LINES, 2.0, None)["channel_busy_ratio"] is None


def test_queue_and_airtime_part_the_latency_where_the_air_tells() -> None:
    heard = Heard("B", "used", 0.0, "", 0.5, 2, began_at_s=0.3, fragments=10, fragments_lost=2)
    found = delivery([line("A", 0, 0.1, heard)])
    assert found["queue_s"]["p50"] == pytest.approx(0.2)
    assert found["airtime_s"]["p50"] == pytest.approx(0.2)
    assert found["fragments_delivered"] == 0.8


def test_dsrc_carries_62_kilobytes_in_100_milliseconds() -> None:
    assert budget(find("dsrc_6m")) == pytest.approx(62_000, rel=0.01)
    assert budget(find("its_g5_dcc")) == pytest.approx(0.03 * budget(find("dsrc_6m")))
    assert budget(find("nr_25")) == 312_500
    assert budget(RadioSpec()) == float("inf")


class TestLoad:
    def test_on_an_ideal_air_all_of_it_arrives(self) -> None:
        lines, busy = drive(Load(radio=RadioSpec(), vehicles=3, size=2500, hz=5.0, seconds=2.0, chunk=1000))
        found = delivery(lines)
        assert busy == {}
        assert len(lines) == 30
        assert lines[0].chunk_sizes == (1000, 1000, 500)
        assert found["deliveries"] == 60
        assert (found["messages_used"], found["deadline_missed"]) == (1.0, 0.0)
        assert found["inter_reception_gap_s"]["p50"] == pytest.approx(0.2)

    def test_a_shared_medium_is_busy_and_never_more_than_all_the_time(self) -> None:
        light, busy = drive(Load(radio=find("dsrc_6m"), vehicles=4, size=2000, hz=5.0, seconds=4.0))
        assert 0.0 < max(busy.values()) < 0.5
        assert delivery(light)["messages_used"] == 1.0
        assert delivery(light)["queue_s"]["max"] > 0.0  # three others go first
        heavy, full = drive(Load(radio=find("dsrc_6m"), vehicles=8, size=50_000, hz=5.0, seconds=4.0))
        assert 0.9 < max(full.values()) <= 1.0
        found = delivery(heavy)
        assert found["deadline_missed"] > 0.5
        assert found["deliveries"] == 8 * 7 * 20

    def test_lost_fragments_make_parts(self) -> None:
        lossy = RadioSpec.from_text("dsrc_6m", "bernoulli:0.2")
        lines, _ = drive(Load(radio=lossy, vehicles=3, size=6000, hz=5.0, seconds=20.0))
        found = delivery(lines)
        assert found["fragments_delivered"] == pytest.approx(0.8, abs=0.03)
        assert found["chunks_delivered"] == pytest.approx(0.8, abs=0.03)  # a chunk is a fragment
        assert found["messages_delivered"] == pytest.approx(0.8**5, abs=0.08)  # five of them
        assert found["messages_partial"] > 0.5

    @pytest.mark.parametrize("wrong", [{"vehicles": 1}, {"hz": 0.0}, {"seconds": 0.0}])
    def test_what_is_no_load(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ConfigError):
            drive(Load(**{"radio": RadioSpec(), **wrong}))  # type: ignore[arg-type]


class TestFiles:
    def test_a_ledger_reads_back(self, tmp_path: Path) -> None:
        (tmp_path / FILE).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in LINES))
        assert read(tmp_path) == LINES

    def test_what_is_no_ledger(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no folder of a run: messages\.jsonl"):
            read(tmp_path)
        (tmp_path / FILE).write_text('{"channel": 1}\n')
        with pytest.raises(ConfigError, match="cannot be read"):
            read(tmp_path)


class Slow:
    """An air that takes `late` seconds, and loses every fifth message of v00."""

    late = 0.35

    busy: ClassVar[dict[str, float]] = {}
    elapsed = 1.0

    def __init__(self, radio: RadioSpec, seed: int) -> None: ...

    def step(self, t: float, manifests: list[Manifest], positions: dict[str, tuple[float, float]]) -> list[Fate]:
        return [self.fate(m, name) for m in manifests for name in positions if name != m.sender]

    def fate(self, m: Manifest, listener: str) -> Fate:
        lost = m.sender == "v00" and m.seq % 5 == 4
        at = float("inf") if lost else m.ready_at + self.late
        return Fate(m.sender, listener, m.seq, m.kind, (not lost,), at)


@pytest.mark.parametrize(("late", "age"), [(0.05, 0.05), (0.1, 0.1), (0.35, 0.4)])
def test_a_load_is_heard_as_an_agent_hears_it(monkeypatch: pytest.MonkeyPatch, late: float, age: float) -> None:
    """Decisions every 0.2 s take what is deliverable 0.1 s later."""
    monkeypatch.setattr(Slow, "late", late)
    monkeypatch.setattr("laco.profiling.load.Air", Slow)
    lines, _ = drive(Load(radio=RadioSpec(), vehicles=2, hz=5.0, seconds=4.0))
    found = delivery(lines)
    assert found["messages_delivered"] == 36 / 40
    assert found["age_at_use_s"]["p50"] == pytest.approx(age)
    assert found["deadline_late"] == (36 if late > 0.1 else 0)
    assert found["deadline_lost"] == 4
    pending = sum(heard.status == "pending" for one in lines for heard in one.heard)
    assert pending == (3 if late > 0.1 else 0)  # two decisions of both vehicles, one message of which was lost


def test_messages_too_old_or_overtaken_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slow, "late", 0.75)
    monkeypatch.setattr("laco.profiling.load.Air", Slow)
    found = delivery(drive(Load(radio=RadioSpec(), vehicles=2, hz=5.0, seconds=4.0))[0])
    assert found["messages_used"] == 0.0
    assert found["age_at_use_s"] == {"count": 0}
