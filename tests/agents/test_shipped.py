"""The shipped driver: what its card says, that it drives, and that its cache carries content."""

import hashlib
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.profile import Profile, load, of
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.weights_file import SHIPPED, locate, shipped
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.distill.rollout import Rollout
from laco.distill.student import Student
from laco.errors import BackboneError
from laco.scenarios.catalog.occluded_crossing import layout


@pytest.fixture(scope="module")
def driver() -> VectorDriver:
    torch.set_num_threads(1)
    return VectorDriver.load()


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load()


def test_the_card_names_these_weights(driver: VectorDriver) -> None:
    weights = Path(str(shipped() / SHIPPED)).read_bytes()
    card = (shipped() / "vector.md").read_text()
    found = re.search(r"SHA-256 \| `(\w+)`", card)
    assert found is not None
    assert found[1] == hashlib.sha256(weights).hexdigest()
    assert len(weights) <= 10_000_000
    count = sum(p.numel() for p in driver.model.parameters())
    assert count <= 2_500_000
    assert f"{count:,} parameters" in card


@pytest.mark.parametrize("seed", [1100, 1101, 1102])
def test_it_drives_its_route_when_nothing_is_there(
    driver: VectorDriver, profile: Profile, seed: int
) -> None:
    outcomes = Rollout.of(layout(seed).twin()).run(Student(Silent(driver, profile.caution)), 30.0)
    assert outcomes["A"].time is not None
    assert not outcomes["A"].collided


def hidden_hazard(
    driver: VectorDriver, profile: Profile, seed: int
) -> tuple[Observation, Observation, int]:
    """A's and B's view two seconds into a run: B sees the hazard, A does not."""
    rollout = Rollout.of(layout(seed))
    rollout.run(Student(Silent(driver, profile.caution)), 2.0)
    views = {name: rollout.view(name) for name in ("A", "B")}
    known = {n: with_beacons(v, [o.beacon("") for m, o in views.items() if m != n]) for n, v in views.items()}
    return known["A"], known["B"], rollout.hazards[0]


def test_its_cache_tells_of_what_the_listener_cannot_see(
    driver: VectorDriver, profile: Profile
) -> None:
    """Over some seeds: the true message decides as reading does; the twin's message does not."""
    latent = Latent(driver, profile.caution, profile.laco, profile.codec)
    read, meta = ObservationList(driver, profile.caution), {"fingerprint": driver.fingerprint}
    errors: list[tuple[float, float]] = []
    for seed in range(1100, 1108):
        a, b, hazard = hidden_hazard(driver, profile, seed)
        assert all(actor.id != hazard for actor in a.actors)
        assert any(actor.id == hazard for actor in b.actors)
        twin = msgspec.structs.replace(b, actors=tuple(x for x in b.actors if x.id != hazard))
        wanted = read.hear(a, [read.say(b, a.beacon(""), {})]).plan.speed[-1]
        heard = [latent.hear(a, [latent.say(v, a.beacon(""), meta)]).plan.speed[-1] for v in (b, twin)]
        errors.append((abs(heard[0] - wanted), abs(heard[1] - wanted)))
    true, other = np.mean(errors, axis=0)
    assert true < 0.25 * other


def test_the_base_weights_ship_by_name_with_a_card_and_settings_of_their_own() -> None:
    path = locate("vector-base")
    card = (shipped() / "vector-base.md").read_text()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert of("vector", str(path)).laco.layers == (0, 1, 2, 3, 4, 5)
    assert of("vector", "") == load()
    assert path.stat().st_size < 4_000_000


def test_unknown_weights_are_refused_with_those_there_are() -> None:
    with pytest.raises(BackboneError, match="vector-base"):
        locate("nothing")
