"""Each loss and each sampler by numbers that a person can work out."""

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from laco.agents.drivers.plan import Plan
from laco.agents.drivers.tokens import FEATURES
from laco.agents.drivers.vector_model import BINS
from laco.distill.labels import Label
from laco.distill.losses.base import divergence, soft_target
from laco.distill.losses.behaviour_cloning import BehaviourCloning, importance
from laco.distill.losses.cross_view import CrossView, chosen
from laco.distill.losses.hidden_matching import HiddenMatching
from laco.distill.losses.kv_matching import KVMatching
from laco.distill.losses.self_distillation import SelfDistillation
from laco.distill.losses.soft_labels import SoftLabels, reweighted, temperature
from laco.distill.network import Cache
from laco.distill.passes import Passes
from laco.distill.samplers.hard_first import HardFirst
from laco.distill.samplers.uniform import Uniform
from laco.distill.samples import Data, Samples, Segment

HALVES, QUARTER = [math.log(0.5), math.log(0.5)], [math.log(0.25), math.log(0.75)]
APART = 0.5 * math.log(2.0) + 0.5 * math.log(2.0 / 3.0)  # KL of the one from the other


def passes(**given: Any) -> Passes:
    """Something that has been passed through already: two samples, the second without a peer."""
    batch = SimpleNamespace(
        peers=torch.tensor([[0], [-1]]),
        pair=torch.tensor([[-1, -1], [-1, -1]]),
        target=torch.full((2, 2), 25.0),
        curvature=torch.zeros(2, 2, 5),
        alone=torch.tensor([False, True]),
    )
    return cast(Passes, SimpleNamespace(**{"batch": batch, **given}))


def decided(logits: list[list[float]], hidden: list[list[float]] | None = None, bend: float = 0.0) -> Any:
    return SimpleNamespace(
        logits=torch.tensor(logits), bend=torch.full((len(logits), 5), bend), hidden=torch.tensor(hidden or [[0.0]])
    )


def test_divergence_is_in_nats() -> None:
    assert divergence(torch.tensor([HALVES]), torch.tensor([QUARTER])).tolist() == [pytest.approx(APART)]


def test_soft_targets_are_distributions_around_the_label() -> None:
    soft = soft_target(torch.tensor([-1.0, 0.0, 20.0]), 0.7)
    assert soft.sum(1) == pytest.approx(torch.ones(3))
    assert soft.argmax(1).tolist() == [0, 1, 21]
    assert soft[1:, 0].tolist() == [0.0, 0.0]


def test_a_soft_target_s_neighbour_gets_what_a_gaussian_gives_it() -> None:
    soft = soft_target(torch.tensor([20.0]), 0.7)[0]
    assert float(soft[22] / soft[21]) == pytest.approx(math.exp(-0.5 / 0.49))


def test_cloning_costs_the_cross_entropy_and_the_bend() -> None:
    flat = decided([[0.0] * BINS] * 2, bend=4.0)  # 4 deg/m beside the label: two units, 1.5 of smooth L1
    values, counts = BehaviourCloning(of="mixed").values(passes(mixed=flat))
    assert values.tolist() == pytest.approx([math.log(BINS) + 2.0 * 1.5] * 2)
    assert counts.tolist() == [1.0, 1.0]


def test_cloning_takes_the_label_of_what_is_known() -> None:
    batch = passes(mixed=decided([[0.0] * BINS] * 2), alone=decided([[0.0] * BINS] * 2)).batch
    batch.target[:] = torch.tensor([[-1.0, 25.0], [-1.0, 25.0]])
    sure = [100.0] + [0.0] * (BINS - 1)  # the hard stop
    given = passes(batch=batch, mixed=decided([sure, sure]), alone=decided([sure, sure]))
    assert BehaviourCloning(of="mixed").values(given)[0].tolist() == pytest.approx([100.0, 0.0], abs=1e-3)
    assert BehaviourCloning(of="alone").values(given)[0].tolist() == pytest.approx([0.0, 0.0], abs=1e-3)


def test_samples_count_more_where_one_slows_down_and_where_peers_change_the_answer() -> None:
    both = torch.tensor([[25.0, 25.0], [10.0, 10.0], [25.0, 10.0]])
    assert importance(both[:, 1], both).tolist() == [1.0, 3.0, 5.0]


def test_self_distillation_is_the_divergence_where_there_is_a_peer() -> None:
    given = passes(teacher=decided([HALVES, HALVES]), heard=decided([QUARTER, QUARTER]))
    values, counts = SelfDistillation().values(given)
    assert values[0].item() == pytest.approx(APART)
    assert counts.tolist() == [1.0, 0.0]
    assert SelfDistillation()(given).item() == pytest.approx(APART)


def test_a_loss_that_applies_to_nothing_is_zero() -> None:
    assert CrossView()(passes()).item() == 0.0


