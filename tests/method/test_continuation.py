"""Going on behind an inference equals reading everything anew, with foreign tokens and without."""

from collections.abc import Sequence

import pytest
import torch

from laco import Backbone, KVCache, deliberate, infer, share
from laco.errors import ConfigError
from laco.method.continuation import extend, generate, score
from laco.method.fusion import Inference

CONTEXT = [5, 9, 2, 31, 17]
WORDS = [[3], [8, 1], [8, 60, 2]]


@pytest.fixture(params=["alone", "two layers heard", "all layers heard"])
def peers(request: pytest.FixtureRequest, untied: Backbone) -> list[KVCache]:
    trace = deliberate(untied, [40, 41, 42, 43], 2)
    bands = {"alone": [], "two layers heard": [[0, 2]], "all layers heard": [range(5)]}
    return [share(trace, [0, 2, 3], layers=tuple(band)) for band in bands[request.param]]


def anew(backbone: Backbone, peers: Sequence[KVCache], more: Sequence[int]) -> Inference:
    """The reference: one pass over context and continuation."""
    return infer(backbone, [*CONTEXT, *more], peers)


def test_reading_on_equals_reading_at_once(untied: Backbone, peers: list[KVCache]) -> None:
    out = extend(untied, extend(untied, infer(untied, CONTEXT, peers), [7, 7]), [1])
    whole = anew(untied, peers, [7, 7, 1])
    torch.testing.assert_close(out.hidden[0], whole.hidden[-1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(out.logits[0], whole.logits[-1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(out.cache.layers[1].keys, whole.cache.layers[1].keys, rtol=1e-5, atol=1e-5)
    assert torch.equal(out.cache.positions, whole.cache.positions)
    assert out.foreign_tokens == whole.foreign_tokens == sum(p.num_tokens for p in peers)


def test_the_likeliest_words_are_those_of_a_loop_without_a_cache(
    untied: Backbone, peers: list[KVCache]
) -> None:
    said: list[int] = []
    for _ in range(6):
        logits = anew(untied, peers, said).logits
        said.append(int(logits[-1].argmax()))
    assert generate(untied, infer(untied, CONTEXT, peers), 6, ()) == said
    assert len(set(said)) > 1
    stop = said[3]
    assert generate(untied, infer(untied, CONTEXT, peers), 6, {stop}) == said[: said.index(stop)]


def test_scores_are_log_likelihoods_per_token(untied: Backbone, peers: list[KVCache]) -> None:
    found = score(untied, infer(untied, CONTEXT, peers), WORDS)
    for ids, value in zip(WORDS, found.tolist(), strict=True):
        likely = torch.log_softmax(anew(untied, peers, ids).logits, -1)[len(CONTEXT) - 1 : -1]
        mean = likely[torch.arange(len(ids)), torch.tensor(ids)].mean()
        assert value == pytest.approx(float(mean), abs=1e-5)


def test_an_inference_can_be_continued_again_and_again(untied: Backbone, peers: list[KVCache]) -> None:
    out = infer(untied, CONTEXT, peers)
    first = score(untied, out, WORDS)
    generate(untied, out, 4, ())
    extend(untied, out, [1, 2])
    assert torch.equal(score(untied, out, WORDS), first)
    assert out.cache.num_tokens == len(CONTEXT)


def test_words_drawn_by_chance_follow_the_seed(untied: Backbone) -> None:
    out = infer(untied, CONTEXT)

    def drawn(seed: int) -> list[int]:
        return generate(untied, out, 8, (), temperature=5.0, generator=torch.Generator().manual_seed(seed))

    assert drawn(1) == drawn(1) != drawn(2)


def test_what_cannot_be_said_is_refused(build, untied: Backbone) -> None:
    headless = build("headless")
    mute = infer(headless, torch.randn(3, headless.width))
    with pytest.raises(ConfigError, match="without a vocabulary"):
        generate(headless, mute, 3, ())
    with pytest.raises(ConfigError, match="no token"):
        score(untied, infer(untied, CONTEXT), [[1], []])
    with pytest.raises(ConfigError, match="ids must be in"):
        extend(untied, infer(untied, CONTEXT), [64])
