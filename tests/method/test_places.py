"""Where foreign columns are seen and at which positions they stand: every option against a hand-masked forward.

The reference (conftest) feeds one token at a time in float64 and is told, per own token, layer and foreign
token, whether it sees; layers carry different numbers of foreign tokens.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import MistralConfig, MistralForCausalLM
from transformers.cache_utils import Cache

from laco import Backbone, Context, KVCache, attribute, deliberate, infer, share
from laco.method import fusion
from laco.method.attention import Hearing
from laco.method.lending import lent

OWN = 6
FIRST = {"prefix": 0, "after_sink": fusion.SINK, "before_last": OWN - 1}
BANDS = [[(0,)], [(1, 4)], [(0, 1, 2), (2, 4)]]
IDS = [5, 9, 2, 30, 7, 11]


def message(backbone: Backbone, seed: int, band: tuple[int, ...]) -> KVCache:
    ids = torch.randint(64, (6 + seed,), generator=torch.Generator().manual_seed(seed))
    trace = deliberate(backbone, ids, 1)
    return share(trace, attribute(trace, 0.5), layers=band)


def expected_placement(parts: list[KVCache], rotary: str) -> tuple[list[list[int]], int]:
    """Positions of every peer's tokens and of the first own token, by hand."""
    rows = [part.positions[0].tolist() for part in parts]
    if rotary != "as_sent" or len(rows) > 1:
        start, packed = 0, []
        for row in rows if rotary == "packed" or len(rows) > 1 else []:
            packed.append([start + position - row[0] for position in row])
            start = packed[-1][-1] + 1
        rows = packed or rows
    own = rows[-1][-1] + 1
    return ([[p - own for p in row] for row in rows], 0) if rotary == "shifted" else (rows, own)


def heard_by(reference: Any, backbone: Backbone, parts: list[KVCache], rows: list[list[int]]) -> Any:
    """A reference with the parts in front, keys turned to their new positions, and those positions per layer."""
    foreign: dict[int, list[tuple[Tensor, Tensor]]] = {}
    where: dict[int, list[int]] = {}
    for part, row in zip(parts, rows, strict=True):
        for number, layer in zip(part.layer_ids, part.layers, strict=True):
            for j, (old, new) in enumerate(zip(part.positions[0].tolist(), row, strict=True)):
                turned = [reference.rotated(head.double(), new - old) for head in layer.keys[:, j]]
                foreign.setdefault(number, []).append((torch.stack(turned), layer.values[:, j].double()))
                where.setdefault(number, []).append(new)
    made = reference(backbone, foreign)
    made.where = where
    return made


def inputs_of(backbone: Backbone, ids: list[int]) -> list[Tensor]:
    return list(backbone.decoder.embed_tokens.weight.detach()[ids])


def close(product: Tensor, tokens: list[Any]) -> None:
    expected = torch.stack([token.hidden for token in tokens]).float()
    torch.testing.assert_close(product, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bands", BANDS, ids=str)
@pytest.mark.parametrize(("place", "rotary"), list(product(FIRST, ["as_sent", "packed", "shifted"])))
def test_every_place_and_rotary(
    untied: Backbone, reference: Any, place: Any, rotary: Any, bands: list[tuple[int, ...]]
) -> None:
    parts = [message(untied, seed, band) for seed, band in enumerate(bands)]
    rows, start = expected_placement(parts, rotary)
    ref = heard_by(reference, untied, parts, rows)
    ref.sees = lambda own, layer, foreign: own >= FIRST[place]
    tokens = ref.deliberate(inputs_of(untied, IDS), list(range(start, start + OWN)), 0, "identity")
    out = infer(untied, IDS, parts, place=place, rotary=rotary)
    assert out.cache.positions.tolist() == [list(range(start, start + OWN))]
    assert out.foreign_tokens == sum(part.num_tokens for part in parts)
    close(out.hidden, tokens)


@pytest.mark.parametrize("bands", BANDS, ids=str)
@pytest.mark.parametrize("place", FIRST)
def test_shifted_equals_as_sent(untied: Backbone, place: Any, bands: list[tuple[int, ...]]) -> None:
    """Rotary is relative: foreign moved back or own moved on is the same. Own tokens keep their positions."""
    parts = [message(untied, seed, band) for seed, band in enumerate(bands)]
    own = Context(ids=torch.tensor(IDS), position_ids=torch.tensor([3, 4, 5, 9, 10, 11]))
    sent = infer(untied, own, parts, place=place)
    shifted = infer(untied, own, parts, place=place, rotary="shifted")
    assert shifted.cache.positions.tolist() == [[3, 4, 5, 9, 10, 11]]
    assert sent.cache.positions.tolist() != shifted.cache.positions.tolist()
    torch.testing.assert_close(shifted.hidden, sent.hidden, atol=1e-5, rtol=1e-5)


def test_after_sink_is_a_sink_read_before(untied: Backbone) -> None:
    """The protected tokens come out as if nothing had been attached; the next one does not."""
    part = message(untied, 1, (0, 1))
    out = infer(untied, IDS, [part], place="after_sink", rotary="shifted")
    alone = infer(untied, IDS)
    torch.testing.assert_close(out.hidden[: fusion.SINK], alone.hidden[: fusion.SINK])
    assert float((out.hidden[fusion.SINK] - alone.hidden[fusion.SINK]).abs().max()) > 1e-3


def test_before_last_leaves_all_but_the_last(untied: Backbone) -> None:
    part = message(untied, 1, (0, 1))
    out, alone = infer(untied, IDS, [part], place="before_last", rotary="shifted"), infer(untied, IDS)
    torch.testing.assert_close(out.hidden[:-1], alone.hidden[:-1])
    assert float((out.hidden[-1] - alone.hidden[-1]).abs().max()) > 1e-3


def in_pieces(backbone: Backbone, ids: list[int], parts: list[KVCache], start: int, hearing: Hearing) -> Tensor:
    """The same tokens in chunks of one and two, each through the cache that the last one left."""
    cache = Cache(layers=fusion._layers(parts, backbone.num_layers))
    pieces = []
    with torch.no_grad(), lent(backbone.decoder, ours=True, evaluate=True):
        for piece in (slice(0, 1), slice(1, 3), slice(3, 5), slice(5, 6), slice(6, 8)):
            positions = torch.arange(start, start + len(ids))[piece]
            context = Context(ids=torch.tensor(ids[piece]))
            pieces.append(backbone.forward(context, positions, cache, laco_hearing=hearing))
    return torch.cat(pieces)


@pytest.mark.parametrize("place", FIRST)
def test_decoding_on_sees_the_peers(untied: Backbone, reference: Any, place: Any) -> None:
    """Chunks of the prefill obey the place, and two tokens decoded after it see foreign columns in each."""
    ids = [*IDS, 40, 41]
    part = message(untied, 2, (0, 3))
    rows, start = expected_placement([part], "as_sent")
    ref = heard_by(reference, untied, [part], rows)
    ref.sees = lambda own, layer, foreign: own >= FIRST[place]
    tokens = ref.deliberate(inputs_of(untied, ids), list(range(start, start + len(ids))), 0, "identity")
    hearing = fusion._hearing([part], torch.arange(start, start + OWN), place, "visible")
    close(in_pieces(untied, ids, [part], start, hearing), tokens)


@pytest.fixture
def windowed(randomise: Callable[[Any, int], Any], config: Callable[..., Any], monkeypatch: Any) -> Backbone:
    """A Mistral whose layers look back four positions."""
    monkeypatch.setattr("laco.method.backbone.decoder_of", lambda model: model.model)
    plain = config().to_dict()
    wanted = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps",
              "num_key_value_heads", "head_dim", "vocab_size", "rope_parameters", "tie_word_embeddings")  # fmt: skip
    kept = {name: plain[name] for name in wanted}
    return Backbone(randomise(MistralForCausalLM(MistralConfig(**kept, sliding_window=4)), 0))


