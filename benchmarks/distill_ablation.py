"""What each loss and each sampler of distillation is worth: the recipes of a listener, with the same data and budget.

    python benchmarks/distill_ablation.py --out OUT [--seeds 1000-1003] [--recipes NAME ...]

All recipes begin with the same weights, train on the same files and for as many steps; one ingredient differs. Open
loop: held-out samples of development seeds, the mean error of the median target speed from the expert's, and the
divergence from the same model that reads its peers' tokens. Closed loop: layouts of development seeds, hazards and
twins, driven on the latent channel by the in-process rollout. The last line is the table as JSON.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.weights_file import locate
from laco.distill.cook import HELD_SEED, Kitchen
from laco.distill.evaluate import Drive, drives, errors
from laco.distill.generator import name_of
from laco.distill.passes import Way
from laco.distill.pupil import Student
from laco.distill.recipe import Recipe, load, scaled
from laco.distill.samples import Data
from laco.distill.seeds import FIRST_SEED
from laco.scenarios.catalog import SCENARIOS

RECIPES = (
    "behaviour-cloning",
    "self-distillation",
    "hidden-matching",
    "kv-matching",
    "soft-labels",
    "hard-first",
    "cross-view",
)
WAY = Way(2, (0, 1), 0.5)
CAUTION = 0.25
BEFORE = "before"


def main() -> None:
    args = _arguments()
    torch.set_num_threads(1)
    first, _, last = args.seeds.partition("-")
    layouts = [s.layout(seed) for s in SCENARIOS for seed in range(int(first), int(last or first) + 1)]
    if min(layout.seed for layout in layouts) < FIRST_SEED:
        sys.exit(f"seeds below {FIRST_SEED} belong to the tests")
    rows: dict[str, dict[str, Any]] = {}
    for name in (BEFORE, *args.recipes):
        recipe = scaled(
            msgspec.structs.replace(load(name if name != BEFORE else RECIPES[0]), start=args.start), args.scale
        )
        driver = VectorDriver.load(locate(args.start)) if name == BEFORE else _cooked(recipe, args.out, args.jobs)
        rows[name] = _row(driver, args.out, layouts, name)
        sys.stderr.write(f"{name}: {rows[name]}\n")
    print(json.dumps(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="1000-1003")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--start", default="vector-base")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def _cooked(recipe: Recipe, out: Path, jobs: int) -> VectorDriver:
    """A recipe's weights; its data files are those of the recipe before, since all collect alike."""
    folder, shared = out / recipe.name, out / "data"
    folder.mkdir(parents=True, exist_ok=True)
    shared.mkdir(exist_ok=True)
    for file in shared.glob("*.npz"):
        if not (folder / file.name).exists():
            os.link(file, folder / file.name)
    path = Kitchen(recipe, folder, lambda line: sys.stderr.write(f"{line}\n"), jobs).cook()
    for file in folder.glob("*.npz"):
        if not (shared / file.name).exists():
            os.link(file, shared / file.name)
    return VectorDriver.load(path)


def _row(driver: VectorDriver, out: Path, layouts: list[Any], name: str) -> dict[str, Any]:
    """The figures of one driver."""
    held = sorted(out.glob(f"*/held-{HELD_SEED}.npz"))
    row: dict[str, Any] = {}
    if held:
        found = errors(driver.model, Data.read(held[:1]), WAY, driver.backbone.input_norm)
        row = {key: round(value, 3) for key, value in vars(found).items()}
    driven = drives(Student(driver, "latent", WAY), CAUTION, layouts)
    hazards, twins = ([d for d in driven if d.hazard == hazard] for hazard in (True, False))
    return {**row, **_driven(hazards, ""), **_driven(twins, "twin_")}


def _driven(some: list[Drive], prefix: str) -> dict[str, float]:
    """Means over drives; progress in percent, time in seconds."""
    return {
        f"{prefix}collided": round(float(np.mean([d.collided for d in some])), 3),
        f"{prefix}progress": round(100 * float(np.mean([d.progress for d in some])), 1),
        f"{prefix}seconds": round(float(np.mean([d.seconds for d in some])), 2),
        f"{prefix}scenarios": len({name_of(d.scenario) for d in some}),
    }


if __name__ == "__main__":
    main()
