"""The real SmolLM2, where `laco models get smollm2` has fetched it."""

from pathlib import Path

import pytest
import torch

from laco import Backbone, LacoConfig
from laco.agents.drivers import profile as profiles
from laco.agents.drivers.weights_file import shipped
from laco.distill.calibration.measure import AS_TEXT, MESSAGE, Bench
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import scenes
from laco.models import is_installed

pytestmark = pytest.mark.skipif(
    not is_installed("smollm2"), reason="SmolLM2 is not on this machine: laco models get smollm2"
)


@pytest.fixture(scope="module")
def smollm2() -> Backbone:
    torch.set_num_threads(1)
    return Backbone.load("smollm2")


def test_it_is_what_the_package_says(smollm2: Backbone) -> None:
    shape = (smollm2.num_layers, smollm2.kv_heads, smollm2.head_dim, smollm2.width, smollm2.num_embeddings)
    assert shape == (30, 3, 64, 576, 49152)
    assert smollm2.dtype == torch.float32
    with torch.no_grad():
        ids = smollm2.chat([{"role": "user", "content": "What is the capital of France?"}]).ids
        assert ids is not None
        said = smollm2.model.generate(ids[None], max_new_tokens=8, do_sample=False)[0, len(ids) :]
    assert "Paris" in smollm2.tokenizer.decode(said)


def test_the_uncut_cache_of_a_message_is_the_message_in_the_prompt(smollm2: Backbone) -> None:
    bench = Bench(smollm2, PROMPTS["A"][:1], codec="fp32")
    scene = scenes("A", 2)[0]
    (answer,) = bench.hear([0], [bench.tell(scene, 0).hazard.cache], AS_TEXT)
    text = MESSAGE.format(scene.hazard) + PROMPTS["A"][0].text
    with torch.no_grad():
        ids = smollm2.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        row = smollm2.model(ids).logits[0, -1]
    stop, go_on = (smollm2.tokenizer(a, add_special_tokens=False)["input_ids"][0] for a in (" stop", " continue"))
    assert answer.score == pytest.approx(float(row[stop] - row[go_on]), abs=1e-3)


def test_a_band_changes_the_answer_and_silence_does_not(smollm2: Backbone) -> None:
    bench = Bench(smollm2, PROMPTS["A"], codec="int8")
    told = bench.tell(scenes("A", 2)[0], 0)
    band = LacoConfig(steps=0, keep=1.0, layers=tuple(range(15, 30)), place="after_sink")
    sample = bench.sample(told, band)
    assert sample.hazard != sample.twin
    assert min(*sample.moved, *sample.idle) > 1e-4


def test_the_shipped_profile_is_this_models(smollm2: Backbone) -> None:
    profile = profiles.load(Path(str(shipped() / "smollm2.yaml")))
    assert profile.measured is not None
    assert profile.measured.fingerprint == smollm2.fingerprint
    assert profile.laco.layers is not None
    assert profile.laco.layers[-1] < smollm2.num_layers
