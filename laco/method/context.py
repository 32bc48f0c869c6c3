"""`Context`: what a vehicle's model reads before it thinks, speaks or listens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import torch
from torch import Tensor

from laco.errors import ConfigError
from laco.method.rotary import rows

if TYPE_CHECKING:
    from laco.method.backbone import Backbone

ContextLike = Union["Context", str, Tensor, Sequence[int]]


@dataclass(frozen=True, eq=False)
class Context:
    """T tokens, either as vocabulary ids or as input embeddings.

    ids: integer [T]; or
    embeds: floating [T, D].
    position_ids: integer [T], or [axes, T] with M-RoPE: rotary positions; None means the model's own, 0..T-1
        for text.
    extras: images, beside ids that hold the model's image tokens: pixel_values and what else its processor
        gives (`Backbone.image_inputs` has the names), each as the processor gives it for a batch of one.
    content: bool [T], whether a token says something; False for those of a chat template. Used by the selector
        "content"; None leaves only the tokenizer's special tokens out.
    Raises: ConfigError unless exactly one of ids and embeds is given, with at least one token.
    """

    ids: Tensor | None = None
    embeds: Tensor | None = None
    position_ids: Tensor | None = None
    extras: Mapping[str, Any] | None = None
    content: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.ids is None) == (self.embeds is None):
            raise ConfigError("a context has either ids or embeds, exactly one of the two")
        if self.ids is not None and (self.ids.ndim != 1 or not _is_integer(self.ids)):
            raise ConfigError(f"ids must be integers [T], not {self.ids.dtype} {list(self.ids.shape)}")
        if self.embeds is not None and (self.embeds.ndim != 2 or not self.embeds.is_floating_point()):
            found = f"{self.embeds.dtype} {list(self.embeds.shape)}"
            raise ConfigError(f"embeds must be floating [T, D], not {found}")
        if len(self) == 0:
            raise ConfigError("the context is empty")
        where = self.position_ids
        if where is not None and (where.ndim not in (1, 2) or where.shape[-1] != len(self) or not _is_integer(where)):
            found = f"{where.dtype} {list(where.shape)}"
            raise ConfigError(f"position_ids must be integers [{len(self)}] or [axes, {len(self)}], not {found}")
        says = self.content
        if says is not None and (says.shape != (len(self),) or says.dtype != torch.bool):
            raise ConfigError(f"content must be bool [{len(self)}], not {says.dtype} {list(says.shape)}")

    def __len__(self) -> int:
        """Number of tokens T."""
        tokens = self.ids if self.ids is not None else self.embeds
        return 0 if tokens is None else tokens.shape[0]

    @classmethod
    def of(cls, backbone: "Backbone", context: ContextLike) -> "Context":
        """A context checked against a backbone, on its device and in its dtype.

        context: a Context; a str (the tokenizer's raw output, no chat template); ids [T] as a tensor or a
            list of int; or embeddings [T, D].
        Raises: ConfigError for an empty context, ids out of the vocabulary, embeddings of a wrong width, and
            for what the backbone cannot take.
        """
        made = cls._made(backbone, context)
        positions = None if made.position_ids is None else _on_axes(made.position_ids, backbone)
        says = None if made.content is None else made.content.to(backbone.device)
        if made.ids is not None:
            extras = _readable(made.extras, backbone)
            return cls(_known(made.ids, backbone), position_ids=positions, extras=extras, content=says)
        if made.extras:
            raise ConfigError("images go with ids, which say where their tokens are, not with embeds")
        return cls(embeds=_fitting(made.embeds, backbone), position_ids=positions, content=says)

    @classmethod
    def processed(cls, inputs: Mapping[str, Any]) -> "Context":
        """What a model's processor returns for one conversation: input_ids [1, T], images, an attention mask.

        Raises: ConfigError for a batch of several, and for padding.
        """
        rest = dict(inputs)
        ids, mask = rest.pop("input_ids", None), rest.pop("attention_mask", None)
        if ids is None or ids.ndim != 2 or ids.shape[0] != 1:
            raise ConfigError("a processed context needs input_ids [1, T], one conversation")
        if mask is not None and not bool((mask == 1).all()):
            raise ConfigError("a processed context has no padding: process one conversation alone")
        return cls(ids=ids[0], extras=rest or None)

    @classmethod
    def _made(cls, backbone: "Backbone", context: ContextLike) -> "Context":
        """A Context of any accepted form, not yet checked against the backbone."""
        if isinstance(context, Context):
            return context
        if isinstance(context, str):
            return cls(ids=torch.tensor(backbone.tokenize(context), dtype=torch.int64))
        if isinstance(context, Tensor):
            return cls(embeds=context) if context.is_floating_point() else cls(ids=context)
        if isinstance(context, Sequence) and all(isinstance(token, int) for token in context):
            return cls(ids=torch.tensor(context, dtype=torch.int64))
        kind = type(context).__name__
        raise ConfigError(f"a context is a Context, a str, token ids or embeddings, not {kind}")


def _on_axes(positions: Tensor, backbone: "Backbone") -> Tensor:
    """Positions [T] or [axes, T] as int64 [axes, T] on the backbone's device. Raises: ConfigError for other axes."""
    given = rows(positions)
    if given.shape[0] not in (1, backbone.axes):
        raise ConfigError(f"position_ids have {given.shape[0]} rotary axes, the backbone has {backbone.axes}")
    return given.to(backbone.device, torch.int64).expand(backbone.axes, -1)


def _readable(extras: Mapping[str, Any] | None, backbone: "Backbone") -> dict[str, Any] | None:
    """Extras on the backbone's device. Raises: ConfigError for what it does not read."""
    if not extras:
        return None
    known = backbone.image_inputs
    if unknown := sorted(set(extras) - set(known)):
        taken = f"the extras {', '.join(known)}" if known else f"no extras{backbone.no_images}"
        raise ConfigError(f"this backbone takes {taken}, got {', '.join(unknown)}")
    device = backbone.device  # the dtype is the model's own affair: it casts pixels, but not seconds
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in extras.items()}


def _is_integer(tensor: Tensor) -> bool:
    """Whether a tensor holds integers (booleans are not)."""
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def _known(ids: Tensor, backbone: "Backbone") -> Tensor:
    """Ids [T] on the backbone's device. Raises: ConfigError if the backbone has no such row of embeddings."""
    rows = backbone.num_embeddings
    if rows is None:
        raise ConfigError("this backbone has no token embeddings: give embeds")
    low, high = torch.aminmax(ids)
    if int(low) < 0 or int(high) >= rows:
        raise ConfigError(f"ids must be in 0..{rows - 1}, found {int(low)}..{int(high)}")
    return ids.to(backbone.device, torch.int64)


def _fitting(embeds: Tensor | None, backbone: "Backbone") -> Tensor:
    """Embeddings [T, D] on the backbone's device, in its dtype. Raises: ConfigError if D is another."""
    if embeds is None or embeds.shape[1] != backbone.width:
        width = None if embeds is None else embeds.shape[1]
        raise ConfigError(f"embeds must be {backbone.width} wide, not {width}")
    return embeds.to(backbone.device, backbone.dtype)
