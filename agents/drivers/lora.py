"""A LoRA in a language model: low-rank changes to some weights, added to them when a driver is loaded.

Thinking then costs what it did before. The sum is made element by element in one order: it is the same, bit for bit,
on every machine, and so is the fingerprint that goes with it.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from laco.agents.drivers.lora_file import KEY, Card, card_of
from laco.errors import BackboneError
from laco.method.backbone import Backbone

Pair = tuple[Tensor, Tensor]


def save(path: Path, pairs: Mapping[str, Pair], card: Card) -> None:
    """Write a file whole or not at all. pairs: by a weight's name, A [rank, in] and B [out, rank], scale included."""
    tensors = {}
    for name, (a, b) in pairs.items():
        tensors[f"{name}.a"] = a.detach().to(torch.float16).contiguous()
        tensors[f"{name}.b"] = b.detach().to(torch.float16).contiguous()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, part, {KEY: msgspec.json.encode(card).decode()})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> tuple[Card, dict[str, Pair]]:
    """Card and matrices of a file, float32. Raises: BackboneError for a file that is not ours or not whole."""
    card = card_of(path)
    with safe_open(str(path), framework="pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a mapping)
    names = sorted({name.rpartition(".")[0] for name in tensors})
    try:
        return card, {name: (tensors[f"{name}.a"], tensors[f"{name}.b"]) for name in names}
    except KeyError as error:
        raise BackboneError(f"{path} lacks {error}") from error


def merged(backbone: Backbone, path: Path) -> Backbone:
    """The backbone with the file's changes in its weights, which are overwritten: it has a fingerprint of its own.

    Raises: BackboneError for a file that is not ours, or was made for another model.
    """
    card, pairs = load(path)
    if card.model != backbone.fingerprint:
        raise BackboneError(f"{path} was made for model {card.model}, this one is {backbone.fingerprint}")
    modules = dict(backbone.decoder.named_modules())
    for name, pair, weight in _weights(modules, pairs, path):
        if not all(bool(torch.isfinite(part).all()) for part in pair):
            raise BackboneError(f"{path} holds NaN or infinity in {name}")
        add(weight, *pair)
    return Backbone(backbone.model, backbone.tokenizer, getattr(backbone.model.config, "laco_input_norm", None))


def beside(tuned: Backbone, model: str, path: Path) -> Backbone:
    """The model without its LoRA, beside the one that has it in: what the file leaves alone they share.

    model: what was loaded. path: the LoRA in it.
    """
    plain, changed = Backbone.load(model, device=tuned.device), {f"{name}.weight" for name in load(path)[1]}
    theirs = dict(tuned.decoder.named_parameters())
    for name, weight in plain.decoder.named_parameters():
        if name not in changed:
            weight.data = theirs[name].data
    return plain


def _weights(
    modules: Mapping[str, nn.Module], pairs: Mapping[str, Pair], path: Path
) -> Iterator[tuple[str, Pair, Tensor]]:
    """Each weight and what is added to it, all of them compared before the first is changed."""
    found = []
    for name, (a, b) in pairs.items():
        weight = getattr(modules.get(name), "weight", None)
        fits = weight is not None and a.dim() == b.dim() == 2 and a.shape[0] == b.shape[1]
        if weight is None or not fits or weight.shape != (b.shape[0], a.shape[1]):
            raise BackboneError(f"{path}: {name} does not fit the model")
        found.append((name, (a, b), weight))
    yield from found


@torch.no_grad()
def add(weight: Tensor, a: Tensor, b: Tensor) -> None:
    """weight [out, in] += b a, rank by rank, so that no library decides about the order of a sum."""
    change = torch.zeros_like(weight, dtype=torch.float32, device="cpu")
    for k in range(a.shape[0]):
        change = change + b[:, k : k + 1] * a[k : k + 1]
    weight.add_(change.to(weight.device, weight.dtype))
