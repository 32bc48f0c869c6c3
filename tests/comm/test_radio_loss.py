"""Loss models: long-run figures against their formulae, and draws that depend on nothing but what they are for."""

from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.comm.radio.base import NEVER, draw
from laco.comm.radio.distance import SNR10, Distance
from laco.comm.radio.loss import Bernoulli, Gilbert, Hop, Link
from laco.comm.radio.trace import Row, Trace
from laco.errors import ConfigError

MANY = 20_000


def losses(link: Link, count: int = MANY, sender: str = "a", distance: float = 0.0) -> list[bool]:
    return [link.loses(Hop(sender, "b", i // 10, i % 10, 1598, distance)) for i in range(count)]


def test_draws_are_even_and_their_own() -> None:
    drawn = [draw(3, "x", i) for i in range(MANY)]
    assert all(0.0 <= value < 1.0 for value in drawn)
    assert sum(drawn) / MANY == pytest.approx(0.5, abs=0.01)
    assert draw(3, "x", 7) == drawn[7] != draw(4, "x", 7)


def test_bernoulli_loses_its_share_whatever_the_order() -> None:
    first = losses(Bernoulli(0.2).start(1, None))
    assert sum(first) / MANY == pytest.approx(0.2, abs=0.01)
    link = Bernoulli(0.2).start(1, None)
    hops = [Hop("a", "b", i // 10, i % 10, 1598, 0.0) for i in range(MANY)]
    assert [link.loses(hop) for hop in reversed(hops)] == first[::-1]
    assert losses(Bernoulli(0.0).start(1, None), 100) == [False] * 100
    assert losses(Bernoulli(1.0).start(1, None), 100) == [True] * 100


def test_gilbert_has_its_mean_and_its_bursts() -> None:
    """p = 0.05, r = 0.2: a fifth is lost, in bursts of 5; between them 20."""
    model = Gilbert(0.05, 0.2)
    assert model.mean_loss == pytest.approx(0.2)
    found = losses(model.start(1, None), 5 * MANY)
    runs = [(lost, len(list(run))) for lost, run in groupby(found)]
    bursts = [length for lost, length in runs if lost]
    gaps = [length for lost, length in runs if not lost]
    assert sum(found) / len(found) == pytest.approx(0.2, abs=0.015)
    assert sum(bursts) / len(bursts) == pytest.approx(5.0, rel=0.05)
    assert sum(gaps) / len(gaps) == pytest.approx(20.0, rel=0.05)


def test_gilbert_loses_in_both_states_as_netem_s() -> None:
    """A third of the time bad: 1/3 x 0.9 + 2/3 x 0.03 = 0.32."""
    model = Gilbert(0.1, 0.2, 0.9, 0.03)
    assert model.mean_loss == pytest.approx(0.32)
    assert sum(losses(model.start(2, None))) / MANY == pytest.approx(0.32, abs=0.02)


def test_each_link_has_its_own_state() -> None:
    model = Gilbert(0.05, 0.2)
    together, alone = model.start(1, None), model.start(1, None)
    mixed = []
    for i in range(400):
        mixed.append(together.loses(Hop("a", "b", i, 0, 1598, 0.0)))
        together.loses(Hop("a", "c", i, 0, 1598, 0.0))
    assert mixed == [alone.loses(Hop("a", "b", i, 0, 1598, 0.0)) for i in range(400)]
    assert losses(model.start(1, None), 400) != losses(model.start(1, None), 400, sender="c")


class TestDistance:
    def test_the_link_budget_at_100_m(self) -> None:
        """23 - (47.86 + 55) + 95 = 15.14 dB."""
        assert Distance().snr(100.0) == pytest.approx(15.14)
        assert Distance().snr(0.0) == Distance().snr(1.0)

    def test_a_tenth_is_lost_where_the_curve_says(self) -> None:
        for rate, snr in SNR10.items():
            at = 10 ** ((Distance().snr(1.0) - snr) / 27.5)  # [m] where the rate's SNR is reached
            assert Distance().per(at, 1000, rate) == pytest.approx(0.1)
        assert Distance(snr10=15.14).per(100.0, 1000) == pytest.approx(0.1)

    @given(st.floats(0, 5000), st.floats(0, 5000), st.integers(1, 3000), st.sampled_from(sorted(SNR10)))
    @settings(max_examples=60, deadline=None)
    def test_farther_and_longer_is_never_better(self, a: float, b: float, size: int, rate: float) -> None:
        model = Distance()
        near, far = sorted((a, b))
        assert 0.0 <= model.per(near, size, rate) <= model.per(far, size, rate) <= 1.0
        assert model.per(near, size, rate) <= model.per(near, size + 100, rate)

    def test_shares_that_arrive_fall_with_distance(self) -> None:
        link = Distance().start(1, 6.0)
        shares = [sum(losses(link, 2000, distance=d)) / 2000 for d in (50.0, 150.0, 200.0, 230.0, 300.0, 500.0)]
        assert all(a <= b for a, b in pairwise(shares))
        assert shares[0] < 0.001 < shares[2] < 0.2 < shares[-2] < shares[-1] == 1.0


class TestTrace:
    def file(self, tmp_path: Path, text: str) -> str:
        path = tmp_path / "trace.csv"
        path.write_text(text)
        return str(path)

    def test_a_row_holds_until_the_next(self, tmp_path: Path) -> None:
        trace = Trace.read(self.file(tmp_path, "t,rate,loss,delay\n0,6,0,0.01\n1.5,0,1,0\n3,3,0.5,0\n"))
        assert trace.at(1.4) == Row(0.0, 6.0, 0.0, 0.01)
        assert trace.at(1.5).loss == 1.0
        assert trace.at(99.0).rate == 3.0
        assert (trace.open_from(1.0), trace.open_from(2.0)) == (1.0, 3.0)

    def test_an_outage_may_never_end(self, tmp_path: Path) -> None:
        assert Trace.read(self.file(tmp_path, "t,rate,loss,delay\n0,0,0,0\n")).open_from(1.0) == NEVER

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "no line"),
            ("t,rate,loss,delay\n", "no line"),
            ("time,rate,loss,delay\n0,1,0,0\n", ":1: the first line must be t,rate,loss,delay"),
            ("t,rate,loss,delay\n1,1,0,0\n", ":2: the first time must be 0"),
            ("t,rate,loss,delay\n0,1,0,0\n2,1,0,0\n2,1,0,0\n", ":4: time 2 does not come after 2"),
            ("t,rate,loss,delay\n0,1,0\n", ":2: 3 columns"),
            ("t,rate,loss,delay\n0,1,0,0\n1,x,0,0\n", ":3: could not convert"),
            ("t,rate,loss,delay\n0,1,1.1,0\n", ":2: loss must be at most 1"),
            ("t,rate,loss,delay\n0,-1,0,0\n", ":2: rate must be"),
            ("t,rate,loss,delay\n0,nan,0,0\n", ":2: rate must be"),
        ],
    )
    def test_files_that_are_no_trace(self, tmp_path: Path, text: str, why: str) -> None:
        with pytest.raises(ConfigError, match=why) as caught:
            Trace.read(self.file(tmp_path, text))
        assert "\n" not in str(caught.value)

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            Trace.read("/nowhere/trace.csv")
