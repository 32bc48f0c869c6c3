"""Recompute against share: the same cache from what entered the network, per band and kind of context; every family is
in `families/test_options.py`."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from laco import Backbone, Context, KVCache, attribute, deliberate, infer, share
from laco.errors import ConfigError
from laco.method.recompute import EMBEDDED, Recipe, recipe_for, recompute

IDS = [5, 9, 2, 30, 7, 11, 8, 40, 3]


def close(made: KVCache, sent: KVCache) -> None:
    assert made.layer_ids == sent.layer_ids
    assert torch.equal(made.positions, sent.positions)
    for ours, theirs in zip(made.layers, sent.layers, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours.values, theirs.values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("layers", [(0,), (1, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("latents", ["embeds", "replay"])
def test_equals_what_is_shared(backbone: Backbone, layers: tuple[int, ...], steps: int, latents: Any) -> None:
    made = torch.randn(9, backbone.width, generator=torch.Generator().manual_seed(2)) * 0.3
    trace = deliberate(backbone, IDS if backbone.has_vocabulary else made, steps)
    kept = attribute(trace, 0.4)
    recipe = recipe_for(backbone, trace, kept, layers=layers, latents=latents)
    close(recompute(backbone, recipe), share(trace, kept, layers=layers))


def test_own_positions(untied: Backbone) -> None:
    context = Context(ids=torch.tensor(IDS[:4]), position_ids=torch.tensor([4, 5, 9, 20]))
    trace = deliberate(untied, context, 2)
    recipe = recipe_for(untied, trace, [1, 3], layers=(1,))
    close(recompute(untied, recipe), share(trace, [1, 3], layers=(1,)))
    replayed = recipe_for(untied, trace, [1, 3], layers=(1,), latents="replay")
    close(recompute(untied, replayed), share(trace, [1, 3], layers=(1,)))


def test_what_travels(untied: Backbone) -> None:
    trace = deliberate(untied, IDS, 2)
    recipe = recipe_for(untied, trace, [1, 4], layers=(0, 1))
    assert recipe.ids.tolist() == [*IDS, EMBEDDED, EMBEDDED]
    assert torch.equal(recipe.embeds, trace.inputs[9:])  # type: ignore[index]
    assert recipe.kept.nonzero()[:, 0].tolist() == [1, 4, 9, 10]
    replayed = recipe_for(untied, trace, [1, 4], layers=(0, 1), latents="replay")
    assert (replayed.ids.tolist(), replayed.embeds.shape[0], replayed.steps) == (IDS, 0, 2)


def test_what_nothing_depends_on_stays_at_home(untied: Backbone) -> None:
    trace = deliberate(untied, IDS, 0)
    recipe = recipe_for(untied, trace, [1, 4], layers=(0, 1))
    assert recipe.ids.tolist() == IDS[:5]
    close(recompute(untied, recipe), share(trace, [1, 4], layers=(0, 1)))
    nothing = recipe_for(untied, trace, [], layers=(0, 1))
    assert recompute(untied, nothing).num_tokens == 0


def test_inputs_that_are_no_embeddings_of_ids_travel(untied: Backbone) -> None:
    """As image tokens do: an id stands for them, but something else entered."""
    table = untied.decoder.embed_tokens.weight.detach()
    embeds = table[IDS].clone()
    embeds[2:4] = 0.3
    trace = replace(deliberate(untied, embeds, 0), ids=torch.tensor(IDS))
    recipe = recipe_for(untied, trace, range(9), depth=0.5)
    assert [j for j, i in enumerate(recipe.ids.tolist()) if i == EMBEDDED] == [2, 3]
    close(recompute(untied, recipe), share(trace, range(9), depth=0.5))


def test_heard_like_what_is_shared(untied: Backbone) -> None:
    trace = deliberate(untied, IDS, 2)
    kept = attribute(trace, 0.5)
    made = recompute(untied, recipe_for(untied, trace, kept, layers=(1, 2)))
    expected = infer(untied, [4, 4, 2], [share(trace, kept, layers=(1, 2))])
    torch.testing.assert_close(infer(untied, [4, 4, 2], [made]).hidden, expected.hidden, atol=1e-5, rtol=1e-5)


def test_deeper_layers_do_not_run(untied: Backbone) -> None:
    trace = deliberate(untied, IDS, 0)
    recipe = recipe_for(untied, trace, [8], layers=(0, 1))
    ran: list[int] = []
    hooks = [
        layer.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
        for number, layer in enumerate(untied.decoder.layers)
    ]
    before = list(untied.decoder.layers)
    recompute(untied, recipe)
    assert ran == [0, 1]
    assert list(untied.decoder.layers) == before
    for hook in hooks:
        hook.remove()


def test_the_model_is_whole_again_after_an_error(untied: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_for(untied, deliberate(untied, IDS, 0), [8], layers=(0, 1))

    def fail(*_: Any) -> Tensor:
        raise RuntimeError("broken layer")

    monkeypatch.setattr(untied.decoder.layers[1].mlp, "forward", fail)
    with pytest.raises(RuntimeError, match="broken layer"):
        recompute(untied, recipe)
    assert len(untied.decoder.layers) == untied.num_layers == 5


def test_cost(untied: Backbone) -> None:
    """Weights of a layer: q and o 36 x 60, k and v 36 x 20, three MLP matrices 36 x 40; two layers, 9 tokens."""
    trace = deliberate(untied, IDS, 3)
    weights = 2 * 36 * 60 + 2 * 36 * 20 + 3 * 36 * 40
    shallow = recipe_for(untied, deliberate(untied, IDS, 0), [8], layers=(1,)).cost(untied)
    assert shallow.layer_tokens == 2 * 9
    assert shallow.flops == 2 * 2 * weights * 9 + 2 * 2 * 60 * 9**2
    assert recipe_for(untied, trace, [8], layers=(1,)).cost(untied).layer_tokens == 2 * 12
    assert recipe_for(untied, trace, [8], layers=(1,), latents="replay").cost(untied).layer_tokens == 5 * 12


def recipe(**changes: Any) -> Recipe:
    whole: dict[str, Any] = {
        "ids": torch.tensor([3, EMBEDDED]), "embeds": torch.zeros(1, 36), "positions": torch.arange(2)[None],
        "kept": torch.tensor([True, True]), "layers": (0, 2),
    }  # fmt: skip
    return Recipe(**(whole | changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"embeds": torch.zeros(2, 36)}, "1 of them embeddings"),
        ({"positions": torch.arange(3)[None]}, "positions"),
        ({"kept": torch.tensor([True])}, "kept"),
        ({"layers": (2, 2)}, "ascending layers"),
        ({"layers": ()}, "ascending layers"),
    ],
)
def test_recipes_that_do_not_fit_themselves(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        recipe(**changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ids": torch.tensor([64, EMBEDDED])}, "ids must be in"),
        ({"ids": torch.tensor([-2, EMBEDDED])}, "ids must be in"),
        ({"embeds": torch.zeros(1, 35)}, "35 wide, not 36"),
        ({"layers": (0, 5)}, "needs layer 5"),
    ],
)
def test_recipes_that_do_not_fit_the_model(untied: Backbone, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        recompute(untied, recipe(**changes))


def test_a_recipe_needs_inputs(untied: Backbone) -> None:
    trace = deliberate(untied, IDS, 1)
    with pytest.raises(ConfigError, match="has no inputs"):
        recipe_for(untied, replace(trace, inputs=None), [0])
    with pytest.raises(ConfigError, match="latents must be one of"):
        recipe_for(untied, trace, [0], latents="none")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="kept must be in"):
        recipe_for(untied, trace, [9])
