"""How the shipped LoRA came about, start to end; finished steps are kept, a killed one goes on where it was.

1. The expert drives; the model learns its answers from what a vehicle sees, and from what a peer says in words.
2. The model drives, alone or reading; the expert answers for the states it gets into. It learns from both, and hears
   in a share of the rows the peer's cache instead of its words: the speaker learns to be heard, the listener to hear.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from laco import Backbone
from laco.agents.channels.observation_text import ObservationText
from laco.agents.channels.silent import Silent
from laco.agents.drivers import lora, lora_file
from laco.agents.drivers.llm import LLMDriver
from laco.distill.llm.card import costed
from laco.distill.llm.card import write as write_card
from laco.distill.llm.collect import TAKEN, MakePolicy, collect
from laco.distill.llm.rows import Row, read, write
from laco.distill.llm.train import Fit, Shape, Trainer, with_lora
from laco.distill.rollout import Policy
from laco.distill.student import Student

Report = Callable[[str], None]
CAUTION = 0.25
STUDENTS_TAKEN = 0.5  # share of a student's decisions that become rows: each has cost a forward pass
HELD_SEED = 5


@dataclass(frozen=True)
class Round:
    """One round: collect, then train on its rows and on those of the rounds before.

    shards: seeds of its files of rows. driven: whether the model of the round before drives for them.
    """

    shards: tuple[int, ...]
    driven: bool
    fit: Fit


@dataclass(frozen=True)
class Recipe:
    """Amounts; the defaults are those of the shipped weights. rows: per file. held: rows that are never learnt from."""

    rounds: tuple[Round, ...] = (
        Round((100, 101), False, Fit(steps=300, batch=8, rate=1.2e-3)),
        Round((200, 201), True, Fit(steps=200, batch=8, rate=6e-4, heard=0.4, seed=1)),
    )
    rows: int = 1200
    held: int = 64
    shape: Shape = field(default_factory=Shape)


def scaled(recipe: Recipe, share: float) -> Recipe:
    """The recipe with a share of its rows and steps."""
    rounds = tuple(replace(r, fit=replace(r.fit, steps=max(1, round(r.fit.steps * share)))) for r in recipe.rounds)
    return replace(
        recipe, rounds=rounds, rows=max(8, round(recipe.rows * share)), held=max(8, round(recipe.held * share))
    )


def cook(recipe: Recipe, model: str, folder: Path, report: Report) -> Path:
    """Run what is missing in `folder`; the LoRA file of the last round."""
    folder.mkdir(parents=True, exist_ok=True)
    held = _gathered(folder / f"held-{HELD_SEED}.jsonl", recipe.held, HELD_SEED, None, report)
    path, rows = folder / "round0.safetensors", list[Row]()
    for number, one in enumerate(recipe.rounds, 1):
        student = _students(model, path) if one.driven else None
        for seed in one.shards:
            rows += _gathered(folder / f"round{number}-{seed}.jsonl", recipe.rows, seed, student, report)
        before, path = path, folder / f"round{number}.safetensors"
        if not path.exists():
            _fitted(recipe, model, number, rows, held, folder, before, report)
    return path


def _gathered(path: Path, count: int, seed: int, student: MakePolicy | None, report: Report) -> list[Row]:
    """The rows of a file, made if it is not there."""
    if not path.exists():
        taken = TAKEN if student is None else STUDENTS_TAKEN
        write(path, costed(path.parent, path.name, lambda: collect(count, seed, student, taken)))
        report(f"{path.name}: {count} rows")
    return list(read([path]))


def _students(model: str, path: Path) -> MakePolicy:
    """Makes policies that drive as the model with that LoRA does, alone or reading what its peers see."""
    loaded: list[LLMDriver] = []

    def make(rng: np.random.Generator) -> Policy:
        if not loaded:
            loaded.append(LLMDriver.load(lora_file.joined(model, str(path))))
        channel = Silent if rng.random() < 0.5 else ObservationText
        return Student(channel(loaded[0], CAUTION))

    return make


def _fitted(
    recipe: Recipe,
    model: str,
    number: int,
    rows: list[Row],
    held: list[Row],
    folder: Path,
    before: Path,
    report: Report,
) -> None:
    """Train one round, from the LoRA of the one before, and write its file."""
    backbone = Backbone.load(model)
    fingerprint, fit = backbone.fingerprint, recipe.rounds[number - 1].fit
    tuned = with_lora(backbone.model, recipe.shape, fit.seed)
    trainer = Trainer(tuned, backbone.tokenizer, recipe.shape, report)
    if before.exists():
        trainer.start(lora.load(before)[1])
    report(f"round {number}: {len(rows)} rows, {fit.steps} steps of {fit.batch}")
    made = costed(folder, f"round {number}", lambda: trainer.run(rows, held, fit, folder / f"round{number}.pt"))
    heard = any(r.fit.heard > 0.0 for r in recipe.rounds[:number])
    layers = tuple(range(recipe.shape.band, backbone.num_layers)) if heard else ()
    card = lora_file.Card(lora_file.VERSION, fingerprint, layers, repr(recipe.rounds[:number]))
    path = folder / f"round{number}.safetensors"
    lora.save(path, trainer.pairs(), card)
    write_card(folder, path, model, made)
