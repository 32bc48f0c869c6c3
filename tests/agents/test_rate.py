"""`codec=auto`: budgets are kept, more budget never sends worse, and what cannot fit is not sent."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from laco import Backbone, deliberate
from laco.agents.adapters import Adapters
from laco.agents.agent import Agent
from laco.agents.channels.control import fit
from laco.agents.channels.latent import Latent
from laco.agents.channels.rate import DEADLINE, RATE, Budget, Way, budget_of, ladder
from laco.agents.channels.transfer import unpack
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Observation
from laco.comm import air_bytes, parse
from laco.comm.codecs import general
from laco.comm.mesh import Mesh
from laco.comm.radio import RadioSpec
from laco.config import LacoConfig
from laco.errors import BudgetError, ConfigError
from laco.method.deliberation import Trace

CONFIG = LacoConfig(steps=3, keep=0.8, layers=(0, 1, 2, 3), realign="identity")
META: dict[str, Any] = {"fingerprint": "f00d", "sender": "B", "addressee": "A", "seq": 4}


@pytest.fixture(scope="module")
def trace(backbone: Backbone) -> Trace:
    ids = torch.randint(50_000, (120,), generator=torch.Generator().manual_seed(1))
    return deliberate(backbone, ids, CONFIG.steps, realign="identity")


def sent(backbone: Backbone, trace: Trace, budget: Budget, **options: Any) -> tuple[Way, int]:
    way, chunks = fit(backbone, trace, CONFIG, budget, META, **options)
    return way, air_bytes(chunks).total


class TestLadder:
    def test_fewer_bits_then_fewer_tokens_then_fewer_layers(self) -> None:
        ways = ladder(0.8, (0, 1, 2, 3), ["fp32", "fp16", "int8"])
        assert [w.codec for w in ways] == ["fp16"] + ["int8"] * (len(ways) - 1)
        assert [w.keep for w in ways] == sorted((w.keep for w in ways), reverse=True)
        counts = [len(w.layers) for w in ways]
        assert counts == sorted(counts, reverse=True)
        assert [(w.keep, len(w.layers)) for w in ways[-3:]] == [(0.8 * 0.25, n) for n in (4, 3, 2)]

    def test_which_layers_go_first(self) -> None:
        assert ladder(1.0, (0, 1, 2, 3), ["int8"])[-1].layers == (0, 1)
        assert ladder(1.0, tuple(range(15, 30)), ["int8"])[-1].layers == tuple(range(19, 25))
        assert {w.layers for w in ladder(1.0, (2, 5), ["int8"], banded=False)} == {(2, 5)}

    @pytest.mark.parametrize(
        "fields", [("int8", 0.0, (0,)), ("int8", 1.1, (0,)), ("int8", 0.5, ()), ("x", 0.5, (2, 1))]
    )
    def test_ways_that_are_none(self, fields: Any) -> None:
        with pytest.raises(ConfigError, match="must be"):
            Way(*fields)


class TestBudget:
    @pytest.mark.parametrize(
        "fields", [{"bytes": 0}, {"bytes": -5}, {"deadline": 0.0}, {"rate": float("nan")}, {"flops": float("inf")}]
    )
    def test_budgets_that_are_none(self, fields: dict[str, Any]) -> None:
        (name,) = fields
        with pytest.raises(ConfigError, match=f"^a budget's {name} must be more than 0"):
            Budget(**fields)

    def test_delay_is_air_and_computing(self) -> None:
        budget = Budget(bytes=1000, deadline=1.0, rate=8000.0, flops=1e6)
        assert budget.delay(500, 5e5) == pytest.approx(0.5 + 0.5)
        assert [budget.fits(500, 5e5), budget.fits(501, 5e5), budget.fits(1001), budget.fits(1000)] == [
            True, False, False, True
        ]  # fmt: skip

    def test_from_options(self) -> None:
        assert budget_of("auto", None, None, None) == Budget(deadline=DEADLINE, rate=RATE)
        assert budget_of("auto", 500, None, 1e6) == Budget(bytes=500, deadline=None, rate=1e6)
        assert budget_of("auto", 500, 20.0, 1e6) == Budget(bytes=500, deadline=0.02, rate=1e6)
        assert budget_of("int8", None, None, None) == Budget()
        with pytest.raises(ConfigError, match=r"^a budget or deadline needs --codec auto, not int8$"):
            budget_of("int8", None, 5.0, None)

    def test_the_rate_is_the_radio_s(self) -> None:
        assert RadioSpec().goodput is None
        assert RadioSpec.from_text("nr_25").goodput == pytest.approx(25e6, rel=0.2)
        dsrc = RadioSpec.from_text("dsrc_6m").goodput
        assert dsrc is not None
        assert 4e6 < dsrc < 6e6


class TestFit:
    """A receiver that computes nothing, so that the ladder decides."""

    def rungs(self, backbone: Backbone, trace: Trace) -> list[tuple[Way, int]]:
        """Every rung of the documented ladder with its size."""
        found = []
        for way in ladder(CONFIG.keep, (0, 1, 2, 3), general()):
            found.append(sent(backbone, trace, Budget(bytes=1 << 30, deadline=1e3, flops=1e-3), ways=[way]))
        return found

    def test_every_rung_has_its_budget(self, backbone: Backbone, trace: Trace) -> None:
        rungs = self.rungs(backbone, trace)
        sizes = [size for _, size in rungs]
        assert sizes == sorted(sizes, reverse=True)
        for number, (way, size) in enumerate(rungs):
            budget = Budget(bytes=size, deadline=1e3, flops=1e-3)
            assert sent(backbone, trace, budget) == (way, size)
            if number + 1 < len(rungs):
                less = Budget(bytes=size - 1, deadline=1e3, flops=1e-3)
                assert sent(backbone, trace, less) == rungs[number + 1]

    def test_more_budget_never_sends_worse(self, backbone: Backbone, trace: Trace) -> None:
        order = [way for way, _ in self.rungs(backbone, trace)]
        ranks = []
        for limit in range(300, 60_000, 1_700):
            try:
                way, size = sent(backbone, trace, Budget(bytes=limit, deadline=1e3, flops=1e-3))
            except BudgetError:
                ranks.append(len(order))
                continue
            assert size <= limit
            ranks.append(order.index(way))
        assert ranks == sorted(ranks, reverse=True)
        assert (ranks[0], ranks[-1]) == (len(order), 0)

    @pytest.mark.parametrize("milliseconds", [5, 10, 30, 80])
    def test_deadlines_are_kept(self, backbone: Backbone, trace: Trace, milliseconds: int) -> None:
        budget = Budget(deadline=milliseconds / 1e3, rate=6e6, flops=1e-3)
        _, size = sent(backbone, trace, budget)
        assert 8 * size / 6e6 <= budget.deadline

    def test_a_recipe_where_it_is_heard_in_time(self, backbone: Backbone, trace: Trace) -> None:
        way, chunks = fit(backbone, trace, CONFIG, Budget(flops=1e12), META)
        assert way == Way("recompute-replay", CONFIG.keep, (0, 1, 2, 3))
        assert parse(chunks[0].header).kind == "recipe"
        way, chunks = fit(backbone, trace, CONFIG, Budget(flops=1e5), META)
        assert way.codec == "fp16"
        cache = unpack(chunks, backbone, Adapters("f00d")).cache
        assert cache.num_tokens == 96 + 3

    def test_another_model_gets_caches_of_the_layers_it_asked_for(self, backbone: Backbone, trace: Trace) -> None:
        for limit in (60_000, 12_000):
            way, size = sent(backbone, trace, Budget(bytes=limit, deadline=None), alike=False)
            assert size <= limit
            assert (way.codec in general(), way.layers) == (True, (0, 1, 2, 3))

    def test_a_measured_ladder_goes_before_the_documented_one(self, backbone: Backbone, trace: Trace) -> None:
        ways = (Way("int8", 1.0, (1, 2)), Way("int8", 0.2, (2,)))
        budget = Budget(deadline=1e3, flops=1e-3)
        assert sent(backbone, trace, budget, ways=ways)[0] == ways[0]
        few = Budget(bytes=5_000, deadline=1e3, flops=1e-3)
        assert sent(backbone, trace, few, ways=ways)[0] == ways[1]

    def test_what_cannot_fit_is_refused(self, backbone: Backbone, trace: Trace) -> None:
        with pytest.raises(BudgetError, match=r"^no way to send fits 200 B: the smallest is recompute-replay, \d+ B$"):
            fit(backbone, trace, CONFIG, Budget(bytes=200, deadline=None), META)
        with pytest.raises(BudgetError, match=r"fits 1 ms at 6 Mb/s: the smallest is"):
            fit(backbone, trace, CONFIG, Budget(deadline=1e-3), META, alike=False)


def test_an_impossible_budget_is_recorded_and_the_vehicle_drives_on(
    context: Any, driver: VectorDriver, eastward: Callable[..., Observation]
) -> None:
    channel = Latent(
        driver, 0.5, LacoConfig(steps=0, layers=(0, 1), realign="identity"), "auto", budget=Budget(bytes=9)
    )
    with Mesh("A", context=context) as mesh:
        agent = Agent("A", channel, mesh)
        agent.announce(eastward(name="A"))
        agent.beacons = {"B": eastward(name="B", x=30.0).beacon(driver.fingerprint)}
        assert agent.speak([]) == []
        decision = agent.listen([])
    (receipt,) = decision.receipts
    assert (receipt.status, receipt.sender, receipt.listener) == ("unspoken", "A", "B")
    assert receipt.reason.startswith("no way to send fits 9 B and 100 ms at 6 Mb/s: the smallest is ")
    assert decision.plan.speed
