"""The real SmolLM2 with the LoRA that ships: it drives, by what it sees and by what it is told in any way."""

import hashlib
import math
import re
from pathlib import Path

import pytest
import torch

from laco.agents.channels.base import Channel
from laco.agents.channels.build import build, check_calibrated
from laco.agents.drivers import lora_file
from laco.agents.drivers import profile as profiles
from laco.agents.drivers.expert import decide
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.text import FULL
from laco.agents.drivers.weights_file import shipped
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.errors import ConfigError
from laco.models import is_installed

LORA = Path(str(shipped() / "smollm2-lora.safetensors"))
LIMIT = 50 / 3.6  # [m/s]
NORTH = -math.pi / 2
CAR = Actor(3, Body(27.0, 24.0, NORTH, 11.0, 2.4, 0.9))  # at the crossing in two seconds, as the viewer is
CLEAR, HIDDEN = Sight((27.0, 0.0), NORTH, 60.0), Sight((27.0, 0.0), NORTH, 30.0)

needs_model = pytest.mark.skipif(
    not is_installed("smollm2"), reason="SmolLM2 is not on this machine: laco models get smollm2"
)


def view(*actors: Actor, sight: Sight = CLEAR, name: str = "A", x: float = 0.0) -> Observation:
    """Of a car that drives east at 11 m/s on a straight road."""
    route = tuple((x + step, 0.0) for step in range(0, 65, 5))
    return Observation(name, 0.0, Body(x, 0.0, 0.0, 11.0, 2.4, 0.9), route, 100.0, LIMIT, actors, (sight,))


@pytest.fixture(scope="module")
def tuned() -> LLMDriver:
    torch.set_num_threads(1)
    return LLMDriver.load("smollm2")


def test_the_card_names_this_lora() -> None:
    found = re.search(r"SHA-256 \| `(\w+)`", LORA.with_suffix(".md").read_text())
    assert found is not None
    assert found[1] == hashlib.sha256(LORA.read_bytes()).hexdigest()
    assert LORA.stat().st_size < 3_000_000
    profile, plain = (profiles.load(LORA.with_name(f"{name}.yaml")) for name in ("smollm2-lora", "smollm2"))
    assert plain.measured is not None
    assert lora_file.card_of(LORA).model == plain.measured.fingerprint
    assert profile == profiles.of("llm", "smollm2")
    assert plain == profiles.of("llm", lora_file.joined("smollm2", lora_file.PLAIN))


@needs_model
def test_the_plain_models_calibration_is_refused_for_it(tuned: LLMDriver) -> None:
    """And its own profile, should it have been measured, was measured for it."""
    plain = profiles.of("llm", lora_file.joined("smollm2", lora_file.PLAIN)).measured
    assert plain is not None
    with pytest.raises(ConfigError, match="was measured for model c6349e40"):
        check_calibrated(AgentSpec("A", "latent", driver="llm", calibrated=plain.fingerprint), tuned.fingerprint)
    measured = profiles.of("llm", "smollm2").measured
    assert measured is None or measured.fingerprint == tuned.fingerprint


def target(channel: Channel, own: Observation, said: Observation | None = None) -> float:
    """What it wants to drive at in the end [m/s]."""
    driver, messages = channel.driver, []
    if said is not None:
        meta = {"sender": said.name, "addressee": own.name, "sim_time": 0.0, "fingerprint": driver.fingerprint}
        messages = [channel.say(said, own.beacon(driver.fingerprint), meta) or []]
    return channel.hear(own, messages).plan.speed[-1]


@needs_model
def test_it_brakes_for_a_crossing_car_and_the_plain_model_does_not(tuned: LLMDriver) -> None:
    """To within the step of its answers it drives as the expert does; the plain model answers the same digit always."""
    plain = LLMDriver.load(lora_file.joined("smollm2", lora_file.PLAIN))
    found = {}
    for name, driver in (("tuned", tuned), ("plain", plain)):
        silent = build(AgentSpec("A", "silent", driver="llm"), driver, {})
        found[name] = (target(silent, view(CAR)), target(silent, view()))
    braking, free = (decide(one, 0.25).speed[-1] for one in (view(CAR), view()))
    assert braking < 0.65 * free
    assert found["tuned"] == pytest.approx((braking, free), abs=free / FULL)
    assert found["plain"][0] == found["plain"][1]


@needs_model
@pytest.mark.parametrize("name", ["observation", "visual", "latent"])
def test_it_heeds_a_car_that_only_its_peer_sees(tuned: LLMDriver, name: str) -> None:
    channel = build(AgentSpec("A", name, driver="llm", laco=profiles.of("llm", "smollm2").laco), tuned, {})
    own, theirs = view(sight=HIDDEN), view(CAR, name="B", x=70.0)
    assert target(channel, own, theirs) < target(channel, own, view(name="B", x=70.0)) - 2.0
