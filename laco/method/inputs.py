"""What enters the first layer: the input embeddings, in every decoder family the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor


@contextmanager
def recorded(decoder: Any) -> Iterator[list[Tensor]]:
    """Collects the input embeddings [tokens, D] of every forward pass (batch of one) in the block."""
    entered: list[Tensor] = []

    def note(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden: Tensor = args[0] if args else kwargs["hidden_states"]
        entered.append(hidden[0].detach())

    handle = decoder.layers[0].register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield entered
    finally:
        handle.remove()
