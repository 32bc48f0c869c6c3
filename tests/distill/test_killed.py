"""`laco distill` is killed while it collects and while it trains: the weights it then makes are the same."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from laco.distill.recipe import load, scaled

RECIPE = """
name: short
summary: too short to be of use
start: vector-base
seed: 1
held: 40
stages:
  - name: listen
    collect: {seeds: [900, 901], samples: 60, pilots: [expert]}
    steps: 25
    rate: 1.0e-3
    batch: 8
    hearing: {steps: [0, 1], keep: [0.5, 0.5], bands: [[0, 1]]}
    losses:
      - {loss: behaviour-cloning, of: heard}
"""
STEPS = 25
# Checkpoints and reports every few steps: the real ones are too far apart for so short a run.
CODE = "import laco.distill.engine as e; e.EVERY = 4; from laco.cli.main import main; main()"


def started(recipe: Path, out: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CODE, "distill", str(recipe), "--out", str(out), "--jobs", "1"]
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)


def lines_of(run: "subprocess.Popen[str]") -> Iterator[str]:
    assert run.stderr is not None
    yield from run.stderr


@pytest.mark.timeout(400)
def test_a_killed_training_ends_in_the_same_weights(tmp_path: Path) -> None:
    recipe, out, rng = tmp_path / "short.yaml", {n: tmp_path / n for n in ("whole", "killed")}, random.Random(7)
    recipe.write_text(RECIPE)
    assert scaled(load(str(recipe)), 1.0).stages[0].steps == STEPS
    with started(recipe, out["whole"]) as run:
        _, errors = run.communicate()
    assert run.returncode == 0, errors
    for moment in ("held", f"listen {rng.choice((4, 8, 12))}/", f"listen {rng.choice((16, 20))}/"):
        with started(recipe, out["killed"]) as run:
            seen = next((line for line in lines_of(run) if moment in line), None)
            assert seen is not None, f"it never said {moment!r}"
            run.kill()
        assert not (out["killed"] / "short.safetensors").exists()
    with started(recipe, out["killed"]) as run:
        _, errors = run.communicate()
    assert run.returncode == 0, errors
    assert not list(out["killed"].rglob("*.part"))
    whole, killed = (load_file(out[name] / "short.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
