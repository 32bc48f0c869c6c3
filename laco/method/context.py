"""`Context`: what a vehicle's model reads before it thinks, speaks or listens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import torch
from torch import Tensor

from laco.errors import ConfigError

if TYPE_CHECKING:
    from laco.method.backbone import Backbone

ContextLike = Union["Context", str, Tensor, Sequence[int]]


@dataclass(frozen=True, eq=False)
class Context:
    """T tokens, either as vocabulary ids or as input embeddings.

    ids: integer [T]; or
    embeds: floating [T, D].
    position_ids: integer [T], rotary positions; None means 0..T-1.
    extras: what else a model needs (images); no backbone of today takes any.
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
        if where is not None and (where.shape != (len(self),) or not _is_integer(where)):
            raise ConfigError(
                f"position_ids must be integers [{len(self)}], not {where.dtype} {list(where.shape)}"
            )
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
        if made.extras:
            raise ConfigError(f"this backbone takes no extras, got {', '.join(sorted(made.extras))}")
        positions = None if made.position_ids is None else made.position_ids.to(backbone.device, torch.int64)
        says = None if made.content is None else made.content.to(backbone.device)
        if made.ids is not None:
            return cls(ids=_known(made.ids, backbone), position_ids=positions, content=says)
        return cls(embeds=_fitting(made.embeds, backbone), position_ids=positions, content=says)

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
