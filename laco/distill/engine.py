"""One stage's training: resumed at its last checkpoint, and the same to the bit as if it had never stopped.

Everything random in a step follows from the recipe's seed, the stage and the step's number, so a checkpoint is the
weights, the optimiser and the number. (To the bit on one thread; sums over several threads vary.)
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from laco.agents.drivers.vector_model import VectorModel
from laco.distill.ledger import Ledger
from laco.distill.losses.base import divergence
from laco.distill.passes import Passes
from laco.distill.recipe import Stage
from laco.distill.samplers.base import GROUP
from laco.distill.samples import Batch, Data
from laco.errors import ConfigError

Report = Callable[[str], None]
EVERY = 100  # steps between reports, and between checkpoints
WARM_UP = 0.05  # share of a schedule in which the rate rises
BATCHES, WAYS, NOISE, SCORES = range(4)  # what is random in a step
SCORED = 256  # samples of a batch while scoring


@dataclass
class Training:
    """One stage. student: trained in place. input_norm: what latent steps are rescaled to. folder: of checkpoints."""

    student: VectorModel
    data: Data
    stage: Stage
    seed: int
    input_norm: float
    checkpoint: Path
    report: Report
    validate: Callable[[VectorModel], str] = lambda model: ""

    def run(self) -> Ledger:
        """Train to the end of the schedule; returns what teacher and student spent."""
        self.student.requires_grad_(True).train()
        self.optimiser = torch.optim.AdamW(self.student.parameters(), lr=1.0, weight_decay=0.02, betas=(0.9, 0.98))
        self.step, self.ledger, self.losses = 0, Ledger(), dict[str, float]()
        self._begin()
        self.began, self.from_step = time.monotonic(), self.step
        last = min(self.stage.leave or self.stage.steps, self.stage.steps)
        while self.step < last:
            self._advance()
            if self.step % EVERY == 0 or self.step == last:
                self.save()
                self.report(self._line(last))
                self.losses.clear()
        return self.ledger

    def save(self) -> None:
        """Write the checkpoint atomically."""
        part = self.checkpoint.with_suffix(".part")
        state = {
            "step": self.step,
            "student": self.student.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "teacher": None if self.teacher is None else self.teacher.state_dict(),
            "odds": torch.from_numpy(self.odds),
            "ledger": self.ledger.dump(),
        }
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _begin(self) -> None:
        """From the checkpoint, or from the start: the teacher's weights and the sampler's odds are kept with it."""
        self.teacher = copy.deepcopy(self.student).requires_grad_(False) if self.stage.teacher == "frozen" else None
        found = _read(self.checkpoint)
        if found is None:
            self.odds = self.stage.sampler.odds(self.data, self._scores)
            return
        if len(found["odds"]) != len(self.data):
            raise ConfigError(f"{self.checkpoint} was made with other data: choose another folder")
        self.student.load_state_dict(found["student"])
        self.optimiser.load_state_dict(found["optimiser"])
        if self.teacher is not None:
            self.teacher.load_state_dict(found["teacher"])
        self.step, self.odds = found["step"], found["odds"].numpy()
        self.ledger = Ledger.load(found["ledger"])

    def _advance(self) -> None:
        """One update."""
        with self.ledger.student():
            loss = self._loss()
            for group in self.optimiser.param_groups:
                group["lr"] = rate_at(self.step, self.stage.steps, self.stage.rate)
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
            self.optimiser.step()
            self.step += 1

    def _loss(self) -> Tensor:
        """The stage's losses, weighed and added up, on this step's batch."""
        batch = self._batch()
        torch.manual_seed(int(self._rng(NOISE, self.step).integers(2**62)))
        passes = self._passes(batch, WAYS, self.step)
        total = torch.zeros(())
        for loss in self.stage.losses:
            value = loss(passes)
            name = str(loss.__struct_config__.tag)
            self.losses[name] = self.losses.get(name, 0.0) + value.item()
            total = total + loss.weight * value
        return total

    def _passes(self, batch: Batch, what: int, number: int) -> Passes:
        """The models on a batch that is heard in a drawn way."""
        way = self.stage.hearing.draw(self._rng(what, number), len(batch.peer))
        return Passes(self.student, self.teacher, batch, way, self.input_norm, self.ledger)

    def _batch(self) -> Batch:
        group, place = divmod(self.step, GROUP)
        if place == 0 or not hasattr(self, "_drawn"):
            rng = self._rng(BATCHES, group)
            self._drawn = self.stage.sampler.batches(self.data, self.odds, self.stage.batch, rng)
        return self.data.batch(*self._drawn[place])

    def _rng(self, what: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _number(self.stage.name), what, number])

    @torch.no_grad()
    def _scores(self, index: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The teacher's entropy and the student's divergence from it, heard as one drawn way has it."""
        entropy, apart = np.zeros(len(index)), np.zeros(len(index))
        order = np.argsort(self.data.lengths[index], kind="stable")
        torch.manual_seed(int(self._rng(NOISE, 0).integers(2**62)))
        for number, part in enumerate(np.array_split(order, max(1, len(order) // SCORED))):
            passes = self._passes(self.data.batch(index[part]), SCORES, number)
            sure = passes.teacher.logits.log_softmax(1)
            entropy[part] = -(sure.exp() * sure).sum(1).numpy()
            apart[part] = divergence(passes.teacher.logits, passes.heard.logits).numpy()
        return entropy, apart

    def _line(self, last: int) -> str:
        """Step, losses, validation, and the time left."""
        count = (self.step - 1) % EVERY + 1
        count = min(count, self.step - self.from_step) or 1
        means = " ".join(f"{name} {total / count:.4f}" for name, total in self.losses.items())
        pace = (time.monotonic() - self.began) / max(1, self.step - self.from_step)
        left = math.ceil(pace * (last - self.step) / 60)
        return f"{self.stage.name} {self.step}/{last} {means} {self.validate(self.student)} {left} min left"


def rate_at(step: int, steps: int, rate: float) -> float:
    """One cycle: up to `rate` in a straight line over WARM_UP of the steps, then down to nothing in half a cosine."""
    rise = max(1.0, WARM_UP * steps)
    if step < rise:
        return rate * (step + 1) / (rise + 1)
    return rate * 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def _number(name: str) -> int:
    return int.from_bytes(name.encode()[-8:], "big")


def _read(path: Path) -> dict[str, Any] | None:
    """A checkpoint, if there is one. Raises: ConfigError for a file that is none."""
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = torch.load(path, weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds
        raise ConfigError(f"{path} is not a checkpoint: {error}") from error
    return found
