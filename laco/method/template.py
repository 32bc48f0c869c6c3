"""Which tokens of a context say something, and which belong to the chat template or are special."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


def not_special(ids: Tensor, tokenizer: Any) -> Tensor | None:
    """bool [T], False for the tokenizer's special tokens; None without a tokenizer."""
    if tokenizer is None:
        return None
    special = torch.tensor(sorted(tokenizer.all_special_ids), dtype=ids.dtype, device=ids.device)
    return ~torch.isin(ids, special)


def of_messages(text: str, offsets: Sequence[tuple[int, int]], contents: Iterable[str]) -> Tensor:
    """bool [T]: whether a token of templated text overlaps what one of the messages says.

    offsets: of each token, its first character in `text` and the one behind its last.
    contents: of the messages, in order. Templates may strip them; one that is not found says nothing.
    """
    spans = []
    cursor = 0
    for content in contents:
        start = text.find(content.strip(), cursor)
        if content.strip() and start >= 0:
            cursor = start + len(content.strip())
            spans.append((start, cursor))
    says = [any(low < end and start < high for start, end in spans) for low, high in offsets]
    return torch.tensor(says, dtype=torch.bool)
