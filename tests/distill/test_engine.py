"""Training goes on where it was killed, to the bit; recipes are checked; a tiny one ends in weights and a card."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.agents.drivers.weights_file import Shape
from laco.cli.distill import app
from laco.distill import engine
from laco.distill.collect import collect
from laco.distill.cook import Kitchen
from laco.distill.engine import Training, rate_at
from laco.distill.generator import kinds
from laco.distill.losses import BehaviourCloning, SelfDistillation
from laco.distill.recipe import Collect, Hearing, Recipe, Stage, load, scaled, shipped
from laco.distill.samplers import HardFirst
from laco.distill.samples import Data, Samples
from laco.distill.seeds import HELD_OUT
from laco.errors import ConfigError

TINY = {"width": 16, "layers": 2, "heads": 2, "kv_heads": 1}
STAGE = Stage(
    name="both",
    steps=24,
    losses=(BehaviourCloning(), SelfDistillation(weight=0.5)),
    batch=16,
    sampler=HardFirst(),
    hearing=Hearing(steps=(0, 2), bands=((0,), (0, 1))),
)


@pytest.fixture(scope="module")
def data() -> Data:
    samples = Samples()
    collect(samples, 80, 2, kinds(HELD_OUT))
    return Data.of(samples)


class KilledError(Exception):
    """Stands for SIGKILL: nothing is written on the way out."""


def trained(data: Data, folder: Path, *, kill_at: int | None = None) -> dict[str, Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = VectorModel(**TINY)

    def report(line: str) -> None:
        if kill_at is not None and f"{STAGE.name} {kill_at}/" in line:
            raise KilledError

    Training(model, data, STAGE, 1, 3.0, folder / "x.ckpt", report).run()
    return model.state_dict()


def test_a_killed_run_ends_in_the_same_weights(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "EVERY", 5)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = trained(data, tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(data, tmp_path / "killed", kill_at=15)
    again = trained(data, tmp_path / "killed")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_checkpoint_that_is_none_and_one_of_other_data_are_refused(data: Data, tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="not a checkpoint"):
        trained(data, tmp_path)
    (tmp_path / "x.ckpt").unlink()
    trained(data, tmp_path)
    doubled = Samples()
    collect(doubled, 100, 3, kinds(HELD_OUT))
    with pytest.raises(ConfigError, match="other data"):
        trained(Data.of(doubled), tmp_path)


def test_training_learns(data: Data, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, stage, lines = VectorModel(**TINY), msgspec.structs.replace(STAGE, steps=200, rate=3e-3), list[str]()
    Training(model, data, stage, 1, 3.0, tmp_path / "x.ckpt", lines.append).run()
    losses = [float(line.split("behaviour-cloning ")[1].split()[0]) for line in lines]
    assert losses[-1] < losses[0] - 0.3


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 100, 1.0) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 6)
    assert rates[5] == pytest.approx(1.0)
    assert rates[-1] < 0.001
    assert np.argmax(rates) == 5


def test_every_shipped_recipe_can_be_read_and_scaled() -> None:
    names = shipped()
    assert "vector" in names
    for name in names:
        recipe = load(name)
        assert set(HELD_OUT) <= set(recipe.held_out)
        assert all(stage.steps >= 1 for stage in scaled(recipe, 0.001).stages)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x", "missing required field"),
        ("name: x\nsummary: y\nstages: []", "there must be one"),
        ("name: x\nsummary: y\nstages: [{name: a, steps: 1, losses: [{loss: hinge}]}]", "hinge"),
        ("name: x\nsummary: y\nstages: [{name: a, steps: 1, losses: [], uses: [b]}]", "come later"),
        ("[", "not a recipe"),
    ],
)
def test_bad_recipes_are_refused_in_a_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as raised:
        load(str(path))
    assert "\n" not in str(raised.value)


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="vector"):
        load("nothing")


TINY_RECIPE = Recipe(
    name="tiny",
    summary="nothing",
    shape=Shape(**TINY),
    held=40,
    stages=(
        Stage("first", 20, (BehaviourCloning(),), Collect((7,), 40), batch=8),
        Stage(
            "second",
            20,
            (BehaviourCloning(), SelfDistillation()),
            Collect((8,), 40, ("latent", "silent")),
            uses=("first", "second"),
            batch=8,
            hearing=Hearing(steps=(0, 1)),
        ),
    ),
)


def test_a_tiny_recipe_ends_in_weights_with_a_card_and_is_not_repeated(tmp_path: Path) -> None:
    lines = list[str]()
    path = Kitchen(TINY_RECIPE, tmp_path, lines.append).cook()
    fingerprint = VectorDriver.load(path).fingerprint
    card = path.with_suffix(".md").read_text()
    assert fingerprint in card
    assert all(kind in card for kind in HELD_OUT)
    assert "0.5" not in card.split("| first |")[1].split("|")[2]
    assert len([line for line in lines if "samples in" in line]) == 3
    again = list[str]()
    assert VectorDriver.load(Kitchen(TINY_RECIPE, tmp_path, again.append).cook()).fingerprint == fingerprint
    assert again == []
    other = msgspec.structs.replace(TINY_RECIPE, seed=2)
    with pytest.raises(ConfigError, match="another recipe"):
        Kitchen(other, tmp_path, again.append).cook()


def test_the_command_lists_recipes_and_refuses_others() -> None:
    runner = CliRunner()
    assert "vector" in runner.invoke(app, ["--list"]).output
    refused = runner.invoke(app, ["nothing", "--out", "x"])
    assert isinstance(refused.exception, ConfigError)
    assert "no recipe 'nothing'" in str(refused.exception)
    assert "--from" in runner.invoke(app, ["adapter", "--help"]).output
    assert runner.invoke(app, []).exit_code == 2
