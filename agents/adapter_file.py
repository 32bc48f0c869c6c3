"""Adapter files: safetensors whose metadata name both models; checked before anything is made of them."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import torch
from msgspec import Meta
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from laco.errors import BackboneError, ConfigError
from laco.method.adapter import CacheAdapter, Heads

KEY = "laco_adapter"
"""The one entry of the file's metadata (safetensors writes several in no fixed order): the card, as JSON."""

VERSION = 1
"""Of what an adapter does with a cache. Another one is another contract, and is refused on both sides."""

Number = Annotated[int, Meta(ge=0, lt=512)]
Shape = tuple[Annotated[int, Meta(ge=1, le=1024)], Annotated[int, Meta(ge=2, le=4096)]]
Parts = Annotated[tuple[Number, ...], Meta(min_length=1, max_length=64)]


class _Version(msgspec.Struct, frozen=True):
    """The part of a card that every version has."""

    version: int


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of itself.

    source, target: fingerprints of the models. source_heads, target_heads: their key/value heads and width.
    layers: for each target layer, the source layers it is made of. hidden, first: see `CacheAdapter`.
    recipe: how it was trained.
    """

    version: int
    source: Annotated[str, Meta(min_length=1, max_length=64)]
    target: Annotated[str, Meta(min_length=1, max_length=64)]
    source_heads: Shape
    target_heads: Shape
    layers: Annotated[tuple[tuple[Number, Parts], ...], Meta(min_length=1, max_length=512)]
    hidden: Annotated[int, Meta(ge=1, le=8192)]
    first: bool = False
    recipe: str = ""


def name_of(source: str, target: str) -> str:
    """The usual file name of an adapter between two fingerprints."""
    return f"adapter-{source[:12]}-{target[:12]}-v{VERSION}.safetensors"


def save(path: Path, adapter: CacheAdapter, source: str, target: str, recipe: str = "") -> None:
    """Writes a file whole or not at all; the same adapter gives the same bytes.

    source, target: fingerprints of the models it was trained between.
    """
    card = Card(
        version=VERSION,
        source=source,
        target=target,
        source_heads=(adapter.source.kv_heads, adapter.source.head_dim),
        target_heads=(adapter.target.kv_heads, adapter.target.head_dim),
        layers=tuple(adapter.layers.items()),
        hidden=adapter.hidden,
        first=adapter.first,
        recipe=recipe,
    )
    metadata = {KEY: msgspec.json.encode(card).decode()}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({name: tensor.contiguous() for name, tensor in adapter.state_dict().items()}, part, metadata)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def card_of(path: Path) -> Card:
    """The file's card. Raises: BackboneError for a file that is not ours, or of another version."""
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
    except (OSError, SafetensorError) as error:
        raise BackboneError(f"{path} cannot be read as an adapter: {' '.join(str(error).split())}") from error
    if text is None:
        raise BackboneError(f"{path} is not an adapter file")
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version != VERSION:
            raise BackboneError(f"{path} has adapter version {version}, this program takes {VERSION}")
        return msgspec.json.decode(text, type=Card)
    except msgspec.MsgspecError as error:
        raise BackboneError(f"{path} does not say what it holds: {error}") from error


def load(path: Path) -> tuple[Card, CacheAdapter]:
    """The file's card and adapter, ready to use.

    Raises: BackboneError for a file that is not ours, is of another version, or does not hold what it says.
    """
    card = card_of(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        layers = dict(card.layers)
        rotary = (tensors["source_frequencies"], tensors["target_frequencies"])
        heads = Heads(*card.source_heads), Heads(*card.target_heads)
        with torch.device("meta"):  # its sizes come from the file: nothing is allocated before they are compared
            adapter = CacheAdapter(*heads, layers, rotary, hidden=card.hidden, first=card.first)
        adapter.load_state_dict(tensors, assign=True)
    except (OSError, SafetensorError, KeyError, RuntimeError, ConfigError) as error:
        raise BackboneError(f"{path} does not hold what it says: {' '.join(str(error).split())}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in adapter.state_dict().values()):
        raise BackboneError(f"{path} holds numbers that are not finite")
    return card, adapter.eval().requires_grad_(False)
