"""`laco calibrate` from the command to a profile that `laco run` takes, on a tiny model and on the built-in driver."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from laco import Backbone, LacoConfig
from laco.agents.channels.observation import ObservationList
from laco.agents.drivers import profile as profiles
from laco.distill.calibration import driver
from laco.distill.calibration.measure import Bench
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import scenes
from laco.distill.calibration.texts import calibrate
from laco.errors import ConfigError
from laco.method.fingerprint import fingerprint_of


@pytest.fixture
def tiny(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> Backbone:
    monkeypatch.setattr("laco.agents.drivers.check.check_model", lambda name: None)
    monkeypatch.setattr(Backbone, "load", lambda name: backbone)
    return backbone


def test_a_language_model(tiny: Backbone, called, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "laco.yaml"
    status, shown, errors = called("calibrate", "--model", "tiny", "--pairs", "2", "--out", str(out), "--json")
    assert (status, errors) == (0, "")
    found = json.loads(shown)
    profile = profiles.load(out)
    assert profile.measured is not None
    assert profile.measured.fingerprint == fingerprint_of(tiny.model, tiny.decoder.config)
    assert profile.measured.controls.keys() == {"shuffled", "other", "empty"}
    assert profile.measured.how == "laco calibrate --model tiny --pairs 2 --seed 0 --codec int8 --steps 0"
    assert list(profile.laco.layers or ()) == found["picked"]["config"]["layers"]
    assert (profile.laco.place, profile.laco.steps) == ("after_sink", 0)
    points = found["bands"] + found["others"]
    assert found["picked"] in points
    assert all(way.codec == "int8" for way in profile.ways)
    assert profile.ways[0].keep == max(way.keep for way in profile.ways)
    assert all(0.0 <= point["content"] <= 1.0 and point["drift"] >= 0.0 < point["nbytes"] for point in points)
    with Image.open(found["curves"]) as image:
        assert image.width > 1000
    assert sorted(p.name for p in out.parent.iterdir()) == ["laco.png", "laco.yaml"]


def test_a_budget_is_kept(tiny: Backbone) -> None:
    bench = Bench(tiny, PROMPTS["A"])
    one_layer = LacoConfig(steps=0, keep=1.0, layers=(0,))
    size = np.mean([bench.sample(bench.tell(scene, 0), one_layer).nbytes for scene in scenes("A", 2)])
    found = calibrate(tiny, pairs=2, budget=1.2 * float(size))
    assert found.found.nbytes <= 1.2 * size
    assert max(figures.nbytes for _, figures in found.bands) > 1.2 * size


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    profile = profiles.Profile(0.5, "fp16", LacoConfig(steps=0, layers=(2, 3), place="after_sink", keep=0.5))
    (tmp_path / "laco.yaml").write_bytes(profiles.dump(profile))
    assert profiles.load(tmp_path / "laco.yaml") == profile


def row(recovered: float, nbytes: float) -> driver.Row:
    return driver.Row(LacoConfig(), "int8", error=0.0, recovered=recovered, content=0.0, drift=0.0, nbytes=nbytes)


def test_the_driver_takes_the_fewest_bytes_that_are_enough() -> None:
    rows = [row(1.0, 900), row(0.96, 500), row(0.97, 600), row(0.5, 100)]
    assert driver.pick(rows, None) is rows[1]
    assert driver.pick(rows, 450) is rows[3]
    with pytest.raises(ConfigError, match="smallest needs 100"):
        driver.pick(rows, 99)


def test_the_grid_of_the_driver_holds_the_shipped_profile_and_the_papers() -> None:
    configs = [config for config, codec in driver.grid() if codec == "int8"]
    assert profiles.load().laco in configs
    assert LacoConfig(steps=10, keep=0.3, layers=(0,), realign="identity") in configs
    assert len(set(driver.grid())) == len(driver.grid())


def test_the_driver_hears_its_own_view_back() -> None:
    """At few moments: a full-depth message of the view is that view read as tokens."""
    from laco.agents.drivers.vector import VectorDriver

    vector = VectorDriver.load()
    judge = driver.Judge(vector, 0.25, driver.moments([1000])[::12], ObservationList(vector, 0.25))
    whole = judge.row(LacoConfig(steps=0, keep=1.0, layers=(0, 1, 2, 3, 4, 5), realign="identity"), "fp32")
    assert whole.recovered == pytest.approx(1.0, abs=0.05)
    assert whole.drift == pytest.approx(judge.idle_drift, abs=0.02)
    assert whole.content > 0.0


def test_the_shipped_profile_says_whose_it_is() -> None:
    from laco.agents.drivers.vector import VectorDriver

    measured = profiles.load().measured
    assert measured is not None
    assert measured.fingerprint == VectorDriver.load().fingerprint
