"""`recent`: the last tokens. In a causal model they have read all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from laco.method.deliberation import Trace
from laco.method.selectors.base import Selector


@dataclass(frozen=True)
class Recent(Selector):
    """By place in the context, the last first."""

    name: ClassVar[str] = "recent"

    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        return torch.arange(trace.context_length, device=attentions.device)[None, None].float()
