"""How the shipped weights of the built-in driver came about, start to end; finished stages are kept.

1. The expert drives random layouts; every decision is labelled three ways; a student is trained on that.
2. The student drives, silent or reading its peer's object list; the expert labels the states it gets into;
   training goes on with both.
3. The better student drives; half of its views are put a little beside the route, so that it learns to steer
   back; training goes on with the students' states.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.distill.dataset import MakePolicy, Samples, collect
from laco.distill.rollout import Policy
from laco.distill.student import Student
from laco.distill.train import Data, train

Report = Callable[[str], None]
CAUTIONS = (0.0, 0.15, 0.25, 0.5, 1.0)
LEAST = 40  # steps: a one-cycle schedule warms up over a twentieth of them, and needs more than one for it
HELD_SEED, HELD_DECISIONS = 5, 600
SHAPE = {"width": 96, "layers": 6, "heads": 4, "kv_heads": 2}


@dataclass(frozen=True)
class Stage:
    """One round: collect, then train.

    shards: seeds of its new data files. jitter: share of views put beside the route. uses: stages whose data
    it trains on. steps, rate: of its one-cycle schedule, which is left at step `leave`, if given.
    """

    shards: tuple[int, ...]
    jitter: float
    uses: tuple[int, ...]
    steps: int
    rate: float
    leave: int | None = None


@dataclass(frozen=True)
class Recipe:
    """Amounts; the defaults are those of the shipped weights. decisions: vehicle decisions per data file."""

    stages: tuple[Stage, ...] = (
        Stage((100, 101, 102, 103, 200, 201, 202, 203), 0.0, (1,), 4000, 2e-3, leave=1000),
        Stage((300, 301, 302, 400, 401, 402), 0.0, (1, 2), 5000, 1e-3, leave=4400),
        Stage((500, 501, 600, 601), 0.5, (2, 3), 2000, 7e-4),
    )
    decisions: int = 5000
    batch: int = 192
    seed: int = 1


def scaled(recipe: Recipe, share: float) -> Recipe:
    """The recipe with a share of its decisions and steps."""
    stages = tuple(
        replace(
            stage,
            steps=max(LEAST, int(stage.steps * share)),
            leave=None if stage.leave is None else max(1, int(stage.leave * share)),
        )
        for stage in recipe.stages
    )
    return replace(recipe, stages=stages, decisions=max(20, int(recipe.decisions * share)))


def cook(recipe: Recipe, folder: Path, report: Report) -> Path:
    """Run what is missing in `folder`; returns the weights file."""
    folder.mkdir(parents=True, exist_ok=True)
    gather(folder / f"held-{HELD_SEED}.npz", HELD_DECISIONS, HELD_SEED, None, 0.0, report)
    for number, stage in enumerate(recipe.stages, 1):
        teacher = None if number == 1 else students(_load(folder, number - 1))
        for seed in stage.shards:
            path = folder / f"stage{number}-{seed}.npz"
            gather(path, recipe.decisions, seed, teacher, stage.jitter, report)
        fit(recipe, folder, number, report)
    path = folder / "vector.safetensors"
    _load(folder, len(recipe.stages)).save(path, SHAPE, {"recipe": repr(recipe)})
    return path


def gather(
    path: Path, decisions: int, seed: int, student: MakePolicy | None, jitter: float, report: Report
) -> None:
    """One data file, unless it is there."""
    if path.exists():
        return
    samples = Samples()
    collect(samples, decisions, seed, student, jitter)
    samples.save(path)
    report(f"{path.name}: {len(samples.target)} samples")


def students(driver: VectorDriver) -> MakePolicy:
    """Makes policies that drive as the student does on some channel, with some caution."""

    def make(rng: np.random.Generator) -> Policy:
        caution = float(rng.choice(CAUTIONS))
        channel = Silent if rng.random() < 0.5 else ObservationList
        return Student(channel(driver, caution))

    return make


def fit(recipe: Recipe, folder: Path, number: int, report: Report) -> None:
    """Train one stage, from the weights of the one before, unless it is done."""
    path, stage = folder / f"stage{number}.pt", recipe.stages[number - 1]
    if path.exists():
        return
    data = Data.read(sorted(p for used in stage.uses for p in folder.glob(f"stage{used}-*.npz")))
    held = Data.read([folder / f"held-{HELD_SEED}.npz"])
    torch.manual_seed(recipe.seed)
    model = VectorModel(**SHAPE)
    if number > 1:
        model.load_state_dict(torch.load(folder / f"stage{number - 1}.pt", weights_only=True))
    report(f"stage {number}: {len(data)} samples")
    part = folder / f"stage{number}.part.pt"
    train(
        model,
        data,
        held,
        steps=stage.steps,
        batch=recipe.batch,
        rate=stage.rate,
        seed=number,
        report=report,
        checkpoint=part,
        leave=stage.leave,
    )
    torch.save(model.state_dict(), part)
    part.replace(path)


def _load(folder: Path, number: int) -> VectorDriver:
    """A stage's weights as a driver; the input norm is the mean over the held-out tokens."""
    model = VectorModel(**SHAPE)
    model.load_state_dict(torch.load(folder / f"stage{number}.pt", weights_only=True))
    return VectorDriver(model, input_norm(model, Data.read([folder / f"held-{HELD_SEED}.npz"])))


@torch.no_grad()
def input_norm(model: VectorModel, held: Data) -> float:
    """Mean norm of a token embedding: what latent steps are rescaled to."""
    kinds = held.kinds.long()
    embeds = model.embed(held.features.float(), kinds.clamp(min=0))[kinds >= 0]
    return float(embeds.norm(dim=-1).mean())
