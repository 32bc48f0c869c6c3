"""The judged content test: what it makes of samples, and that a stopped one goes on where it was."""

import importlib.util
import json
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


def test_a_stopped_test_goes_on(script: ModuleType, backbone: Backbone, tmp_path: Path, capsys) -> None:
    bench = Bench(backbone, PROMPTS["B"])
    config = LacoConfig(steps=0, keep=1.0, layers=(1, 2), place="after_sink")
    taken = script.samples(bench, config, scenes("B", 3), tmp_path)
    first = next(taken)
    taken.close()
    path = tmp_path / "samples.jsonl"
    path.write_text(path.read_text() + '{"scene": 1, "haz')  # killed while writing
    found = list(script.samples(bench, config, scenes("B", 3), tmp_path))
    assert found[0] == first
    assert len(found) == 3
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row.get("scene") for row in rows] == [None, 0, 1, 2]
    assert list(script.samples(bench, config, scenes("B", 3), tmp_path)) == found
    with pytest.raises(SystemExit, match="other settings"):
        next(script.samples(bench, LacoConfig(), scenes("B", 3), tmp_path))
    assert "scene 3 of 3" in capsys.readouterr().err
