"""What may be a context, and what is refused."""

from typing import Any

import pytest
import torch

from laco import Backbone, Context, deliberate, infer
from laco.errors import ConfigError


def test_forms_are_the_same(untied: Backbone) -> None:
    ids = torch.tensor([4, 8, 15])
    embeds = untied.decoder.embed_tokens.weight[ids].detach()
    expected = infer(untied, Context(ids=ids)).hidden
    for form in (ids, [4, 8, 15], ids.int(), embeds, embeds.double(), Context(embeds=embeds)):
        assert torch.equal(infer(untied, form).hidden, expected)
    assert len(Context(embeds=embeds)) == 3


def test_text_needs_a_tokenizer(untied: Backbone) -> None:
    with pytest.raises(ConfigError, match="no tokenizer"):
        deliberate(untied, "a car brakes")
    untied.tokenizer = lambda text: {"input_ids": [ord(c) % 60 for c in text]}
    out = infer(untied, "brake")
    assert torch.equal(out.hidden, infer(untied, [ord(c) % 60 for c in "brake"]).hidden)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "exactly one"),
        ({"ids": torch.tensor([1]), "embeds": torch.ones(1, 2)}, "exactly one"),
        ({"ids": torch.tensor([], dtype=torch.int64)}, "empty"),
        ({"embeds": torch.ones(0, 36)}, "empty"),
        ({"ids": torch.tensor([[1]])}, "ids must be integers"),
        ({"ids": torch.tensor([True])}, "ids must be integers"),
        ({"ids": torch.tensor([1.0])}, "ids must be integers"),
        ({"embeds": torch.ones(3)}, "embeds must be floating"),
        ({"ids": torch.tensor([1, 2]), "position_ids": torch.tensor([0])}, "position_ids must be integers"),
        ({"ids": torch.tensor([1]), "position_ids": torch.tensor([0.0])}, "position_ids must be integers"),
    ],
)
def test_construction_errors(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Context(**arguments)


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ([], "empty"),
        ([64], "ids must be in 0..63"),
        ([-1, 3], "ids must be in 0..63"),
        (torch.ones(3, 35), "36 wide, not 35"),
        (torch.ones(1, 3, 36), "floating .T, D."),
        (3, "not int"),
        ([0.5], "not list"),
        (None, "not NoneType"),
        (Context(ids=torch.tensor([1]), extras={"pixels": 1}), "no extras, got pixels"),
    ],
)
def test_what_the_backbone_refuses(untied: Backbone, context: Any, text: str) -> None:
    for call in (infer, deliberate):
        with pytest.raises(ConfigError, match=text):
            call(untied, context)


def test_ids_need_embeddings(build: Any) -> None:
    backbone = build("headless")
    backbone.decoder.embed_tokens = None
    with pytest.raises(ConfigError, match="give embeds"):
        infer(backbone, [1])
    assert infer(backbone, torch.ones(2, 36)).hidden.shape == (2, 36)
