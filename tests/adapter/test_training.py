"""Both stages on tiny models: what is learned is better than nothing on texts never seen, and can be taken up."""

from pathlib import Path

import pytest
import torch

from laco import Backbone
from laco.distill.adapter import agreement, reconstruction
from laco.distill.adapter.prompts import HELD_OUT, TRAINING, scenes, texts
from laco.distill.adapter.train import HELD_SEED, Recipe, Training
from laco.errors import ConfigError
from laco.method.adapter import CacheAdapter

SMALL = Recipe(layers=(0, 1, 2), texts=16, steps=6, batch=1, held=2, save=3, hidden=8, rate=2e-3)
HELD = texts(HELD_SEED, 6)


class KilledError(Exception):
    pass


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def trained(source: Backbone, target: Backbone) -> CacheAdapter:
    torch.set_num_threads(1)
    return Training(source, target, SMALL, silent).run()


def unexplained(adapter: CacheAdapter, source: Backbone, target: Backbone) -> float:
    return reconstruction.unexplained(adapter, [reconstruction.pairs(adapter, source, target, t) for t in HELD])


def test_reconstruction_beats_the_mean_and_an_untrained_adapter_on_held_out_text(
    source: Backbone, target: Backbone
) -> None:
    training = Training(source, target, Recipe(layers=(0, 1, 2), texts=40, steps=0, held=1), silent)
    before = unexplained(training.adapter, source, target)
    after = unexplained(training.run(), source, target)
    assert after < 0.95
    assert before > 1.0


def test_agreement_on_held_out_text_improves_over_stage_1_and_over_hearing_nothing(
    source: Backbone, target: Backbone
) -> None:
    lines: list[str] = []
    recipe = Recipe(layers=(0, 1, 2), texts=16, steps=20, batch=2, held=4, save=10, hidden=8, rate=2e-3)
    Training(source, target, recipe, lines.append).run()
    found = {line.split(" nats ")[1]: float(line.split()[4]) for line in lines if " nats " in line}
    assert found["now"] < found["before it"] < found["hearing nothing"]


def test_the_models_are_left_as_they_were(source: Backbone, target: Backbone, trained: CacheAdapter) -> None:
    for backbone in (source, target):
        assert all(p.requires_grad and p.grad is None for p in backbone.model.parameters())


@pytest.mark.parametrize("stop_at", ["stage 1: text 9", "stage 2: step 3"])
def test_a_killed_run_goes_on_to_the_same_weights(
    source: Backbone, target: Backbone, trained: CacheAdapter, tmp_path: Path, stop_at: str
) -> None:
    def report(line: str) -> None:
        if line.startswith(stop_at):
            raise KilledError

    where = tmp_path / "run.pt"
    with pytest.raises(KilledError):
        Training(source, target, SMALL, report, where).run()
    lines: list[str] = []
    resumed = Training(source, target, SMALL, lines.append, where).run()
    assert lines[0].startswith("resumed after")
    for name, tensor in trained.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_checkpoint_of_another_run_is_refused(source: Backbone, target: Backbone, tmp_path: Path) -> None:
    recipe = Recipe(layers=(1,), texts=2, steps=0, held=1, save=1)
    Training(source, target, recipe, silent, tmp_path / "run.pt").run()
    with pytest.raises(ConfigError, match="another run"):
        Training(source, target, Recipe(seed=1), silent, tmp_path / "run.pt").run()


def test_a_receiver_without_a_vocabulary_is_refused(source: Backbone, target: Backbone) -> None:
    headless = Backbone(target.model.model, target.tokenizer)
    with pytest.raises(ConfigError, match="vocabulary"):
        agreement.mean_disagreement(None, source, headless, HELD[:1])


def test_an_adapter_from_a_model_to_itself_is_refused(source: Backbone) -> None:
    with pytest.raises(ConfigError, match="the same model"):
        Training(source, source, SMALL, silent)


@pytest.mark.parametrize(("name", "value"), [("texts", 0), ("steps", -1), ("rate", 0.0), ("ridge", float("nan"))])
def test_amounts_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        Recipe(**{name: value})


def test_texts_are_seeded_and_grow_at_the_end() -> None:
    assert texts(4, 3) == texts(4, 9)[:3] != texts(5, 3)


def test_scenes_differ_in_one_event_made_of_words_that_training_never_saw() -> None:
    for scene in scenes(0, 20):
        hazard, harmless = scene.hazard.split(". "), scene.harmless.split(". ")
        assert len(hazard) == len(harmless)
        assert sum(a != b for a, b in zip(hazard, harmless, strict=True)) == 1
    for name in ("actors", "threats", "calms", "places", "views"):
        assert not set(getattr(TRAINING, name)) & set(getattr(HELD_OUT, name))
