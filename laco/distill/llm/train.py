"""A LoRA on a language model's upper layers, trained on the expert's answers; a killed run goes on where it was."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from laco.agents.drivers.llm import SPEEDS
from laco.agents.drivers.prompt import words
from laco.distill.llm.forward import answers
from laco.distill.llm.pack import Batch, Packed, batched, pack, soft
from laco.distill.llm.rows import Row
from laco.errors import BackboneError

Report = Callable[[str], None]
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
GROUP = 8  # batches are cut from so many batches of rows sorted by length: little is padding
SAVE_EVERY, CHECK_EVERY = 10, 50  # [steps]


@dataclass(frozen=True)
class Fit:
    """One round of training.

    steps, batch: so many rows each. rate: at its peak; it warms up over a twentieth of the steps and falls to a tenth.
    heard: share of the rows with a peer whose cache is heard instead of its words being read. seed: of the order.
    """

    steps: int
    batch: int = 12
    rate: float = 1e-3
    heard: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Shape:
    """Where the LoRA sits: its rank and scale, the layers it is in, and the first layer that hears peers."""

    rank: int = 8
    alpha: int = 16
    first: int = 12
    band: int = 15


def with_lora(model: Any, shape: Shape, seed: int) -> Any:
    """The model with a fresh LoRA of peft's, which is all that has gradients. Raises: BackboneError without peft."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise BackboneError("fine-tuning needs the `peft` package: pip install 'laco-driving[train]'") from error
    torch.manual_seed(seed)
    layers = list(range(shape.first, model.config.num_hidden_layers))
    where = {"target_modules": list(PROJECTIONS), "layers_to_transform": layers}
    return get_peft_model(model, LoraConfig(r=shape.rank, lora_alpha=shape.alpha, **where))


