"""Options and recompute in every family, images included."""

from typing import Any

import pytest
import torch

from laco import Context, KVCache, attribute, deliberate, infer, share
from laco.method.attention import Hearing
from laco.method.recompute import EMBEDDED, recipe_for, recompute


def close(made: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(made, expected, atol=tolerance, rtol=tolerance)


def same(made: KVCache, sent: KVCache) -> None:
    assert made.layer_ids == sent.layer_ids
    assert torch.equal(made.positions, sent.positions)
    for ours, theirs in zip(made.layers, sent.layers, strict=True):
        close(ours.keys, theirs.keys)
        close(ours.values, theirs.values)


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("layers", [(0,), (0, 1), (2,)])
def test_recompute_equals_share(case: Any, layers: tuple[int, ...], steps: int) -> None:
    trace = deliberate(case.backbone, case.spoken, steps)
    kept = attribute(trace, 0.5)
    for latents in ("embeds", "replay"):
        recipe = recipe_for(case.backbone, trace, kept, layers=layers, latents=latents)  # type: ignore[arg-type]
        same(recompute(case.backbone, recipe), share(trace, kept, layers=layers))


def test_text_around_images_travels_as_ids(seeing: Any) -> None:
    trace = deliberate(seeing.backbone, seeing.spoken, 0)
    recipe = recipe_for(seeing.backbone, trace, range(trace.context_length), layers=(0,))
    images = recipe.ids == EMBEDDED
    assert torch.equal(images, seeing.spoken.ids == 60)
    assert 0 < int(images.sum()) < len(images)


@pytest.mark.parametrize("place", ["prefix", "after_sink", "before_last"])
@pytest.mark.parametrize("window", ["visible", "strict"])
def test_shifted_equals_as_sent(case: Any, place: Any, window: Any) -> None:
    trace = deliberate(case.backbone, case.spoken, 1)
    part = share(trace, attribute(trace, 0.5), layers=(0, 2))
    sent = infer(case.backbone, case.own, [part], place=place, window=window)
    shifted = infer(case.backbone, case.own, [part], place=place, window=window, rotary="shifted")
    assert int(shifted.cache.positions.min()) == 0
    close(shifted.hidden, sent.hidden, 5e-5)
    alone = infer(case.backbone, case.own)
    hidden = {"prefix": 0, "after_sink": 1, "before_last": len(case.own.ids) - 1}[place]
    close(shifted.hidden[:hidden], alone.hidden[:hidden])
    if window == "visible":  # a strict window shorter than the context hides everything from the last token
        assert float((shifted.hidden[hidden] - alone.hidden[hidden]).abs().max()) > 1e-4


def test_strict_is_told_to_every_sliding_layer(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window that a family's attention passes on is the one that hides foreign columns."""
    told: dict[int, Any] = {}
    seen = Hearing.seen

    def note(self: Hearing, layer: int, queries: int, columns: int, window: int | None) -> Any:
        told[layer] = window
        return seen(self, layer, queries, columns, window)

    monkeypatch.setattr(Hearing, "seen", note)
    trace = deliberate(case.backbone, Context(ids=torch.arange(3, 12)), 0)
    part = share(trace, range(9), layers=(0, 1, 2))
    near = infer(case.backbone, case.own, [part], window="strict").hidden
    kinds = getattr(case.backbone.decoder.config, "layer_types", None)
    sliding = {n for n in range(3) if case.family.window and (kinds is None or kinds[n] == "sliding_attention")}
    assert {layer for layer, window in told.items() if window is not None} == sliding
    far = infer(case.backbone, case.own, [part.select(range(9))], window="visible").hidden
    assert torch.equal(near, far) == (not sliding)