def test_the_temperature_brings_the_largest_logit_to_the_ratio() -> None:
    logits = torch.tensor([[3.0, 0.0, 0.0], [30.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # centred: 2, 20, 0 at most
    assert temperature(logits, 4.0, 0.25).tolist() == [0.5, 5.0, 0.25]


def test_soft_labels_of_sharp_and_flat_teachers_have_the_same_entropy() -> None:
    logits = torch.tensor([[3.0, 0.0, 0.0], [30.0, 0.0, 0.0]])
    soft = (logits / temperature(logits, 4.0, 0.25)[:, None]).softmax(1)
    assert torch.allclose(soft[0], soft[1])
    # Both rows are 6, 0, 0 after division.
    assert soft[0, 0].item() == pytest.approx(math.exp(6.0) / (math.exp(6.0) + 2.0))


def test_soft_labels_weigh_confidence_times_difficulty() -> None:
    teacher, student = torch.tensor([QUARTER]), torch.tensor([HALVES])
    assert reweighted(teacher, student).tolist() == [pytest.approx(0.75 * 0.5)]


def test_soft_labels_are_scaled_by_both_temperatures() -> None:
    one, other = [2.0, 0.0], [1.0, 0.0]  # centred 1 and 0.5; ratio 2: temperatures 0.5 and 0.25, the same soft label
    given = passes(teacher=decided([one, one]), heard=decided([other, other]))
    assert SoftLabels(ratio=2.0).values(given)[0].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    given = passes(teacher=decided([one, one]), heard=decided([[0.0, 1.0]] * 2))
    sure = 1.0 / (1.0 + math.exp(-4.0))  # 2 / 0.5 and 1 / 0.25: logits 4, 0 against 0, 4
    assert SoftLabels(ratio=2.0).values(given)[0][0].item() == pytest.approx((2 * sure - 1) * 4.0 * 0.5 * 0.25)


def test_hidden_matching_is_relative() -> None:
    given = passes(teacher=decided([[0.0]], [[3.0, 4.0]] * 2), heard=decided([[0.0]], [[3.0, 5.0]] * 2))
    assert HiddenMatching().values(given)[0].tolist() == pytest.approx([1 / 25] * 2)


def test_kv_matching_compares_the_last_token_s_keys_and_values() -> None:
    def cached(last: float) -> Any:
        layer = torch.full((1, 1, 2, 2), 7.0)
        layer[0, 0, 1] = last
        there = torch.tensor([[True, True]])
        return SimpleNamespace(cache=Cache(((layer, layer),) * 2, torch.tensor([[0, 1]]), there))

    batch = SimpleNamespace(peers=torch.tensor([[0]]))
    given = cast(Passes, SimpleNamespace(batch=batch, teacher=cached(2.0), heard=cached(3.0)))
    values, counts = KVMatching().values(given)
    assert values.tolist() == [pytest.approx(2 * 1.0 / (2 * 4.0))]
    assert counts.tolist() == [1.0]


def test_cross_view_compares_what_two_peers_make_of_the_same_moment() -> None:
    def hear(peers: Tensor) -> Any:
        return decided([HALVES] if peers[0, 0] == 4 else [QUARTER])

    batch = SimpleNamespace(peers=torch.tensor([[3, 4, 5]]), pair=torch.tensor([[1, 2]]))
    values, counts = CrossView().values(cast(Passes, SimpleNamespace(batch=batch, hear=hear)))
    back = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert values.tolist() == [pytest.approx((APART + back) / 2)]
    assert counts.tolist() == [1.0]


def test_a_pair_names_peers_by_their_place() -> None:
    peers = torch.tensor([[3, 4, 5], [6, -1, -1]])
    assert chosen(peers, torch.tensor([2, -1])).tolist() == [[5], [-1]]


NO_PLAN = Plan(0.0, (0.0,) * 5, (0.0,) * 5)


def segment(tokens: int) -> Segment:
    return np.zeros((tokens, FEATURES), dtype=np.float32), np.zeros(tokens, dtype=np.int64)


def three() -> Data:
    """Far and dull, near, and told by a peer."""
    samples = Samples()
    samples.add([segment(2)], Label(25.0, NO_PLAN), Label(25.0, NO_PLAN))
    samples.add([segment(3)], Label(25.0, NO_PLAN), Label(25.0, NO_PLAN), gap=2.5)
    samples.add([segment(4), segment(5)], Label(25.0, NO_PLAN), Label(10.0, NO_PLAN))
    return Data.of(samples)


def test_hard_samples_come_first() -> None:
    scores = (np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 4.0]))
    odds = HardFirst(near=1.0, told=2.0, unsure=1.0, wrong=2.0).odds(three(), lambda index: scores)
    top = np.quantile(scores[0], 0.95)
    assert odds.tolist() == pytest.approx([1.0, 1.0 + 0.75 + 1.0 / top, 1.0 + 2.0 + 1.0 + 2.0])


def test_drawing_follows_the_odds() -> None:
    rng = np.random.default_rng(0)
    parts = Uniform(alone=0.0).batches(three(), np.array([1.0, 0.0, 3.0]), 100, rng)
    drawn = np.concatenate([index for index, _ in parts])
    assert len(drawn) == 800
    assert np.bincount(drawn, minlength=3) / 800 == pytest.approx(np.array([0.25, 0.0, 0.75]), abs=0.05)


def test_batches_hold_samples_of_a_length_and_who_has_no_peer_goes_alone() -> None:
    parts = Uniform(alone=0.5).batches(three(), np.ones(3), 60, np.random.default_rng(1))
    lengths = [np.where(alone, three().own_lengths[index], three().lengths[index]) for index, alone in parts]
    assert sum(len(set(length.tolist())) > 1 for length in lengths) <= 3  # of 8: only where lengths meet
    assert all(alone[index != 2].all() for index, alone in parts)
