"""`content`: CHSA among the tokens that say something. Its maximum likes template tokens, attention sinks most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from laco.method.deliberation import Trace
from laco.method.selectors.chsa import Chsa


@dataclass(frozen=True)
class Content(Chsa):
    """CHSA without template and special tokens (`Context.content`), which come last, by CHSA among themselves.

    Where nothing tells them apart (a context of embeddings without a mask) this is CHSA.
    """

    name: ClassVar[str] = "content"

    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        scores = super().score(trace, hidden_states, keys, values, attentions, kwargs)
        if trace.content is None:
            return scores
        return scores + 2.0 * trace.content.to(scores)  # an attention is at most 1
