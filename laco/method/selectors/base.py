"""`Selector`: which context tokens are worth sending. A subclass says its name and scores the tokens.

The signature is that of kvpress's `ScorerPress.score(module, hidden_states, keys, values, attentions, kwargs)`,
so that a scorer of one can be carried over to the other; kvpress itself is no dependency, since it pins an
older transformers. Two things differ, both because a message has the *same* tokens in each of its layers:
a selector is asked once per trace and not once per layer, so `trace` stands where kvpress has the layer's
`module`, and keys and values come as one tensor per layer; and attentions are those of the latent steps, not of
the prompt, already reduced over layers and heads as CHSA wants them (a full map would be gigabytes).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from laco.errors import ConfigError
from laco.method.deliberation import Trace


class Selector(ABC):
    """Scores context tokens; the best are kept. Parameters of a selector are its dataclass fields."""

    name: ClassVar[str]

    @abstractmethod
    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        """The importance of each context token; higher is kept first.

        trace: the deliberation, for what the other arguments do not show.
        hidden_states: [1, 1 + m, D], last hidden states of the last context token and of the latent steps.
        keys, values: per layer [1, kv_heads, T, head_dim], the context's.
        attentions: [1, 1, max(m, 1), T], what each latent step pays to each token, maximum over layers and heads.
        kwargs: options of the call; `horizon` is "max" or "mean" (see `LacoConfig`).
        Returns: [1, heads, T], with any number of heads; the maximum over them counts.
        """

    def select(self, trace: Trace, count: int, **kwargs: Any) -> Tensor:
        """The `count` best tokens: int64 [count], ascending. Equal scores go to the earlier token.

        Raises: ConfigError for scores of a wrong shape or with NaN.
        """
        length = trace.context_length
        layers = trace.cache.layers
        keys = [layer.keys[None, :, :length] for layer in layers]
        values = [layer.values[None, :, :length] for layer in layers]
        scores = self.score(trace, trace.hidden[None], keys, values, trace.saliency[None, None], kwargs)
        if scores.ndim != 3 or scores.shape[0] != 1 or scores.shape[2] != length or bool(scores.isnan().any()):
            found = list(scores.shape)
            raise ConfigError(f"selector {self.name!r} must score [1, heads, {length}] without NaN, not {found}")
        order = torch.argsort(scores[0].amax(0), descending=True, stable=True)
        return order[:count].sort().values
