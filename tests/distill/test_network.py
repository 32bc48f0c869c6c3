"""The batched network does what `laco.method` does row by row: thinking, choosing, sharing, hearing."""


import pytest
import torch
from torch import Tensor

from laco import Backbone, Context
from laco.agents.drivers.vector_model import VectorModel
from laco.distill.network import Rows, attach, keep, read, think
from laco.method.cache import KVCache
from laco.method.deliberation import deliberate
from laco.method.fusion import infer
from laco.method.saliency import attribute
from laco.method.sharing import share

TINY = {"width": 16, "layers": 3, "heads": 4, "kv_heads": 2}
NORM = 3.0
LENGTHS, OWN = (5, 8, 7), (6, 4)
HEARD = torch.tensor([[0, 2], [1, -1]])


@pytest.fixture
def model() -> VectorModel:
    torch.manual_seed(3)
    made = VectorModel(**TINY).eval()
    for parameter in made.parameters():  # attention that is far from even
        parameter.data.mul_(1.3)
    return made


def padded(parts: list[Tensor]) -> Rows:
    embeds = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
    there = torch.arange(embeds.shape[1]) < torch.tensor([len(p) for p in parts])[:, None]
    return Rows(embeds, there, torch.arange(embeds.shape[1]).repeat(len(parts), 1))


@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("layers", [(0, 1), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize(("place", "first"), [("prefix", 0), ("after_sink", 1)])
def test_hearing_equals_the_method(
    model: VectorModel, steps: int, layers: tuple[int, ...], place: str, first: int
) -> None:
    generator = torch.Generator().manual_seed(steps)
    peers = [torch.randn(n, 16, generator=generator) for n in LENGTHS]
    own = [torch.randn(n, 16, generator=generator) for n in OWN]
    shares = (0.3, 0.5, 1.0)

    backbone, sent = Backbone(model.decoder, input_norm=NORM), list[KVCache]()
    for embeds, kept in zip(peers, shares, strict=True):
        trace = deliberate(backbone, Context(embeds=embeds), steps, realign="identity")
        sent.append(share(trace, attribute(trace, kept), layers=layers))
    heard = [[sent[i] for i in row.tolist() if i >= 0] for row in HEARD]
    wanted = [infer(backbone, Context(embeds=o), h, place=place) for o, h in zip(own, heard, strict=True)]

    rows = padded(peers)
    _, cache = think(model, rows, steps, NORM)
    chosen = keep(cache, rows.there.shape[1], torch.tensor(shares))
    listening = padded(own)
    foreign, after = attach(cache, chosen, HEARD, layers, listening.there.shape[1], first)
    hidden, _ = read(model, Rows(listening.embeds, listening.there, listening.positions + after[:, None]), foreign)

    assert [int(n) for n in chosen.sum(1)] == [cache.num_tokens for cache in sent]
    for i, out in enumerate(wanted):
        assert after[i] == out.cache.positions.min()
        assert torch.allclose(hidden[i, : OWN[i]], out.hidden, atol=1e-3)


def test_states_are_those_of_the_deliberation(model: VectorModel) -> None:
    peers = [torch.randn(n, 16, generator=torch.Generator().manual_seed(n)) for n in LENGTHS]
    states, _ = think(model, padded(peers), 3, NORM)
    backbone = Backbone(model.decoder, input_norm=NORM)
    for embeds, found in zip(peers, states, strict=True):
        trace = deliberate(backbone, Context(embeds=embeds), 3, realign="identity")
        assert torch.allclose(found, trace.hidden, atol=1e-3)


def test_what_is_heard_reaches_the_speaker_s_weights(model: VectorModel) -> None:
    rows = padded([torch.randn(5, 16)])
    rows.embeds.requires_grad_()
    _, cache = think(model, rows, 2, NORM)
    sent = keep(cache, 5, torch.tensor([1.0]))
    own = padded([torch.randn(4, 16)])
    foreign, after = attach(cache, sent, torch.tensor([[0]]), (0, 1), 4, 0)
    hidden, _ = read(model, Rows(own.embeds, own.there, own.positions + after[:, None]), foreign)
    torch.autograd.backward(hidden[0, -1].square().sum())
    assert rows.embeds.grad is not None
    assert float(rows.embeds.grad.abs().sum()) > 0.0


def test_nothing_heard_is_the_row_alone(model: VectorModel) -> None:
    rows = padded([torch.randn(5, 16)])
    _, cache = think(model, rows, 0, NORM)
    own = padded([torch.randn(4, 16)])
    sent = keep(cache, 5, torch.tensor([1.0]))
    foreign, after = attach(cache, sent, torch.tensor([[-1]]), (0, 1), 4, 0)
    assert after.tolist() == [0]
    assert torch.allclose(read(model, own, foreign)[0], read(model, own)[0], atol=1e-6)
