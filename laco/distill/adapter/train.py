"""Two stages, from two backbones and unlabelled texts to an adapter; what a killed run left is taken up."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from laco.distill.adapter import agreement, prompts, reconstruction
from laco.errors import ConfigError
from laco.method.adapter import CacheAdapter, Layers, matched
from laco.method.backbone import Backbone

Report = Callable[[str], None]
HELD_SEED = 1 << 20  # texts of this seed are never trained on


@dataclass(frozen=True)
class Recipe:
    """Amounts; for models of 0.1 to 0.3 B parameters a text of stage 1 takes 0.5 s, a step 3.3 s of one core.

    layers: the receiver's layers that hear, None for all but the first and the last sixth. width: how many of
    the sender's layers each of them is made of. hidden: of the narrow layer in each map. texts, ridge: of
    stage 1. steps, batch (texts per step), rate: of stage 2. held: held-out texts. save: texts or steps
    between two checkpoints.
    """

    layers: tuple[int, ...] | None = None
    width: int = 2
    hidden: int = 64
    texts: int = 160
    ridge: float = 0.01
    steps: int = 120
    batch: int = 2
    rate: float = 5e-4
    held: int = 8
    save: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"width": 1, "hidden": 1, "texts": 1, "steps": 0, "batch": 1, "held": 1, "save": 1}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ConfigError(f"{name} must be {bound} or more, not {getattr(self, name)}")
        for name in ("ridge", "rate"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")


@dataclass
class Training:
    """A run: the pair, the adapter so far, and how far that is.

    texts: `texts(seed, count)` gives unlabelled texts of which a longer list begins with the shorter one.
    """

    source: Backbone
    target: Backbone
    recipe: Recipe
    report: Report
    checkpoint: Path | None = None
    texts: Callable[[int, int], Sequence[str]] = prompts.texts
    done: dict[str, int] = field(default_factory=lambda: {"texts": 0, "steps": 0})
    adapter: CacheAdapter = field(init=False)
    sums: list[reconstruction.Sums] = field(init=False)
    optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        recipe = self.recipe
        if self.source.fingerprint == self.target.fingerprint:
            raise ConfigError("an adapter is between two models: these are the same model")
        self.adapter = CacheAdapter.between(
            self.source, self.target, layers(recipe, self.source, self.target), hidden=recipe.hidden, seed=recipe.seed
        )
        self.sums = [reconstruction.empty_sums(layer) for layer in self.maps]
        self.optimiser = torch.optim.Adam(self.adapter.parameters(), lr=recipe.rate)

    @property
    def maps(self) -> list[Any]:
        """The adapter's maps, one per target layer."""
        return list(self.adapter.maps)

    @property
    def name(self) -> str:
        """What a checkpoint must agree on before it is taken up."""
        models = {"from": self.source.fingerprint, "to": self.target.fingerprint}
        return json.dumps({**models, **asdict(self.recipe)}, sort_keys=True)

    def run(self) -> CacheAdapter:
        """Both stages, from where the checkpoint is. Raises: ConfigError for a checkpoint of another run."""
        self._resume()
        with frozen(self.source), frozen(self.target):
            if self.done["steps"] == 0:
                self._reconstruct()
            self._agree()
        return self.adapter

    def _reconstruct(self) -> None:
        recipe, adapter, models = self.recipe, self.adapter, (self.source, self.target)
        for number, text in enumerate(self.texts(recipe.seed, recipe.texts)):
            if number < self.done["texts"]:
                continue
            found = reconstruction.pairs(adapter, *models, text, chat=number % 2 == 1)
            for sums, (features, goal) in zip(self.sums, found.values(), strict=True):
                reconstruction.add(sums, features, goal)
            self.done["texts"] = number + 1
            if self._due("texts"):
                self.report(f"stage 1: text {number + 1} of {recipe.texts}")
        held = [reconstruction.pairs(adapter, *models, text) for text in self._held()]
        before = reconstruction.unexplained(adapter, held)
        for layer, sums in zip(self.maps, self.sums, strict=True):
            reconstruction.solve(layer, sums, recipe.ridge)
        after = reconstruction.unexplained(adapter, held)
        self.report(f"stage 1: held-out variance unexplained {before:.3f} untrained, {after:.3f} now")

    def _agree(self) -> None:
        recipe = self.recipe
        self.report(f"stage 2: held-out disagreement {self._disagreement(None):.3f} nats hearing nothing")
        if self.done["steps"] == 0:
            self.report(f"stage 2: held-out disagreement {self._disagreement(self.adapter):.3f} nats before it")
        pool = self.texts(recipe.seed + 1, recipe.steps * recipe.batch)
        for step in range(self.done["steps"], recipe.steps):
            loss = self._step(step, pool[step * recipe.batch : (step + 1) * recipe.batch])
            self.done["steps"] = step + 1
            if self._due("steps"):
                self.report(f"stage 2: step {step + 1} of {recipe.steps}, loss {loss:.3f}")
        self.report(f"stage 2: held-out disagreement {self._disagreement(self.adapter):.3f} nats now")

    def _step(self, step: int, texts: Sequence[str]) -> float:
        """One step of the optimiser, at a rate that falls to a tenth; everything drawn depends on the step alone."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * (1.0 - 0.9 * step / self.recipe.steps)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for number, text in enumerate(texts):
            rng = random.Random(f"{self.recipe.seed}/{step}/{number}")
            loss = agreement.disagreement(self.adapter, self.source, self.target, text, rng, grad=True) / len(texts)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self.adapter.parameters(), 1.0)
        self.optimiser.step()
        return total

    def _held(self) -> Sequence[str]:
        return self.texts(HELD_SEED, self.recipe.held)

    def _disagreement(self, adapter: CacheAdapter | None) -> float:
        return agreement.mean_disagreement(adapter, self.source, self.target, self._held())

    def _due(self, what: str) -> bool:
        """Every `save` units and at the end: True, with the checkpoint written."""
        if self.done[what] % self.recipe.save and self.done[what] != getattr(self.recipe, what):
            return False
        if self.checkpoint is not None:
            part = self.checkpoint.with_suffix(".part")
            state = {"name": self.name, "done": self.done, "adapter": self.adapter.state_dict()}
            rest = {"sums": self.sums} if self.done["steps"] == 0 else {"optimiser": self.optimiser.state_dict()}
            torch.save({**state, **rest}, part)
            part.replace(self.checkpoint)
        return True

    def _resume(self) -> None:
        """Takes up the checkpoint, if there is one."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["name"] != self.name:
            raise ConfigError(f"{self.checkpoint} is of another run: {state['name']}, not {self.name}")
        self.done = state["done"]
        self.adapter.load_state_dict(state["adapter"])
        if "sums" in state:
            self.sums = state["sums"]
        else:
            self.optimiser.load_state_dict(state["optimiser"])
        self.report(f"resumed after {self.done['texts']} texts and {self.done['steps']} steps")


def layers(recipe: Recipe, source: Backbone, target: Backbone) -> Layers:
    """The source layers of each of the receiver's layers that the recipe makes hear."""
    count = target.num_layers
    wanted = recipe.layers or range(count // 6, count - count // 6)
    return matched(source.num_layers, target.num_layers, tuple(wanted), recipe.width)


@contextmanager
def frozen(backbone: Backbone) -> Iterator[None]:
    """A backbone whose weights take no gradient for one block."""
    trained = [parameter for parameter in backbone.model.parameters() if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
