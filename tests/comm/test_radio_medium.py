"""The air as a whole: who goes when, what waits, what is replaced, who hears; and every message has its end."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from laco.comm.radio import BEACON, Air, Fate, Manifest, RadioSpec, presets
from laco.comm.radio.loss import Bernoulli, Gilbert
from laco.comm.radio.presets import find
from laco.errors import ConfigError

WHERE = {"a": (0.0, 0.0), "b": (30.0, 0.0), "c": (0.0, 40.0)}
DSRC = find("dsrc_6m")
FULL = DSRC.airtime(1398)  # [s] 2.176 ms


def said(sender: str, to: str, seq: int, t: float, *sizes: int, kind: str = "kv", ready: float = 0.0) -> Manifest:
    return Manifest(sender, to, seq, kind, t, t + ready, sizes or (1398,))


def of(fates: Sequence[Fate], sender: str, seq: int) -> Fate:
    (found,) = [f for f in fates if (f.sender, f.seq) == (sender, seq)]
    return found


class TestOneAfterTheOther:
    def test_a_message_takes_its_fragments_and_their_access(self) -> None:
        air = Air(DSRC, seed=1)
        (fate,) = air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 10)], WHERE)
        assert fate.delivered == (True,) * 10
        assert (fate.fragments, fate.lost, fate.unsent) == (10, 0, 0)
        low, high = (10 * (FULL + DSRC.access(slots)) for slots in (0, 3))
        assert low <= fate.at <= high
        assert air.busy["a"] == pytest.approx(10 * FULL)

    def test_backoffs_average_to_what_the_docs_say(self) -> None:
        air = Air(DSRC, seed=1)
        (fate,) = air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 40)], WHERE)
        assert fate.at == pytest.approx(DSRC.duration((1398,) * 40), rel=0.005)

    def test_two_share_one_medium_and_each_takes_twice_as_long(self) -> None:
        alone = of(Air(DSRC).step(0.0, [said("a", "b", 0, 0.0, *[1398] * 10)], WHERE), "a", 0)
        both = Air(DSRC).step(0.0, [said(s, "c", 0, 0.0, *[1398] * 10) for s in "ab"], WHERE)
        assert max(f.at for f in both) == pytest.approx(2 * alone.at, rel=0.05)
        assert min(f.at for f in both) > 1.5 * alone.at

    def test_links_of_their_own_do_not_wait_for_each_other(self) -> None:
        fates = Air("nr_25").step(0.0, [said(s, "c", 0, 0.0, 1398) for s in "ab"], WHERE)
        assert [f.at for f in fates] == pytest.approx([1398 * 8 / 25e6] * 2)

    def test_beacons_go_first(self) -> None:
        manifests = [said("a", "b", 0, 0.0, *[1398] * 20), said("b", "", 0, 0.0, 300, kind=BEACON)]
        fates = Air(DSRC).step(0.0, manifests, WHERE)
        beacon = next(f for f in fates if f.kind == BEACON)
        assert beacon.at < DSRC.airtime(300) + DSRC.access(3) + 1e-9 < of(fates, "a", 0).began

    def test_beacons_wait_for_the_fragment_on_the_air_only(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 80)], WHERE)
        fates = air.step(0.2, [said("b", "", 0, 0.2, 300, kind=BEACON)], WHERE)
        beacon = next(f for f in fates if f.kind == BEACON)
        assert beacon.at - 0.2 < FULL + DSRC.airtime(300) + 2 * DSRC.access(3)

    def test_it_is_sent_when_it_is_ready(self) -> None:
        (fate,) = Air(DSRC).step(0.0, [said("a", "b", 0, 0.0, ready=0.05)], WHERE)
        assert 0.05 < fate.began < fate.at < 0.054

    def test_the_duty_cycle_is_kept(self) -> None:
        """3 % in total: a fragment of 2.176 ms each 72.5 ms, 19 kB/s."""
        air = Air("its_g5_dcc")
        assert not of(air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 14)], WHERE), "a", 0).final
        fate = of(air.step(1.0, [], WHERE), "a", 0)
        assert fate.final
        assert fate.at == pytest.approx(13 * FULL / 0.03, rel=0.02)
        assert air.counters.airtime["a"] / (fate.at + FULL / 0.03) <= 0.0301

    def test_equal_backoffs_collide_if_asked_to(self) -> None:
        air = Air(replace(DSRC, collisions=True), seed=2)
        fates = [f for i in range(60) for f in air.step(0.1 * i, [said(s, "c", i, 0.1 * i) for s in "ab"], WHERE)]
        share = air.counters.collided / air.counters.transmitted
        assert share == pytest.approx(0.25, abs=0.12)  # of two draws from four slots
        assert sum(f.lost for f in fates) == air.counters.collided


class TestBacklog:
    def test_what_does_not_fit_goes_on_later(self) -> None:
        air = Air(DSRC)
        first = of(air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 60)], WHERE), "a", 0)
        assert (first.final, first.delivered, first.at) == (False, (False,) * 60, math.inf)
        last = of(air.step(0.2, [], WHERE), "a", 0)
        assert last.final
        assert all(last.delivered)
        assert last.at == pytest.approx(60 * (FULL + DSRC.access(1.5)), rel=0.01)

    def test_a_newer_message_replaces_the_unsent_rest(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 200)], WHERE)
        fates = air.step(0.2, [said("a", "b", 1, 0.2)], WHERE)
        old, new = of(fates, "a", 0), of(fates, "a", 1)
        sent = sum(old.delivered)
        assert sent == old.fragments == pytest.approx(0.2 / (FULL + DSRC.access(1.5)), abs=2)
        assert old.delivered == (True,) * sent + (False,) * (200 - sent)
        assert old.unsent == 200 - sent == air.counters.unsent
        assert old.at < new.began
        assert air.counters.replaced == 1

    def test_only_of_the_same_sender_addressee_and_kind(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 60)], WHERE)
        others = [said("a", "c", 1, 0.2), said("b", "c", 0, 0.2), said("a", "", 2, 0.2, kind=BEACON)]
        air.step(0.2, others, WHERE)
        air.step(1.0, [], WHERE)
        assert air.counters.replaced == 0

    def test_a_step_of_beacons_does_not_settle_what_a_message_may_replace(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 100)], WHERE)
        air.step(0.2, [said("a", "", 1, 0.2, 300, kind=BEACON)], WHERE)
        fates = air.step(0.2, [said("a", "b", 2, 0.2)], WHERE)
        assert of(fates, "a", 0).unsent > 0
        assert all(of(fates, "a", 2).delivered)

    def test_it_is_replaced_when_the_newer_one_is_ready_not_before(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 200)], WHERE)
        fates = air.step(0.2, [said("a", "b", 1, 0.2, ready=0.05)], WHERE)
        assert of(fates, "a", 0).at == pytest.approx(0.25, abs=0.003)


class TestWhoHears:
    def test_nothing_beyond_the_range(self) -> None:
        fates = Air(replace(DSRC, range=35.0)).step(0.0, [said("a", "", 0, 0.0)], WHERE)
        assert {f.listener: all(f.delivered) for f in fates} == {"b": True, "c": False}

    def test_a_broadcast_is_on_the_air_once_and_lost_by_each_alone(self) -> None:
        air = Air(replace(DSRC, loss=Bernoulli(0.5)), seed=1)
        fates = air.step(0.0, [said("a", "", 0, 0.0, *[1398] * 40)], WHERE)
        assert air.counters.transmitted == 40
        first, second = (f.delivered for f in fates)
        assert first != second
        assert all(8 < sum(d) < 32 for d in (first, second))

    def test_a_lost_fragment_loses_its_chunk(self) -> None:
        air = Air(replace(DSRC, loss=Bernoulli(0.3)), seed=1)
        (fate,) = air.step(0.0, [said("a", "b", 0, 0.0, *[3 * 1398] * 10)], WHERE)
        assert sum(fate.delivered) < 10
        assert fate.fragments == 30
        assert 10 - sum(fate.delivered) <= fate.lost < 30

    def test_a_message_that_is_lost_whole_never_arrives(self) -> None:
        (fate,) = Air(replace(DSRC, loss=Bernoulli(1.0))).step(0.0, [said("a", "b", 0, 0.0)], WHERE)
        assert (fate.delivered, fate.at, fate.lost) == ((False,), math.inf, 1)

    def test_who_left_meanwhile_hears_no_more(self) -> None:
        air = Air(DSRC)
        air.step(0.0, [said("a", "b", 0, 0.0, *[1398] * 100)], WHERE)
        fate = of(air.step(0.15, [], {"a": (0.0, 0.0)}), "a", 0)
        assert fate.delivered[0]
        assert not fate.delivered[-1]

    def test_a_trace_rules_rate_loss_and_delay(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("t,rate,loss,delay\n0,8,0,0.02\n1,0,0,0\n2,8,1,0\n")
        air = Air(RadioSpec.from_text("ideal", trace=str(path)))
        (fate,) = air.step(0.0, [said("a", "b", 0, 0.0, 1000)], WHERE)
        assert fate.at == pytest.approx(0.021)  # 8000 bits at 8 Mb/s, and 20 ms
        (fate,) = air.step(1.0, [said("a", "b", 1, 1.0, 1000)], WHERE)
        assert not fate.final
        fate = of(air.step(2.5, [], WHERE), "a", 1)
        assert (fate.began, fate.delivered) == (pytest.approx(2.0), (False,))


def test_a_number_is_used_once() -> None:
    with pytest.raises(ConfigError, match="on the air already"):
        Air(DSRC).step(0.0, [said("a", "b", 0, 0.0), said("a", "c", 0, 0.0)], WHERE)


@pytest.mark.parametrize("loss", [Bernoulli(0.3), Gilbert(0.1, 0.3)])
def test_other_seeds_other_losses(loss: Bernoulli | Gilbert) -> None:
    def delivered(seed: int) -> tuple[bool, ...]:
        (fate,) = Air(replace(DSRC, loss=loss), seed).step(0.0, [said("a", "b", 0, 0.0, *[1398] * 40)], WHERE)
        return fate.delivered

    assert delivered(1) == delivered(1) != delivered(2)


@st.composite
def runs(draw: st.DrawFn) -> list[list[Manifest]]:
    """Per decision the manifests of some vehicles."""
    steps = []
    for number in range(draw(st.integers(1, 4))):
        t = 0.2 * number
        manifests = []
        for sender in draw(st.sets(st.sampled_from("abc"))):
            to = draw(st.sampled_from(["", *({"a", "b", "c"} - {sender})]))
            sizes = draw(st.lists(st.integers(1, 4000), min_size=1, max_size=40))
            ready = draw(st.sampled_from([0.0, 0.03, 0.25]))
            manifests.append(said(sender, to, 2 * number, t, 300, kind=BEACON))
            manifests.append(said(sender, to, 2 * number + 1, t, *sizes, ready=ready))
        steps.append(manifests)
    return steps


@given(runs(), st.sampled_from(presets()), st.sampled_from([None, Bernoulli(0.2), Gilbert(0.1, 0.3)]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_message_has_one_last_fate_per_listener(
    steps: list[list[Manifest]], name: str, loss: Bernoulli | Gilbert | None, two: bool
) -> None:
    air = Air(replace(find(name), loss=loss), seed=5)
    fates, told = [], {}
    for number, manifests in enumerate(steps):
        t = 0.2 * number
        for part in (True, False) if two else (None,):
            some = [m for m in manifests if part is None or (m.kind == BEACON) == part]
            told |= {(m.sender, m.seq): m for m in some}
            fates += air.step(t, some, WHERE)
            assert all(busy <= air.elapsed + 1e-9 for busy in air.busy.values())
    fates += air.step(1000.0, [], WHERE)
    final = [f for f in fates if f.final]
    expected = {
        (m.sender, m.seq, n) for m in told.values() for n in ([m.addressee] if m.addressee else set("abc") - {m.sender})
    }
    assert len(final) == len(expected)
    assert {(f.sender, f.seq, f.listener) for f in final} == expected
    early = [f for f in fates if not f.final]
    assert len({(f.sender, f.seq, f.listener) for f in early}) == len(early)
    for fate in final:
        m = told[fate.sender, fate.seq]
        assert len(fate.delivered) == len(m.chunk_sizes)
        assert fate.lost <= fate.fragments
        if any(fate.delivered):
            assert m.ready_at <= fate.began <= fate.at < math.inf
        else:
            assert fate.at == math.inf
    if loss is None:
        whole = [f for f in final if not f.unsent]
        assert all(all(f.delivered) and f.lost == 0 for f in whole)


@pytest.mark.parametrize("name", presets())
def test_the_order_of_hosts_does_not_matter(name: str) -> None:
    spec = replace(find(name), loss=Gilbert(0.1, 0.3))

    def run(back: bool) -> list[Fate]:
        air, fates = Air(spec, seed=9), []
        for i in range(5):
            t = 0.2 * i
            beacons = [said(s, "", 2 * i, t, 350, kind=BEACON) for s in "abc"]
            messages = [said(s, "", 2 * i + 1, t, *[1398] * 12) for s in "abc"]
            for part in (beacons, messages):
                fates += air.step(t, part[::-1] if back else part, WHERE)
        return fates

    assert run(False) == run(True)