@pytest.mark.parametrize("bands", BANDS, ids=str)
@pytest.mark.parametrize("rotary", ["as_sent", "shifted"])
@pytest.mark.parametrize("window", ["visible", "strict"])
@pytest.mark.parametrize("place", FIRST)
def test_sliding_windows(
    windowed: Backbone, reference: Any, place: Any, window: Any, rotary: Any, bands: list[tuple[int, ...]]
) -> None:
    parts = [message(windowed, seed, band) for seed, band in enumerate(bands)]
    rows, start = expected_placement(parts, rotary)
    ref = heard_by(reference, windowed, parts, rows)
    ref.window = 4
    ref.sees = lambda own, layer, foreign: own >= FIRST[place] and (
        window == "visible" or start + own - ref.where[layer][foreign] < 4
    )
    tokens = ref.deliberate(inputs_of(windowed, IDS), list(range(start, start + OWN)), 0, "identity")
    close(infer(windowed, IDS, parts, place=place, rotary=rotary, window=window).hidden, tokens)


def test_a_strict_window_while_decoding(windowed: Backbone, reference: Any) -> None:
    ids = [*IDS, 40, 41]
    part = message(windowed, 2, (0, 3))
    rows, start = expected_placement([part], "as_sent")
    ref = heard_by(reference, windowed, [part], rows)
    ref.window = 4
    ref.sees = lambda own, layer, foreign: start + own - ref.where[layer][foreign] < 4
    tokens = ref.deliberate(inputs_of(windowed, ids), list(range(start, start + len(ids))), 0, "identity")
    hearing = fusion._hearing([part], torch.arange(start, start + 2), "prefix", "strict")
    close(in_pieces(windowed, ids, [part], start, hearing), tokens)


@pytest.mark.parametrize("steps", [0, 3])
def test_saliency_looks_through_the_window(windowed: Backbone, reference: Any, steps: int) -> None:
    """What is out of a latent step's window has no share in its attention."""
    ref = reference(windowed)
    ref.window = 4
    tokens = ref.deliberate(inputs_of(windowed, IDS), list(range(OWN)), steps, "ridge")
    trace = deliberate(windowed, IDS, steps)
    payers = range(OWN, OWN + steps) if steps else [OWN - 1]
    for row, index in zip(trace.saliency, payers, strict=True):
        hidden = index + 1 - ref.window
        heads = [[0.0] * hidden + pays for layer in tokens[index].attention for pays in layer]
        peak = torch.tensor([pays[:OWN] + [0.0] * OWN for pays in heads])[:, :OWN].amax(0)
        torch.testing.assert_close(row, peak, atol=1e-5, rtol=1e-5)


def test_additive_masks_are_widened() -> None:
    from laco.method.attention import widened

    lowest = torch.finfo(torch.float32).min
    mask = torch.tensor([[[[0.0, -9.0], [0.0, 0.0]]]])
    seen = torch.tensor([[False], [True]])
    out = widened(mask, 2, 3, mask.device, seen)
    assert out is not None
    assert out[0, 0].tolist() == [[lowest, 0.0, -9.0], [0.0, 0.0, 0.0]]
    causal = widened(None, 2, 3, mask.device, seen)
    assert causal is not None
    assert causal[0, 0].tolist() == [[False, True, False], [True, True, True]]
