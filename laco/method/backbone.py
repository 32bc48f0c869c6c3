"""`Backbone`: one face over transformers decoders."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from laco.config import Realign
from laco.errors import ConfigError
from laco.method import registry
from laco.method.context import Context
from laco.method.fingerprint import fingerprint_of
from laco.method.realignment import NO_RIDGE, mean_row_norm, rescaled, ridge
from laco.method.support import decoder_of
from laco.method.template import of_messages


class Backbone:
    """A decoder that can be read, made to think, and made to listen. The model stays the caller's.

    What is derived from the weights (fingerprint, realignment map, input norm) is computed when first asked
    for and kept: make a new Backbone after training the model.

    model: a transformers decoder with or without an output matrix (LlamaForCausalLM, LlamaModel, ...).
    tokenizer: its tokenizer, needed for contexts given as text.
    input_norm: Euclidean norm of a typical input embedding; None means the mean over the input embedding
        rows. A model without a vocabulary needs it to take latent steps.
    Raises: BackboneError, with the reason, for a model that is not supported.
    """

    def __init__(self, model: Any, tokenizer: Any = None, input_norm: float | None = None) -> None:
        if input_norm is not None and not input_norm > 0.0:
            raise ConfigError(f"input_norm must be positive, not {input_norm}")
        self.decoder = decoder_of(model)
        self.model = model
        self.tokenizer = tokenizer
        self._given_input_norm = input_norm

    @classmethod
    def load(
        cls, name: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> "Backbone":
        """A backbone by a built-in name, a local folder, or a hub id.

        dtype: of the weights; None means float32 on a CPU (most have no fast half precision), else as stored.
        A config entry `laco_input_norm`, if there is one, becomes the input norm.
        Raises: BackboneError if it cannot be loaded or is not supported.
        """
        from laco.method.loading import load_model  # the Auto classes take a second to import

        model, tokenizer = load_model(registry.locate(name), dtype=dtype, device=torch.device(device))
        return cls(model, tokenizer, getattr(model.config, "laco_input_norm", None))

    @property
    def num_layers(self) -> int:
        """Decoder layers L."""
        return int(self.decoder.config.num_hidden_layers)  # the list is shorter while another thread recomputes

    @property
    def kv_heads(self) -> int:
        """Key/value heads per layer."""
        return int(self.decoder.config.num_key_value_heads)

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return 2 * self.inv_freq.numel()

    @property
    def width(self) -> int:
        """Width D of embeddings and hidden states."""
        return int(self.decoder.config.hidden_size)

    @property
    def inv_freq(self) -> Tensor:
        """Rotary frequencies [head_dim / 2] [rad/position]."""
        frequencies: Tensor = self.decoder.rotary_emb.inv_freq
        return frequencies

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights, and so of hidden states and caches."""
        return self._weight.dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self._weight.device

    @property
    def _weight(self) -> Tensor:
        """A weight that every supported decoder has: its final norm's."""
        weight: Tensor = self.decoder.norm.weight
        return weight

    @property
    def output(self) -> nn.Module | None:
        """The output matrix's module, or None for a model without a vocabulary."""
        module: nn.Module | None = self.model.get_output_embeddings()
        return module

    @property
    def has_vocabulary(self) -> bool:
        """Whether hidden states can be turned into logits."""
        return self.output is not None

    @property
    def num_embeddings(self) -> int | None:
        """Rows of the input embedding matrix; None if the decoder takes embeddings only."""
        table = getattr(self.decoder, "embed_tokens", None)
        return table.weight.shape[0] if isinstance(table, nn.Embedding) else None

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that identify architecture and weights (XXH3-128)."""
        return fingerprint_of(self.model, self.decoder.config)

    @cached_property
    def input_norm(self) -> float:
        """Norm to which a realigned vector is rescaled. Raises: ConfigError if there is none to be had."""
        if self._given_input_norm is not None:
            return float(self._given_input_norm)
        if not self.has_vocabulary:
            raise ConfigError("a backbone without a vocabulary needs input_norm for latent steps")
        return mean_row_norm(self.decoder.embed_tokens.weight.detach())

    @cached_property
    def alignment(self) -> Tensor:
        """The ridge map W_a, float32 [D, D], for row vectors: e = h W_a (sec. 4.2)."""
        if self.output is None:
            raise ConfigError(NO_RIDGE)
        weight: Any = self.output.weight
        return ridge(weight.detach(), self.decoder.embed_tokens.weight.detach())

    def realigned(self, hidden: Tensor, realign: Realign) -> Tensor:
        """A last hidden state [D] as the next input embedding [D], in the backbone's dtype."""
        vector = hidden.float()
        if realign == "ridge":
            vector = vector @ self.alignment
        return rescaled(vector, self.input_norm).to(self.dtype)

    def tokenize(self, text: str) -> list[int]:
        """The tokenizer's own ids, special tokens included. Raises: ConfigError without a tokenizer."""
        if self.tokenizer is None:
            raise ConfigError("this backbone has no tokenizer: give token ids or embeddings")
        ids: list[int] = self.tokenizer(text)["input_ids"]
        return ids

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool = True) -> Context:
        """Messages ({"role", "content"}) through the tokenizer's chat template, as a context of ids.

        With a fast tokenizer the context knows which tokens are the messages' own (`Context.content`).
        Raises: ConfigError if the tokenizer has no template.
        """
        if getattr(self.tokenizer, "chat_template", None) is None:
            raise ConfigError("this backbone's tokenizer has no chat template: give plain text")
        text = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
        )
        fast = bool(getattr(self.tokenizer, "is_fast", False))
        # The template writes its special tokens itself.
        read = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=fast)
        says = of_messages(text, read["offset_mapping"], [m["content"] for m in messages]) if fast else None
        return Context.of(self, Context(ids=torch.tensor(read["input_ids"], dtype=torch.int64), content=says))

    def forward(self, context: Context, positions: Tensor | None, cache: Any, **extra: Any) -> Tensor:
        """Last hidden states [T, D], after the final norm, of a checked context; the cache grows by T tokens.

        positions: int64 [T], or None for the model's own. cache: a transformers cache.
        """
        tokens: dict[str, Any]
        if context.ids is not None:
            tokens = {"input_ids": context.ids[None]}
        else:
            tokens = {"inputs_embeds": None if context.embeds is None else context.embeds[None]}
        if positions is not None:
            tokens["position_ids"] = positions[None]
        out = self.decoder(**tokens, past_key_values=cache, use_cache=True, return_dict=True, **extra)
        hidden: Tensor = out.last_hidden_state
        return hidden[0]

    def logits(self, hidden: Tensor) -> Tensor | None:
        """Logits [T, V] of last hidden states [T, D]; None without a vocabulary."""
        output = self.output
        if output is None:
            return None
        scores: Tensor = output(hidden[None])[0]
        return scores

    def __repr__(self) -> str:
        name = type(self.model).__name__
        return f"Backbone({name}, layers={self.num_layers}, width={self.width}, {self.dtype})"
