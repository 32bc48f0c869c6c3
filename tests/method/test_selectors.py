"""Selectors: each of the list through the same checks, and what makes each one itself."""

from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from laco import Backbone, Context, KVCache, LacoConfig, attribute, deliberate, share
from laco.config import SELECTORS, Horizon
from laco.errors import ConfigError
from laco.method import selectors
from laco.method.cache import LayerKV
from laco.method.deliberation import Trace
from laco.method.selectors import Chsa, Pinned, Random, Selector
from laco.method.template import of_messages

SALIENCY = [[0.9, 0.1, 0.5, 0.2, 0.3, 0.4, 0.1, 0.0], [0.1, 0.2, 0.6, 0.8, 0.3, 0.1, 0.1, 0.0]]


def trace_of(content: list[bool] | None = None, rows: list[list[float]] = SALIENCY) -> Trace:
    saliency = torch.tensor(rows)
    steps, length = saliency.shape
    kv = torch.zeros(2, length + steps, 4)
    cache = KVCache((LayerKV(kv, kv),) * 3, (0, 1, 2), torch.arange(length + steps)[None])
    says = None if content is None else torch.tensor(content)
    return Trace(cache, length, saliency, torch.zeros(1 + steps, 6), content=says)


def test_the_list_is_the_config_s() -> None:
    assert tuple(selectors.available()) == SELECTORS
    for name in SELECTORS:
        assert selectors.find(name).name == LacoConfig(selector=name).selector == name


@pytest.mark.parametrize("name", selectors.available())
@pytest.mark.parametrize("horizon", get_args(Horizon))
@pytest.mark.parametrize("keep", [0.1, 0.5, 1.0])
def test_every_selector(name: str, horizon: Any, keep: float, untied: Backbone) -> None:
    trace = deliberate(untied, list(range(10)), 2)
    kept = attribute(trace, keep, horizon=horizon, selector=name)
    assert kept.dtype == torch.int64
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert len(kept) == round(keep * 10)
    assert torch.equal(kept, attribute(trace, keep, horizon=horizon, selector=selectors.find(name)))
    assert share(trace, kept, depth=0.4).num_tokens == len(kept) + 2


def test_chsa_is_the_default_and_the_paper_s() -> None:
    assert attribute(trace_of(), 0.3).tolist() == [0, 2, 3]
    assert attribute(trace_of(), 0.3, horizon="mean").tolist() == [0, 2, 3]
    assert attribute(trace_of(), 0.1).tolist() == [0]
    assert attribute(trace_of(), 0.1, horizon="mean").tolist() == [2]


def test_content_leaves_the_template_out() -> None:
    says = [False, True, True, False, True, True, True, False]
    assert attribute(trace_of(says), 0.5, selector="content").tolist() == [1, 2, 4, 5]
    # Where there is too little content, the template comes by CHSA: 0 has .9, 3 has .8.
    assert attribute(trace_of([False] * 7 + [True]), 0.25, selector="content").tolist() == [0, 7]
    assert attribute(trace_of(), 0.5, selector="content").tolist() == attribute(trace_of(), 0.5).tolist()


def test_recent_takes_the_end() -> None:
    assert attribute(trace_of(), 0.3, selector="recent").tolist() == [5, 6, 7]


def test_random_is_seeded() -> None:
    rows = [[0.0] * 200]
    one, two = (attribute(trace_of(rows=rows), 0.3, selector=Random(seed)).tolist() for seed in (0, 1))
    assert one == attribute(trace_of(rows=rows), 0.3, selector="random").tolist()
    assert 5 < len(set(one) & set(two)) < 40  # 18 expected
    assert min(one) < 30
    assert max(one) > 170


def test_pinned_keeps_the_first() -> None:
    assert attribute(trace_of(), 0.3, selector=Pinned(selectors.find("recent"), first=2)).tolist() == [0, 1, 7]
    assert attribute(trace_of(), 0.3, selector=Pinned()).tolist() == [0, 2, 3]


