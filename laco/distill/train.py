"""Supervised training of the built-in driver on labelled token rows."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from laco.agents.drivers.vector_model import BINS, VectorModel

SOFT = 0.7  # [bins] width of the smoothed target
GAP = 3  # largest random gap between neighbouring positions
BEND = 2.0  # [deg/m] a curvature error that costs about as much as a wrong bin
HARD_WEIGHT = 2.0  # extra weight of samples that ask for less than full speed


@dataclass(frozen=True)
class Data:
    """Tensors of a data set: features [n, 32, 18], kinds [n, 32], target [n], curvature [n, 5]."""

    features: Tensor
    kinds: Tensor
    target: Tensor
    curvature: Tensor

    @classmethod
    def read(cls, paths: Sequence[Path]) -> "Data":
        """Join .npz files written by `Samples.save`."""
        parts = [np.load(p) for p in paths]
        names = ("features", "kinds", "target", "curvature")
        return cls(*(torch.from_numpy(np.concatenate([p[n] for p in parts])) for n in names))

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A batch, cut to its longest row."""
        kinds = self.kinds[index].long()
        longest = int((kinds >= 0).sum(1).max())
        features = self.features[index, :longest].float()
        return features, kinds[:, :longest], self.target[index], self.curvature[index]


def batches(data: Data, size: int, group: int = 8) -> Iterator[Tensor]:
    """Endless random batches of row numbers; rows of a batch are about equally long, so little is padding."""
    length = (data.kinds >= 0).sum(1)
    while True:
        drawn = torch.randint(len(data), (size * group,))
        parts = torch.split(drawn[length[drawn].argsort()], size)
        for i in torch.randperm(len(parts)).tolist():
            yield parts[i]


def soft_target(target: Tensor) -> Tensor:
    """Distribution [n, 32] around each target [n]; -1 is the hard stop, bin 0."""
    bins = torch.arange(BINS, dtype=torch.float32)
    place = target[:, None] + 1.0
    weight = torch.exp(-0.5 * ((bins - place) / SOFT) ** 2)
    weight[:, 0] = 0.0
    weight = torch.where(place < 0.5, (bins == 0).float(), weight)
    return weight / weight.sum(1, keepdim=True)


def random_positions(kinds: Tensor) -> Tensor:
    """Ascending positions with random gaps [n, T], so that distance between tokens means little."""
    return torch.randint(1, GAP + 1, kinds.shape).cumsum(1) - 1


def loss_of(model: VectorModel, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Weighted loss and the plain mean error of the median target speed [m/s]."""
    features, kinds, target, curvature = batch
    logits, bend = model(features, kinds, random_positions(kinds))
    weight = 1.0 + HARD_WEIGHT * (target < 24.5).float()
    cross = -(soft_target(target) * logits.log_softmax(1)).sum(1)
    bent = nn.functional.smooth_l1_loss(bend / BEND, curvature / BEND, reduction="none")
    loss = ((cross + 2.0 * bent.mean(1)) * weight).sum() / weight.sum()
    median = (logits.softmax(1).cumsum(1) < 0.5).sum(1).float() - 1.0
    return loss, ((median - target).abs() * 0.5).mean()


def train(
    model: VectorModel,
    data: Data,
    held: Data,
    *,
    steps: int,
    batch: int = 256,
    rate: float = 1e-3,
    seed: int = 0,
    report: Callable[[str], None],
    checkpoint: Path | None = None,
    leave: int | None = None,
) -> None:
    """AdamW with a one-cycle rate, in place; reports every 100 steps and keeps the newest weights on disk.

    leave: stop after this step of the schedule.
    """
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.05)
    began, seen, error = time.monotonic(), 0.0, 0.0
    for step, chosen in zip(range(1, (leave or steps) + 1), batches(data, batch), strict=False):
        loss, wrong = loss_of(model, data.rows(chosen))
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        seen, error = seen + loss.item(), error + wrong.item()
        if step % 100 == 0:
            kept = validate(model, held)
            spent = time.monotonic() - began
            report(f"step {step} loss {seen / 100:.4f} err {error / 100:.3f} held {kept} {spent:.0f} s")
            seen = error = 0.0
            if checkpoint is not None:
                torch.save(model.state_dict(), checkpoint)


@torch.no_grad()
def validate(model: VectorModel, held: Data) -> str:
    """Loss and speed error on held-out rows."""
    losses, errors = [], []
    for start in range(0, min(len(held), 2048), 512):
        loss, wrong = loss_of(model, held.rows(torch.arange(start, min(start + 512, len(held)))))
        losses.append(loss.item())
        errors.append(wrong.item())
    soft = soft_target(torch.tensor([10.0]))
    floor = -(soft * soft.clamp(min=1e-9).log()).sum()
    return f"{np.mean(losses):.4f} (floor {floor:.2f}) err {np.mean(errors):.3f}" if losses else str(math.nan)
