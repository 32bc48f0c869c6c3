"""Sender and receivers on a tiny model, against the plain way of doing the same."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from laco import Backbone, LacoConfig, infer
from laco.distill.calibration.measure import AS_TEXT, MESSAGE, Bench
from laco.distill.calibration.packing import hear
from laco.distill.calibration.prompts import PROMPTS, Prompt
from laco.distill.calibration.scenes import scenes
from laco.errors import ConfigError

SCENE = scenes("A", 2)[1]


@pytest.fixture(scope="module")
def bench(backbone: Backbone) -> Bench:
    return Bench(backbone, PROMPTS["A"], codec="fp32")


@pytest.mark.parametrize("place", ["prefix", "after_sink", "before_last"])
@pytest.mark.parametrize("layers", [(0,), (1, 3), (0, 1, 2, 3)])
def test_packed_receivers_hear_as_single_ones(bench: Bench, place, layers: tuple[int, ...]) -> None:
    config = LacoConfig(steps=1, keep=0.4, selector="random", layers=layers, place=place)
    told = bench.tell(SCENE, 1)
    peers = [bench.send(trace, config)[0] for trace in (told.hazard, told.twin, told.idle[0])]
    prompts = [ids(bench.backbone, prompt.text) for prompt in PROMPTS["A"]]
    together = hear(bench.backbone, prompts, peers, config)
    for row, prompt, peer in zip(together, prompts, peers, strict=True):
        torch.testing.assert_close(row, infer(bench.backbone, prompt, [peer], place=place).hidden[-1])


def test_the_uncut_cache_is_the_text_in_the_prompt(bench: Bench) -> None:
    """So nothing is lost by not reading the text anew."""
    told, backbone, prompt = bench.tell(SCENE, 0), bench.backbone, PROMPTS["A"][1]
    (answer,) = bench.hear([1], [told.hazard.cache], AS_TEXT)
    read, silent = (logits(backbone, start + prompt.text) for start in (MESSAGE.format(SCENE.hazard), ""))
    spoken = read.log_softmax(-1)
    hazard, clear = (ids(backbone, text)[0] for text in (prompt.hazard, prompt.clear))
    assert answer.score == pytest.approx(float(read[hazard] - read[clear]), abs=1e-4)
    assert answer.drift == pytest.approx(float((spoken.exp() * (spoken - silent.log_softmax(-1))).sum()), rel=1e-3)
    assert bench.as_text(told).nbytes == told.text_bytes > 50


def test_a_sample_is_what_single_receivers_answer(bench: Bench) -> None:
    config = LacoConfig(steps=2, layers=(1, 2), place="after_sink")
    told = bench.tell(SCENE, 2)
    sample = bench.sample(told, config)
    for number in range(3):
        one = {
            name: bench.hear([number], [bench.send(trace, config)[0]], config)[0]
            for name, trace in (("hazard", told.hazard), ("twin", told.twin), ("idle", told.idle[number]))
        }
        assert sample.hazard[number] == pytest.approx(one["hazard"].score, abs=1e-4)
        assert sample.twin[number] == pytest.approx(one["twin"].score, abs=1e-4)
        assert sample.idle[number] == pytest.approx(one["idle"].drift, abs=1e-5)
        assert sample.moved[number] == pytest.approx((one["hazard"].drift + one["twin"].drift) / 2, abs=1e-5)


def test_bytes_are_those_on_the_air(bench: Bench) -> None:
    told = bench.tell(SCENE, 0)
    config = LacoConfig(steps=0, keep=1.0, layers=(1,))
    tokens = [trace.context_length for trace in (told.hazard, told.twin, *told.idle)]
    one = bench.sample(told, config).nbytes
    two = bench.sample(told, replace(config, layers=(1, 2))).nbytes
    payload = 2 * 2 * 8 * 4  # keys and values, 2 heads of 8, float32 [bytes per token and layer]
    assert two - one == pytest.approx(payload * sum(tokens) / len(tokens), abs=4)


def test_silence_is_the_answer_without_a_message(bench: Bench) -> None:
    row = logits(bench.backbone, PROMPTS["A"][0].text)
    hazard, clear = (ids(bench.backbone, text)[0] for text in (PROMPTS["A"][0].hazard, PROMPTS["A"][0].clear))
    assert bench.silent()[0] == pytest.approx(float(row[hazard] - row[clear]), abs=1e-5)


def test_refusals(backbone: Backbone) -> None:
    with pytest.raises(ConfigError, match="same token"):
        Bench(backbone, [Prompt("you see a lane", "You", " stop", " stop now")])
    with pytest.raises(ConfigError, match="tokenizer"):
        Bench(Backbone(backbone.model), PROMPTS["A"])


def ids(backbone: Backbone, text: str) -> list[int]:
    found: list[int] = backbone.tokenizer(text)["input_ids"]
    return found


def logits(backbone: Backbone, text: str) -> Tensor:
    """Logits [V] behind a text, by the model itself."""
    with torch.no_grad():
        row: Tensor = backbone.model(torch.tensor([ids(backbone, text)])).logits[0, -1]
    return row
