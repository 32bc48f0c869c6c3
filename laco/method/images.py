"""Images become input embeddings and positions, by the model's own code; behind that they are tokens like others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from laco.errors import ConfigError


class _Reached(Exception):  # noqa: N818 - not an error: the model's forward has come to the decoder
    """Carries what a vision-language model hands to its decoder, [1, T, D] and [axes, 1, T] or None."""

    def __init__(self, embeds: Tensor, positions: Tensor | None) -> None:
        super().__init__()
        self.embeds = embeds
        self.positions = positions


def merge(model: Any, decoder: Any, ids: Tensor, extras: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """Input embeddings [T, D] with the images in place, and M-RoPE positions [axes, T] (None: 0..T-1).

    The model's own forward runs up to its decoder, so every family merges, and counts positions, in its own way.

    ids: [T], with the model's image tokens. extras: pixel values and the like, as its processor gives them.
    Raises: ConfigError if the model cannot merge them, with its reason.
    """
    given = _with_token_types(model, decoder, ids, extras)
    with _stopping_at(decoder), _rope_deltas_kept(model):
        try:
            model(input_ids=ids[None], **given)
        except _Reached as reached:
            where = reached.positions
            return reached.embeds[0], None if where is None else where[:, 0]
        except torch.OutOfMemoryError:
            raise
        except (ValueError, TypeError, RuntimeError, IndexError, StopIteration) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(f"the images do not fit the model or the tokens: {reason[0]}") from error
    raise ConfigError(f"{type(model).__name__} does not hand its images to its decoder")


def _with_token_types(model: Any, decoder: Any, ids: Tensor, extras: Mapping[str, Any]) -> dict[str, Any]:
    """The extras, with the token types that M-RoPE counts by where they are missing: 1 image, 2 video.

    Without them the model would silently number its image tokens like text.
    """
    given = dict(extras)
    if hasattr(decoder.rotary_emb, "mrope_section") and "mm_token_type_ids" not in given:
        kinds = (ids == model.config.image_token_id).int() + 2 * (ids == model.config.video_token_id).int()
        given["mm_token_type_ids"] = kinds[None]
    return given


@contextmanager
def _stopping_at(decoder: Any) -> Iterator[None]:
    """While this holds, a call of the decoder raises `_Reached` with its arguments."""

    def stop(_: Any, __: Any, arguments: dict[str, Any]) -> None:
        raise _Reached(arguments["inputs_embeds"], arguments.get("position_ids"))

    hook = decoder.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _rope_deltas_kept(model: Any) -> Iterator[None]:
    """Qwen2-VL notes on itself how far positions and tokens are apart: the caller's note is put back."""
    keepers = [(module, module.rope_deltas) for module in model.modules() if hasattr(module, "rope_deltas")]
    try:
        yield
    finally:
        for module, before in keepers:
            module.rope_deltas = before