@pytest.mark.parametrize("keep", [0.25, 0.5, 1.0])
def test_counted_latents_share_the_budget(keep: float) -> None:
    trace, budget = trace_of(), int(8 * keep)
    kept = attribute(trace, keep, latent="counted")
    assert len(kept) == budget - 2
    assert share(trace, kept).num_tokens == budget
    assert share(trace, attribute(trace, keep)).num_tokens == budget + 2


def test_counted_latents_come_first() -> None:
    trace = trace_of()
    kept = attribute(trace, 0.1, latent="counted")
    assert kept.tolist() == []
    assert share(trace, kept).positions.tolist() == [[8, 9]]


def test_without_steps_nothing_is_counted(untied: Backbone) -> None:
    trace = deliberate(untied, list(range(10)), 0)
    assert torch.equal(attribute(trace, latent="counted"), attribute(trace))


@pytest.mark.parametrize("option", [{"latent": "none"}, {"selector": "best"}, {"horizon": "min"}])
def test_unknown_options(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        attribute(trace_of(), **option)
    with pytest.raises(ConfigError, match="must be one of"):
        LacoConfig(**option)


class Shaped(Chsa):
    """Says what it was asked with."""

    def score(self, trace: Trace, hidden_states: Tensor, keys: Any, values: Any, attentions: Tensor, kwargs: Any) -> Any:
        self.__dict__["seen"] = [list(hidden_states.shape), list(keys[1].shape), list(values[2].shape),
                                 list(attentions.shape), len(keys), dict(kwargs)]  # fmt: skip
        return torch.stack([torch.arange(8.0), -torch.arange(8.0)])[None]


def test_what_a_selector_sees() -> None:
    asked = Shaped()
    assert attribute(trace_of(), 0.25, selector=asked).tolist() == [6, 7]  # the maximum over two heads
    assert asked.__dict__["seen"] == [[1, 3, 6], [1, 2, 8, 4], [1, 2, 8, 4], [1, 1, 2, 8], 3, {"horizon": "max"}]


@pytest.mark.parametrize("scores", [torch.zeros(1, 1, 7), torch.zeros(8), torch.full((1, 1, 8), float("nan"))])
def test_scores_are_checked(scores: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chsa, "score", lambda *_: scores)
    with pytest.raises(ConfigError, match="must score"):
        attribute(trace_of())


def test_a_selector_needs_a_score() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Selector()  # type: ignore[abstract]


def test_where_messages_are_in_their_template() -> None:
    text = "<s>user\n car ahead \n</s><s>user\ncar\n</s>"
    offsets = [(0, 3), (3, 7), (7, 9), (9, 12), (12, 18), (18, 20), (20, 24), (24, 31), (31, 33), (33, 36), (36, 41)]
    says = of_messages(text, offsets, [" car ahead ", "car", "nowhere", ""])
    # The token "\n " before the first message says nothing, "\nc" would.
    assert says.tolist() == [False, False, False, True, True, False, False, False, True, True, False]


class Special:
    """A tokenizer with two special tokens."""

    all_special_ids = (0, 63)


def test_special_tokens_are_no_content(untied: Backbone) -> None:
    assert deliberate(untied, [0, 5, 63, 7], 1).content is None
    untied.tokenizer = Special()
    assert deliberate(untied, [0, 5, 63, 7], 1).content.tolist() == [False, True, False, True]
    told = Context(ids=torch.tensor([0, 5]), content=torch.tensor([True, False]))
    assert deliberate(untied, told, 1).content.tolist() == [True, False]
    assert deliberate(untied, torch.zeros(3, untied.width), 1).content is None


def test_content_must_fit() -> None:
    for mask in (torch.ones(3, dtype=torch.bool), torch.ones(2)):
        with pytest.raises(ConfigError, match=r"content must be bool \[2\]"):
            Context(ids=torch.tensor([1, 2]), content=mask)
