"""Making a model's codec table: read passages, measure, fit, write."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from laco.comm.codecs.sinks import FIRST
from laco.comm.codecs.table import VERSION, Table
from laco.distill.codec_table import fit
from laco.distill.codec_table.sensitivity import Statistics, add, alone, frequencies, reading, unrotated
from laco.distill.codec_table.texts import Passage, passages
from laco.errors import ConfigError
from laco.method.backbone import Backbone

Progress = Callable[[float], None]  # share in [0, 1]


@dataclass(frozen=True)
class Recipe:
    """passages: how many, of each length; lengths: tokens of their contexts; after: tokens predicted behind them.

    draws: continuations drawn per passage; counted: passages of each length on which symbols are counted.
    firsts: tokens of the vocabulary that are read alone, beside those that passages begin with: a sequence may begin
    with any.
    """

    passages: int = 24
    lengths: tuple[int, ...] = (96, 384)
    after: int = 96
    draws: int = 1
    counted: int = 8
    firsts: int = 256
    seed: int = 0


@dataclass(frozen=True)
class Made:
    """first: how much more harm an error in a sequence's first token does than elsewhere."""

    table: Table
    first: float


def make(backbone: Backbone, recipe: Recipe | None = None, progress: Progress = lambda share: None) -> Made:
    """The table of a model. Raises: ConfigError for a model that has no vocabulary, or more than one rotary axis."""
    recipe = recipe or Recipe()
    if not backbone.has_vocabulary or backbone.tokenizer is None:
        raise ConfigError("a codec table is measured by what a model predicts: it needs a vocabulary and a tokenizer")
    if backbone.axes != 1:
        raise ConfigError(f"a codec table needs one rotary axis, this model has {backbone.axes}")
    read = _passages(backbone, recipe)
    generator = torch.Generator().manual_seed(recipe.seed)
    statistics = Statistics.empty(backbone.num_layers, backbone.kv_heads * backbone.head_dim)
    for number, passage in enumerate(read):
        add(statistics, backbone, passage, recipe.draws, generator)
        progress(0.9 * (number + 1) / len(read))
    rotary = torch.cat([frequencies(backbone, layer) for layer in range(backbone.num_layers)])
    flats = (_flat(backbone, passage) for passage in read[: recipe.counted * len(recipe.lengths)])
    firsts = _firsts(backbone, read, recipe.firsts, generator)
    made = fit.table(fit.basis(statistics), statistics, rotary, flats, firsts)
    progress(1.0)
    return Made(made, statistics.at_first / max(statistics.elsewhere, 1e-30))


def write(path: Path, table: Table, fingerprint: str, how: str) -> None:
    """The table as a file, all at once. how: the command that made it."""
    metadata = {"version": VERSION, "fingerprint": fingerprint, "how": how}
    tensors = {name: tensor.contiguous() for name, tensor in table.tensors().items()}
    whole = path.with_name(f".{path.name}.part")
    whole.write_bytes(save(tensors, metadata))
    whole.replace(path)


def _passages(backbone: Backbone, recipe: Recipe) -> list[Passage]:
    """Of all lengths, one after the other."""
    by_length = [
        passages(backbone.tokenizer, "calibration", recipe.passages, tokens, recipe.after, recipe.seed + place)
        for place, tokens in enumerate(recipe.lengths)
    ]
    return [passage for group in zip(*by_length, strict=True) for passage in group]


@torch.no_grad()
def _flat(backbone: Backbone, passage: Passage) -> torch.Tensor:
    """A passage's cache without its first token, [layers, sides, tokens, n]."""
    return unrotated(backbone, reading(backbone, passage))[:, :, FIRST:]


@torch.no_grad()
def _firsts(backbone: Backbone, read: list[Passage], count: int, generator: torch.Generator) -> torch.Tensor:
    """First tokens [layers, sides, k, n]: those of the passages, and `count` of the vocabulary."""
    drawn = torch.randint(backbone.decoder.config.vocab_size, (count,), generator=generator)
    ids = torch.cat([torch.stack([passage.context[0] for passage in read]), drawn])
    return torch.cat([unrotated(backbone, alone(backbone, number)) for number in ids], 2)
