"""Teaching the language model, on a tiny random one: rows, one pass for many answers, resume, and the whole recipe."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from laco import Backbone, Context, infer
from laco.agents.drivers import lora_file, text
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import SPEEDS, LLMDriver
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.distill.llm import train as training
from laco.distill.llm.collect import Held, collect, joined
from laco.distill.llm.forward import answers
from laco.distill.llm.pack import batched, pack, prompt, soft
from laco.distill.llm.recipe import Recipe, cook, scaled
from laco.distill.llm.rows import Ask, Row, read, write
from laco.distill.llm.scenes import training_rollout
from laco.distill.llm.train import Fit, Shape, Trainer, schedule, with_lora
from laco.method.cache import KVCache

SHAPE = Shape(rank=2, alpha=4, first=1, band=2)
ASKS = (Ask("Speed 9 of 12, hidden 4.", 2.5), Ask("Speed 11 of 12.", 6.0))
READ = Row((("B", "Car from right, 24-26 m: 1.7-2.3 s."),), "Road from right, 25 m: hidden from 4 m.", ASKS)
ALONE = Row((), "nothing", ASKS[1:])


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return collect(12, seed=1)


def test_rows_are_a_function_of_their_seed_and_survive_a_file(rows: list[Row], tmp_path: Path) -> None:
    assert collect(12, seed=1) == rows
    write(tmp_path / "rows.jsonl", rows)
    assert list(read([tmp_path / "rows.jsonl"])) == rows
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]
    assert {len(row.told) for row in rows} == {0, 1}
    assert all(0.0 <= ask.level <= SPEEDS - 1 for row in rows for ask in row.asks)


def test_the_prompt_that_is_learnt_is_the_prompt_that_is_driven_on(llm_folder: Path) -> None:
    driver = LLMDriver.load(str(llm_folder))
    views = joined({n: r.view(n) for r in [training_rollout(np.random.default_rng(0))] for n in ("A", "B")})
    frame = Frame.of(views["A"])
    seen, state = text.scene(frame, views["A"]), text.state(frame, 0.25)
    context = driver.context(frame, [views["A"]], 0.25)
    assert context.ids.tolist() == prompt(driver.tokenizer, (), seen, state)


@pytest.fixture(scope="module")
def backbone(llm_folder: Path) -> Backbone:
    return Backbone.load(llm_folder)


class TestOnePass:
    """What comes out at the end of every ask is what the driver's own passes give."""

    @pytest.mark.parametrize("heard", [False, True])
    def test_reading_and_hearing(self, backbone: Backbone, heard: bool) -> None:
        ids = torch.tensor([backbone.tokenizer(str(k))["input_ids"][0] for k in range(SPEEDS)])
        packed = [pack(backbone.tokenizer, READ, heard), pack(backbone.tokenizer, ALONE)]
        found = answers(backbone.model, batched(packed), SHAPE.first, SHAPE.band, ids)
        for row, asks in ((READ, found[:2]), (ALONE, found[2:])):
            for ask, logits in zip(row.asks, asks, strict=True):
                wanted = self.passed(backbone, row, ask, heard and bool(row.told))
                torch.testing.assert_close(logits, wanted[ids], rtol=1e-4, atol=1e-4)

    def passed(self, backbone: Backbone, row: Row, ask: Ask, heard: bool) -> torch.Tensor:
        """Logits [V] of the prompt alone; what a peer said is in it, or its cache is heard."""
        tokenizer, peers = backbone.tokenizer, []
        if heard:
            said = infer(backbone, Context(ids=torch.tensor(prompt(tokenizer, (), row.told[0][1], row.asks[0].state))))
            layers = range(SHAPE.band, backbone.num_layers)
            peers = [KVCache(said.cache.layers[SHAPE.band :], tuple(layers), said.cache.positions)]
        ids = prompt(tokenizer, () if heard else row.told, row.seen, ask.state)
        out = infer(backbone, Context(ids=torch.tensor(ids)), peers, place="after_sink").logits
        assert out is not None
        return out[-1]


