"""How the shipped weights of the built-in driver came about, start to end; finished stages are kept.

1. The expert drives random layouts; every decision is labelled three ways.
2. A student is trained on that.
3. The student drives, silent or reading its peer's object list; the expert labels the states it gets into.
4. Training goes on with both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.distill.dataset import Samples, collect
from laco.distill.rollout import Policy
from laco.distill.student import Student
from laco.distill.train import Data, train

Report = Callable[[str], None]
CAUTIONS = (0.0, 0.15, 0.25, 0.5, 1.0)
HELD_SEED, HELD_DECISIONS = 5, 600
SHAPE = {"width": 96, "layers": 6, "heads": 4, "kv_heads": 2}


@dataclass(frozen=True)
class Recipe:
    """Amounts; the defaults are those of the shipped weights.

    shards: data files of `decisions` vehicle decisions, by seed. steps, rates: optimiser steps and peak rate
    of both stages; stage 1 is left at step `leave`, before its rate comes down: only its driving is needed.
    """

    expert_shards: tuple[int, ...] = (100, 101, 102, 103, 200, 201, 202, 203)
    student_shards: tuple[int, ...] = (300, 301, 302, 400, 401, 402)
    decisions: int = 5000
    steps: tuple[int, int] = (4000, 5000)
    leave: int = 1000
    batch: int = 192
    rates: tuple[float, float] = (2e-3, 1e-3)
    seed: int = 1


def cook(recipe: Recipe, folder: Path, report: Report) -> Path:
    """Run what is missing in `folder`; returns the weights file."""
    folder.mkdir(parents=True, exist_ok=True)
    gather(folder, "held", HELD_DECISIONS, HELD_SEED, None, report)
    for seed in recipe.expert_shards:
        gather(folder, "expert", recipe.decisions, seed, None, report)
    _fit(recipe, folder, 1, ("expert",), report)
    teacher = _load(folder / "stage1.pt", folder)
    for seed in recipe.student_shards:
        gather(folder, "student", recipe.decisions, seed, students(teacher), report)
    _fit(recipe, folder, 2, ("expert", "student"), report)
    path = folder / "vector.safetensors"
    _load(folder / "stage2.pt", folder).save(path, SHAPE, {"recipe": repr(recipe)})
    return path


def gather(
    folder: Path,
    kind: str,
    decisions: int,
    seed: int,
    student: Callable[[np.random.Generator], Policy] | None,
    report: Report,
) -> None:
    """One data file, unless it is there."""
    path = folder / f"{kind}-{seed}.npz"
    if path.exists():
        return
    samples = Samples()
    collect(samples, decisions, seed, student)
    samples.save(path)
    report(f"{path.name}: {len(samples.target)} samples")


def students(driver: VectorDriver) -> Callable[[np.random.Generator], Policy]:
    """Makes policies that drive as the student does on some channel, with some caution."""

    def make(rng: np.random.Generator) -> Policy:
        caution = float(rng.choice(CAUTIONS))
        channel = Silent if rng.random() < 0.5 else ObservationList
        return Student(channel(driver, caution))

    return make


def _fit(recipe: Recipe, folder: Path, stage: int, kinds: tuple[str, ...], report: Report) -> None:
    path = folder / f"stage{stage}.pt"
    if path.exists():
        return
    data = Data.read(sorted(p for kind in kinds for p in folder.glob(f"{kind}-*.npz")))
    held = Data.read([folder / f"held-{HELD_SEED}.npz"])
    torch.manual_seed(recipe.seed)
    model = VectorModel(**SHAPE)
    if stage > 1:
        model.load_state_dict(torch.load(folder / f"stage{stage - 1}.pt", weights_only=True))
    report(f"stage {stage}: {len(data)} samples")
    steps, rate = recipe.steps[stage - 1], recipe.rates[stage - 1]
    part = folder / f"stage{stage}.part.pt"
    train(
        model,
        data,
        held,
        steps=steps,
        batch=recipe.batch,
        rate=rate,
        seed=stage,
        report=report,
        checkpoint=part,
        leave=recipe.leave if stage == 1 else None,
    )
    torch.save(model.state_dict(), part)
    part.replace(path)


def _load(path: Path, folder: Path) -> VectorDriver:
    """A stage's weights as a driver; the input norm is the mean over the held-out tokens."""
    model = VectorModel(**SHAPE)
    model.load_state_dict(torch.load(path, weights_only=True))
    return VectorDriver(model, input_norm(model, Data.read([folder / f"held-{HELD_SEED}.npz"])))


@torch.no_grad()
def input_norm(model: VectorModel, held: Data) -> float:
    """Mean norm of a token embedding: what latent steps are rescaled to."""
    kinds = held.kinds.long()
    embeds = model.embed(held.features.float(), kinds.clamp(min=0))[kinds >= 0]
    return float(embeds.norm(dim=-1).mean())