class Trainer:
    """A model with a LoRA, and rows to learn from. tokenizer: the model's."""

    def __init__(self, tuned: Any, tokenizer: Any, shape: Shape, report: Report) -> None:
        self.tuned, self.tokenizer, self.shape, self.report = tuned, tokenizer, shape, report
        self.model = tuned.get_base_model()
        ids = [words(tokenizer, str(level)) for level in range(SPEEDS)]
        if any(len(one) != 1 for one in ids):
            raise BackboneError("the tokenizer does not make one token of a digit: this training needs that")
        self.answers = torch.tensor([one[0] for one in ids])
        self.weights = {name: p for name, p in tuned.named_parameters() if p.requires_grad}

    def run(self, rows: Sequence[Row], held: Sequence[Row], fit: Fit, checkpoint: Path) -> str:
        """Train in place, or take up the checkpoint where a run like this was stopped; how held-out rows fare."""
        optimiser = torch.optim.AdamW(self.weights.values(), lr=fit.rate, weight_decay=0.0, betas=(0.9, 0.99))
        step = self._resume(optimiser, checkpoint)
        known = [self._packed(row, False, fit) for row in held]
        began, start, seen = time.monotonic(), step, list[float]()
        while step < fit.steps:
            for group in optimiser.param_groups:
                group["lr"] = fit.rate * schedule(step / fit.steps)
            seen.append(self._step(optimiser, self._drawn(rows, fit, step)))
            step += 1
            if step % SAVE_EVERY == 0 or step == fit.steps:
                self._save(optimiser, step, checkpoint)
                left = (time.monotonic() - began) / (step - start) * (fit.steps - step)
                self.report(f"step {step} of {fit.steps}, loss {np.mean(seen):.4f}, {left / 60:.0f} min left")
                seen = []
            if step % CHECK_EVERY == 0 and step < fit.steps:
                self.report(f"step {step}, {self.check(known)}")
        found = self.check(known)
        self.report(f"step {step}, {found}")
        return found

    def pairs(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The LoRA as it stands: by the decoder's weight, A [rank, in] and B [out, rank], the scale in B."""
        scale, found = self.shape.alpha / self.shape.rank, {}
        for name, a, b in self._modules():
            found[name] = (a.detach().clone(), b.detach() * scale)
        return found

    @torch.no_grad()
    def start(self, pairs: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Begin with a LoRA of `pairs`. Raises: BackboneError for one of another shape."""
        scale, modules = self.shape.alpha / self.shape.rank, list(self._modules())
        if {name for name, _, _ in modules} != set(pairs):
            raise BackboneError("the LoRA to go on from has other layers than the recipe")
        for name, a, b in modules:
            a.copy_(pairs[name][0])
            b.copy_(pairs[name][1] / scale)

    def _modules(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        for name, module in self.model.get_decoder().named_modules():
            if hasattr(module, "lora_A"):
                yield name, module.lora_A["default"].weight, module.lora_B["default"].weight

    def _step(self, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
        loss = self._loss(batch)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        optimiser.step()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        """Cross entropy between the expert's soft answers and the model's, among the answers."""
        return -(batch.target * self._likely(batch)).sum(1).mean()

    def _likely(self, batch: Batch) -> Tensor:
        """Log-probabilities [N, SPEEDS]."""
        return answers(self.model, batch, self.shape.first, self.shape.band, self.answers).log_softmax(1)

    def _drawn(self, rows: Sequence[Row], fit: Fit, step: int) -> Batch:
        """The batch of a step, the same whenever it is asked for."""
        part, place = divmod(step, GROUP)
        rng = np.random.default_rng([fit.seed, part])
        size = fit.batch * GROUP
        first = np.random.default_rng([fit.seed, 0xE, part * size // len(rows)])
        order = first.permutation(len(rows))
        chosen = [rows[order[(part * size + i) % len(rows)]] for i in range(size)]
        packed = sorted((self._packed(row, rng.random() < fit.heard, fit) for row in chosen), key=len)
        here = int(rng.permutation(GROUP)[place])
        return batched(packed[here * fit.batch : (here + 1) * fit.batch])

    def _packed(self, row: Row, heard: bool, fit: Fit) -> Packed:
        return pack(self.tokenizer, row, heard and bool(row.told))

    @torch.no_grad()
    def check(self, known: Sequence[Packed]) -> str:
        """How the answers fare on rows that are not learnt from."""
        likely, wanted = [], []
        for start in range(0, len(known), 16):
            batch = batched(known[start : start + 16])
            likely.append(self._likely(batch))
            wanted.append(torch.cat([row.levels for row in known[start : start + 16]]))
        return figures(torch.cat(likely), torch.cat(wanted))

    def _save(self, optimiser: torch.optim.Optimizer, step: int, path: Path) -> None:
        state = {"step": step, "optimiser": optimiser.state_dict()}
        state["weights"] = {name: weight.detach() for name, weight in self.weights.items()}
        part = path.with_name(path.name + ".part")
        torch.save(state, part)
        part.replace(path)

    def _resume(self, optimiser: torch.optim.Optimizer, path: Path) -> int:
        if not path.exists():
            return 0
        state = torch.load(path, weights_only=True)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state["weights"][name])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])


def schedule(share: float) -> float:
    """The rate's course over a run, in [0.1, 1]."""
    return min(share / 0.05 + 0.05, 1.0) * (0.1 + 0.9 * 0.5 * (1.0 + math.cos(math.pi * share)))


def figures(likely: Tensor, wanted: Tensor) -> str:
    """Mean error of the likeliest answers [levels], how often they are too fast by more than one, and on hard ones."""
    said = likely.argmax(1).float()
    off, hard = (said - wanted).abs(), wanted < SPEEDS - 2
    fast = (said - wanted > 1.0).float()
    cross = -(soft(wanted) * likely).sum(1).mean()
    return (
        f"held: loss {cross:.4f}, error {off.mean():.2f} (hard {off[hard].mean():.2f}), "
        f"too fast {fast.mean():.3f} (hard {fast[hard].mean():.3f}), n {len(wanted)} ({int(hard.sum())} hard)"
    )
