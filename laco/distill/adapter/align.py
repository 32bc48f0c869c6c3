"""One text as two models read it, and which of their tokens have read the same characters.

Tokenizers cut a text at different places. Where two of them cut at the same character, the last token before
the cut has read exactly the same text in both models: those pairs are what a map can be learned from. (X-Token
aligns output distributions by such spans; here they align keys and values.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from laco.errors import ConfigError
from laco.method.backbone import Backbone
from laco.method.context import Context

NO_TEXT = -1
"""End of a token that is no part of the text: the opening, a chat template's."""


@dataclass(frozen=True, eq=False)
class Reading:
    """Tokens of a text.

    ids: int64 [T], the opening first. ends: per token, how many characters of the text have been read after
    it, or `NO_TEXT`.
    """

    ids: Tensor
    ends: tuple[int, ...]

    @property
    def context(self) -> Context:
        """The same tokens as a backbone reads them."""
        return Context(ids=self.ids)


def opening(backbone: Backbone) -> int:
    """The token that every context begins with: the tokenizer's beginning of text, else its end of text.

    Raises: ConfigError without a tokenizer, or for one that has neither.
    """
    for name in ("bos_token_id", "eos_token_id"):
        token = getattr(backbone.tokenizer, name, None)
        if token is not None:
            return int(token)
    raise ConfigError("an adapter needs tokenizers with a beginning or an end of text")


def read(backbone: Backbone, text: str) -> Reading:
    """The opening and the text. Raises: ConfigError for a tokenizer that does not say where its tokens lie."""
    ids, spans = _encoded(backbone, text)
    ends = (NO_TEXT, *(end for _, end in spans))
    return Reading(torch.tensor([opening(backbone), *ids]), ends)


def read_in_chat(backbone: Backbone, text: str) -> Reading:
    """The text as a user's message in the tokenizer's chat template, up to where the answer begins.

    Raises: ConfigError as `read` does, without a template, and for one that changes the message.
    """
    if not has_chat(backbone):
        raise ConfigError("this tokenizer has no chat template")
    said = [{"role": "user", "content": text}]
    whole: str = backbone.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    start = whole.find(text)
    if start < 0:
        raise ConfigError("this tokenizer's chat template changes the message")
    ids, spans = _encoded(backbone, whole)
    inside = range(start, start + len(text) + 1)
    ends = tuple(end - start if begin in inside and end in inside else NO_TEXT for begin, end in spans)
    return Reading(torch.tensor(ids), ends)


def has_chat(backbone: Backbone) -> bool:
    """Whether the tokenizer has a chat template."""
    return getattr(backbone.tokenizer, "chat_template", None) is not None


def aligned(source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Pairs int64 [n, 2] of tokens after which both have read the same text, ascending.

    source, target: the tokens' ends. Of tokens with the same end (bytes of one character) the last counts.
    """
    theirs = {end: token for token, end in enumerate(source) if end > 0}
    ours = {end: token for token, end in enumerate(target) if end > 0}
    pairs = [(theirs[end], ours[end]) for end in sorted(theirs.keys() & ours.keys())]
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)


def _encoded(backbone: Backbone, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """Ids and character spans of the tokens, no special token added."""
    if not getattr(backbone.tokenizer, "is_fast", False):
        raise ConfigError("an adapter needs tokenizers that tell the characters of each token (fast ones)")
    found = backbone.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return list(found["input_ids"]), [(int(begin), int(end)) for begin, end in found["offset_mapping"]]
