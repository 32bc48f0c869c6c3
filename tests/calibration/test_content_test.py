"""The judged content test: what it makes of samples, and that a stopped one goes on where it was."""

import importlib.util
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from laco import Backbone, LacoConfig
from laco.distill.calibration.measure import Bench, Sample
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import scenes

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "content_test.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("content_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(score: float, drift: float) -> Sample:
    return Sample((score, score), (0.0, 0.0), (0.0, 0.0), (drift, drift), 10.0)


def test_what_tells_more_and_disturbs_less_passes(script: ModuleType) -> None:
    row = {"calibrated": told(1.0, 0.1), "text": told(1.0, 0.5), "paper": told(-1.0, 0.9)}
    found = script.judged([row] * 12, draws=50)
    assert found["auc_difference"] == [0.0, 0.0, 0.0]
    assert found["drift_ratio"] == [0.2, 0.2, 0.2]
    assert (found["not_inferior"], found["calmer"]) == (True, True)
    assert [found["conditions"][name]["auc"] for name in script.CONDITIONS] == [1.0, 1.0, 0.0]


def test_what_tells_less_or_disturbs_more_does_not(script: ModuleType) -> None:
    row = {"calibrated": told(0.0, 0.4), "text": told(1.0, 0.5), "paper": told(0.0, 0.0)}
    found = script.judged([row] * 12, draws=50)
    assert found["auc_difference"] == [-0.5, -0.5, -0.5]
    assert (found["not_inferior"], found["calmer"]) == (False, False)


def test_a_codec_may_not_lose_what_the_first_one_carries(script: ModuleType) -> None:
    row = {"fp16": told(1.0, 0.1), "good": replace(told(1.0, 0.1), nbytes=1.0), "bad": told(0.0, 0.1)}
    found = script.codecs_judged([row] * 12, ["fp16", "good", "bad"], draws=50)["conditions"]
    assert "not_inferior" not in found["fp16"]
    assert (found["good"]["not_inferior"], found["good"]["times_smaller"]) == (True, 10.0)
    assert (found["bad"]["not_inferior"], found["bad"]["auc_difference"]) == (False, [-0.5, -0.5, -0.5])


def test_codecs_are_compared_on_one_reading(script: ModuleType, backbone: Backbone) -> None:
    config = LacoConfig(steps=0, keep=1.0, layers=(1, 2), place="after_sink")
    benches = [Bench(backbone, PROMPTS["B"], codec) for codec in ("fp32", "int8")]
    scene = scenes("B", 2)[0]
    found = script.by_codec(benches, config, scene)
    assert list(found) == ["fp32", "int8"]
    assert found["fp32"] == script.conditions(benches[0], config, scene)["calibrated"]
    assert found["int8"].nbytes < found["fp32"].nbytes / 3


def test_a_stopped_test_goes_on(script: ModuleType, backbone: Backbone, tmp_path: Path, capsys) -> None:
    config = LacoConfig(steps=0, keep=1.0, layers=(1, 2), place="after_sink")
    take, header = partial(script.conditions, Bench(backbone, PROMPTS["B"]), config), {"codec": "int8"}
    taken = script.samples(take, header, scenes("B", 3), tmp_path)
    first = next(taken)
    taken.close()
    path = tmp_path / "samples.jsonl"
    path.write_text(path.read_text() + '{"scene": 1, "haz')  # killed while writing
    found = list(script.samples(take, header, scenes("B", 3), tmp_path))
    assert found[0] == first
    assert len(found) == 3
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row.get("scene") for row in rows] == [None, 0, 1, 2]
    assert list(script.samples(take, header, scenes("B", 3), tmp_path)) == found
    with pytest.raises(SystemExit, match="other settings"):
        next(script.samples(take, {"codec": "fp16"}, scenes("B", 3), tmp_path))
    assert "scene 3 of 3" in capsys.readouterr().err