def test_soft_answers_lie_around_the_expert_s() -> None:
    found = soft(torch.tensor([0.0, 2.5, 6.0]))
    torch.testing.assert_close(found.sum(1), torch.ones(3))
    assert found[0].argmax() == 0
    assert found[2].argmax() == SPEEDS - 1
    assert found[1, 2] == pytest.approx(float(found[1, 3]))


def test_the_rate_rises_and_falls() -> None:
    assert schedule(0.0) < schedule(0.05) > schedule(0.5) > schedule(0.99) >= 0.1


def trainer(llm_folder: Path, lines: list[str]) -> Trainer:
    backbone = Backbone.load(llm_folder)
    tuned = with_lora(backbone.model, SHAPE, seed=0)
    return Trainer(tuned, backbone.tokenizer, SHAPE, lines.append)


class TestTraining:
    def test_it_learns_the_answers(self, llm_folder: Path, tmp_path: Path) -> None:
        lines: list[str] = []
        one = trainer(llm_folder, lines)
        one.run([READ, ALONE] * 4, [READ, ALONE], Fit(60, batch=4, rate=0.05, heard=0.5), tmp_path / "x.pt")
        losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines if "left" in line]
        assert losses[-1] < losses[0] - 0.3
        assert "min left" in lines[0]

    def test_a_killed_run_goes_on_as_if_it_had_not_been(
        self, llm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(training, "SAVE_EVERY", 2)
        fit = Fit(5, batch=2, rate=0.01, heard=0.5)
        whole, stopped, resumed = (trainer(llm_folder, []) for _ in range(3))
        whole.run([READ, ALONE], [ALONE], fit, tmp_path / "whole.pt")
        real, calls = stopped._step, []

        def failing(*args):
            calls.append(1)
            if len(calls) == 4:  # one step after the last checkpoint
                raise KeyboardInterrupt
            return real(*args)

        monkeypatch.setattr(stopped, "_step", failing)
        with pytest.raises(KeyboardInterrupt):
            stopped.run([READ, ALONE], [ALONE], fit, tmp_path / "part.pt")
        resumed.run([READ, ALONE], [ALONE], fit, tmp_path / "part.pt")
        for name, weight in whole.weights.items():
            assert torch.equal(weight, resumed.weights[name]), name
        assert {p.name for p in tmp_path.iterdir()} == {"whole.pt", "part.pt"}


def test_plans_are_held_for_a_period() -> None:
    asked: list[float] = []

    def policy(views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        asked.append(views["A"].time)
        return {"A": Plan(views["A"].time, (0.0,) * 5, (0.0,) * 5)}

    rollout, held = training_rollout(np.random.default_rng(0)), Held(policy, 1.0)
    for step in range(11):
        rollout.time = round(0.2 * step, 6)
        plans = held({"A": rollout.view("A")})
    assert asked == [0.0, 1.0, 2.0]
    assert plans["A"].time == 2.0


def test_a_tiny_recipe_ends_in_a_lora_that_drives_and_is_not_repeated(llm_folder: Path, tmp_path: Path) -> None:
    small = scaled(Recipe(), 0.004)
    rounds = tuple(replace(r, shards=r.shards[:1], fit=replace(r.fit, batch=2)) for r in small.rounds)
    recipe, lines = replace(small, rounds=rounds, shape=SHAPE), list[str]()
    path = cook(recipe, str(llm_folder), tmp_path, lines.append)
    assert len([line for line in lines if line.endswith(" rows")]) == 3  # held out, the expert's, the student's
    assert LLMDriver.load(lora_file.joined(str(llm_folder), str(path))).fingerprint
    assert lora_file.card_of(path).layers == (2,)
    again = list[str]()
    assert cook(recipe, str(llm_folder), tmp_path, again.append) == path
    assert again == []
