"""The driver's weights file and its plans."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from laco.agents.drivers import weights_file
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.profile import load as load_profile
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Observation
from laco.comm.codecs import available
from laco.errors import BackboneError, ConfigError
from laco.method.fusion import infer


def planned(driver: VectorDriver, view: Observation) -> Plan:
    frame = Frame.of(view)
    return driver.plan(frame, view.time, infer(driver.backbone, driver.context(frame, [view], 0.5)))


def test_a_plan_is_five_speeds_and_curvatures(
    driver: VectorDriver, eastward: Callable[..., Observation]
) -> None:
    plan = planned(driver, eastward(time=3.0))
    assert (plan.time, len(plan.speed), len(plan.curvature)) == (3.0, 5, 5)
    assert all(v >= 0.0 for v in plan.speed)


def test_what_is_saved_is_what_loads(
    driver: VectorDriver, shape: dict[str, int], eastward: Callable[..., Observation], tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    driver.save(path, shape, {"data": "none"})
    again = VectorDriver.load(path)
    assert again.fingerprint == driver.fingerprint
    assert again.backbone.input_norm == driver.backbone.input_norm
    assert planned(again, eastward(speed=4.0)) == planned(driver, eastward(speed=4.0))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.safetensors"]


def test_other_weights_have_another_fingerprint(driver: VectorDriver, stranger: VectorDriver) -> None:
    assert driver.fingerprint != stranger.fingerprint


def test_the_shipped_driver_loads_and_has_a_profile() -> None:
    driver, profile = VectorDriver.load(), load_profile()
    assert sum(p.numel() for p in driver.model.parameters()) <= 2_500_000
    assert profile.codec in available()
    assert profile.laco.layers is not None
    assert profile.laco.layers[-1] < driver.backbone.num_layers


ABOUT = {"format": weights_file.FORMAT, "shape": '{"width": 32}', "input_norm": "1.0"}
FOREIGN = {
    "another format": ABOUT | {"format": "something-else"},
    "no metadata": {},
    "no shape": {"format": weights_file.FORMAT, "input_norm": "1.0"},
    "a shape that is a list": ABOUT | {"shape": "[1]"},
    "a shape that is a number": ABOUT | {"shape": "1"},
    "a shape that is no JSON": ABOUT | {"shape": "{"},
    "a norm that is no number": ABOUT | {"input_norm": "much"},
    "tensors of another model": ABOUT,
    "an unknown argument": ABOUT | {"shape": '{"depth": 3}'},
    "an argument of another type": ABOUT | {"shape": '{"width": "wide"}'},
    "heads that do not divide the width": ABOUT | {"shape": '{"width": 33}'},
    "a negative width": ABOUT | {"shape": '{"width": -4}'},
    "a width of another galaxy": ABOUT | {"shape": json.dumps({"width": 10**15})},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_foreign_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(2)}, path, FOREIGN[case])
    with pytest.raises(BackboneError) as caught:
        VectorDriver.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 64, None])
def test_a_file_that_is_no_safetensors_is_refused_in_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackboneError) as caught:
        VectorDriver.load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(driver: VectorDriver, shape: dict[str, int], tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    driver.save(path, shape, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BackboneError, match="cannot be read as driver weights"):
        VectorDriver.load(path)


@pytest.mark.parametrize("text", ["caution: much", "unknown: 1", "laco: {keep: 7}", "{", "- 1"])
def test_a_profile_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "laco.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a driver profile"):
        load_profile(path)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_profile(tmp_path / "none.yaml")
