"""`random`: what any other selector has to beat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from laco.method.deliberation import Trace
from laco.method.selectors.base import Selector


@dataclass(frozen=True)
class Random(Selector):
    """Uniform; contexts of one length get the same draw, on every machine and device."""

    seed: int = 0
    name: ClassVar[str] = "random"

    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        return torch.rand(1, 1, trace.context_length, generator=generator).to(attentions.device)
