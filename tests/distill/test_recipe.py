"""The whole recipe on next to nothing: it runs, keeps what is done, and ends in weights that load."""

from dataclasses import replace
from pathlib import Path

import torch

from laco.agents.drivers.vector import VectorDriver
from laco.distill.recipe import Recipe, cook, scaled


def test_a_tiny_recipe_ends_in_weights_and_is_not_repeated(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    small = scaled(Recipe(), 0.001)
    stages = tuple(replace(stage, shards=stage.shards[:1]) for stage in small.stages)
    recipe, lines = replace(small, stages=stages, batch=8), list[str]()
    path = cook(recipe, tmp_path, lines.append)
    assert VectorDriver.load(path).fingerprint
    assert len([line for line in lines if "samples" in line]) == 7  # four data files, three stages
    again = list[str]()
    assert cook(recipe, tmp_path, again.append) == path
    assert again == []
