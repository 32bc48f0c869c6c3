"""In a batch each row says what it says alone: every family, rows of several lengths that heard different things."""

import copy
from typing import Any

import pytest
import torch

from laco import Backbone, Context, attribute, deliberate, infer, share
from laco.method.continuation import extend, generate, generate_many
from laco.method.fusion import Inference
from laco.method.lockstep import Lockstep

SAID = 7  # tokens: more than the sliding windows look back


def rows_of(case: Any, window: Any = "visible") -> list[Inference]:
    """Alone; behind one peer; a longer text behind two others in other layers; and one that has read on."""
    backbone: Backbone = case.backbone
    parts = []
    for layers, steps in (((0, 1), 1), ((1, 2), 2)):
        trace = deliberate(backbone, case.spoken, steps)
        parts.append(share(trace, attribute(trace, 0.5), layers=layers))
    ids = case.own.ids.tolist()
    return [
        infer(backbone, case.spoken),
        infer(backbone, ids[:4], [parts[0]], window=window, place="before_last"),
        infer(backbone, case.own, [parts[1], parts[0]], window=window, tail=True),
        extend(backbone, infer(backbone, ids[:3], [parts[1]], window=window, rotary="shifted"), ids[3:]),
    ]


def alone(case: Any, outs: list[Inference], stop: Any = ()) -> list[list[int]]:
    return [generate(case.backbone, out, SAID, stop) for out in outs]


def test_the_likeliest_words(case: Any) -> None:
    outs = rows_of(case)
    said = alone(case, outs)
    assert generate_many(case.backbone, outs, SAID, ()) == said
    assert len(set(map(tuple, said))) > 1


def test_the_numbers(case: Any) -> None:
    """Hidden states behind the same words; a row that leaves changes nothing for the others."""
    backbone: Backbone = case.backbone
    outs = rows_of(case)
    batch, words, rows = Lockstep(backbone, outs, 6), [[] for _ in outs], [0, 1, 2, 3]
    for number in range(6):
        if number == 3:
            batch.keep([0, 2, 3])
            rows.remove(1)
        tokens = [(7 * number + 11 * row) % 50 + 3 for row in rows]
        hidden = batch.step(tokens)
        for place, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            words[row].append(token)
            expected = extend(backbone, outs[row], words[row]).hidden[-1]
            torch.testing.assert_close(hidden[place], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gemma3", "mistral-window", "qwen2-window"])
def test_strict_windows(named: Any, name: str) -> None:
    """Foreign columns go out of sight one by one, at each row's own time, beside a row that sees them always."""
    case = named(name)
    trace = deliberate(case.backbone, case.spoken, 2)
    part = share(trace, range(trace.context_length), layers=(0, 1, 2))
    outs = [infer(case.backbone, case.own.ids[:count], [part], window="strict") for count in (1, 2, 1)]
    outs[2] = extend(case.backbone, outs[2], [7])
    outs += [infer(case.backbone, case.own.ids[:1], [part], window="visible"), *rows_of(case, "strict")]
    assert generate_many(case.backbone, outs, SAID, ()) == alone(case, outs)
    batch = Lockstep(case.backbone, outs, 5)
    for count in range(1, 6):
        hidden = batch.step([5 + count] * len(outs))
        words = list(range(6, 6 + count))
        expected = torch.stack([extend(case.backbone, out, words).hidden[-1] for out in outs])
        torch.testing.assert_close(hidden, expected, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(hidden[0], hidden[3], atol=1e-3)  # the window makes a difference


def test_words_drawn_by_chance_are_each_row_s_own(case: Any) -> None:
    outs = rows_of(case)
    chances, others = ([torch.Generator().manual_seed(seed) for seed in range(len(outs))] for _ in range(2))
    found = generate_many(case.backbone, outs, SAID, {40, 41}, temperature=2.0, generators=chances)
    for out, chance, words in zip(outs, others, found, strict=True):
        assert words == generate(case.backbone, out, SAID, {40, 41}, temperature=2.0, generator=chance)


def test_each_row_ends_by_itself(named: Any) -> None:
    case = named("llama")
    outs = rows_of(case)
    said = alone(case, outs)
    stop = {said[0][2], said[1][0]}
    assert generate_many(case.backbone, outs, SAID, stop) == alone(case, outs, stop)
    assert len({len(words) for words in alone(case, outs, stop)}) > 1
    assert generate_many(case.backbone, outs, SAID, {words[0] for words in said}) == [[]] * len(outs)


def test_little_to_do(named: Any) -> None:
    case = named("llama")
    outs = rows_of(case)
    assert generate_many(case.backbone, [], SAID, ()) == []
    assert generate_many(case.backbone, outs, 0, ()) == [[]] * len(outs)
    assert generate_many(case.backbone, outs, 1, ()) == [words[:1] for words in alone(case, outs)]
    assert generate_many(case.backbone, outs[2:3], SAID, ()) == alone(case, outs[2:3])


def test_nothing_is_left_on_the_model_or_in_the_inferences(named: Any) -> None:
    case = named("mistral-window")
    case.backbone.model.set_attn_implementation("eager")
    outs = rows_of(case)
    before = [[layer.keys.clone() for layer in out.layers] for out in outs]
    generate_many(case.backbone, outs, SAID, ())
    assert case.backbone.decoder.config._attn_implementation == "eager"
    for out, keys in zip(outs, before, strict=True):
        assert all(torch.equal(layer.keys, old) for layer, old in zip(out.layers, keys, strict=True))


def test_padding_is_never_read(named: Any) -> None:
    """Numbers that are not finite in a row spoil no other."""
    case = named("qwen3")
    outs = rows_of(case)
    said = alone(case, outs)
    spoilt = infer(case.backbone, Context(ids=case.own.ids[:2]))
    spoilt.layers[0].keys.fill_(float("nan"))
    assert generate_many(case.backbone, [*outs, spoilt], SAID, ())[: len(outs)] == said


@torch.no_grad()
@pytest.mark.parametrize("name", ["llama", "gemma3", "qwen2-vl"])
def test_half_precision(named: Any, name: str) -> None:
    """As near to each row alone as half precision is to itself: within 12 epsilons (Frobenius norm)."""
    case = named(name)
    half = Backbone(copy.deepcopy(case.backbone.model).to(torch.bfloat16))
    own = [infer(half, case.own), infer(half, case.own.ids[:2], [infer(half, case.own).cache])]
    batch = Lockstep(half, own, 2)
    for tokens in ([5, 6], [9, 8]):
        hidden = batch.step(tokens)
    assert hidden.dtype == torch.bfloat16
    expected = torch.stack([extend(half, own[0], [5, 9]).hidden[-1], extend(half, own[1], [6, 8]).hidden[-1]])
    bound = 12 * torch.finfo(torch.bfloat16).eps
    assert torch.linalg.norm((hidden - expected).float()) <= bound * torch.linalg.norm(expected.float())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda(named: Any, every_name: list[str]) -> None:
    """The same words on a GPU as alone there, and hidden states as on the CPU."""
    for name in every_name:
        case = named(name)
        there = Backbone(copy.deepcopy(case.backbone.model).cuda())
        outs = [infer(there, case.spoken), infer(there, case.own, [infer(there, case.own).cache])]
        batch = Lockstep(there, outs, 1)
        expected = extend(case.backbone, infer(case.backbone, case.spoken), [5]).hidden[0]
        torch.testing.assert_close(batch.step([5, 6])[0].cpu(), expected, atol=1e-3, rtol=1e-3)
        assert generate_many(there, outs, SAID, ()) == [generate(there, out, SAID, ()) for out in outs]
