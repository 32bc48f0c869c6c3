"""Training data: labels are a function of the input, a data set one of its seed, and no test seed is drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import BINS, VectorModel
from laco.agents.observation import Actor, Body, Observation
from laco.config import LacoConfig
from laco.distill.collect import collect
from laco.distill.generator import draw, kinds, name_of, widened
from laco.distill.labels import label
from laco.distill.moment import Hearing, gap, hearings, shared_pair
from laco.distill.passes import Way
from laco.distill.perturb import perturbed
from laco.distill.pupil import Student
from laco.distill.rollout import Car, Rollout
from laco.distill.samples import FAR, NO_PAIR, Data, Samples
from laco.distill.seeds import HELD_OUT
from laco.distill.student import Student as ChannelStudent
from laco.errors import ConfigError
from laco.geometry import overlap
from laco.scenarios.catalog import SCENARIOS
from laco.scenarios.catalog.occluded_crossing import layout

TINY = {"width": 16, "layers": 2, "heads": 2, "kv_heads": 1}


@pytest.fixture(scope="module")
def samples() -> Samples:
    made = Samples()
    collect(made, 60, 1, kinds(HELD_OUT))
    return made


def test_samples_are_within_their_bounds(samples: Samples) -> None:
    data = Data.of(samples)
    assert len(data) >= 60
    assert data.target.min() >= -1.0
    assert data.target.max() < BINS - 1
    assert set(data.scenario.tolist()) <= {s.id for s in SCENARIOS}
    assert data.lengths.sum() == len(data.features)


def test_the_same_seed_gives_the_same_samples(samples: Samples) -> None:
    again = Samples()
    collect(again, 60, 1, kinds(HELD_OUT))
    one, other = samples.columns(), again.columns()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_what_is_saved_is_read(samples: Samples, tmp_path: Path) -> None:
    samples.save(tmp_path / "a.npz")
    data = Data.read([tmp_path / "a.npz"] * 2)
    count = len(samples)
    first, second = data.batch(np.arange(count)), data.batch(np.arange(count) + count)
    assert torch.equal(first.joint, second.joint)
    assert torch.equal(first.target, second.target)


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(ConfigError, match="not a data file"):
        Data.read([tmp_path / "b.npz"])


def test_no_test_seed_and_no_held_out_kind_is_drawn() -> None:
    chosen = kinds(HELD_OUT)
    drawn = [draw(np.random.default_rng(i), chosen) for i in range(60)]
    assert min(made.seed for made in drawn) >= 1000
    assert not {name_of(made.scenario) for made in drawn} & set(HELD_OUT)
    assert 15 <= sum(made.hazards != () for made in drawn) <= 40


def test_widened_layouts_begin_without_contact() -> None:
    for i, scenario in enumerate(SCENARIOS):
        made = widened(scenario.layout(1000 + i), np.random.default_rng(i))
        cars = [Car.of(ego.placement).body.box for ego in made.egos]
        assert not any(overlap(a, b) for k, a in enumerate(cars) for b in cars[:k])


def view(name: str = "B") -> Observation:
    return Rollout.of(layout(1000)).view(name)


def test_a_changed_view_has_the_expert_s_label_for_just_that_view() -> None:
    some = [perturbed(view(), np.random.default_rng(seed)) for seed in range(8)]
    found = [label(Frame.of(changed), [changed], 0.5) for changed in some]
    assert len({one.bin for one in found}) > 2
    for one in found:
        assert one.bin == -1.0 or 0.0 <= one.bin <= BINS - 2
        assert len(one.curvature) == 5


def test_everybody_hears_who_chose_to_speak_to_it() -> None:
    heard = hearings({name: view(name) for name in ("A", "B")})
    assert [peer.name for peer in heard["A"].peers] == ["B"]
    assert any(actor.name == "B" for actor in heard["A"].own.actors)


def body(x: float, y: float, yaw: float = 0.0, speed: float = 0.0) -> Body:
    return Body(x, y, yaw, speed, 2.0, 1.0)


def seeing(*actors: Actor, own: Body) -> Observation:
    return Observation("A", 0.0, own, ((0.0, 0.0), (60.0, 0.0)), 60.0, 14.0, actors, ())


def test_the_gap_is_the_time_until_somebody_is_met() -> None:
    hearing = Hearing(seeing(own=body(0.0, 0.0, speed=10.0)), (seeing(Actor(1, body(43.0, 0.0)), own=body(50.0, 5.0)),))
    assert gap(hearing) == pytest.approx(4.2)  # 3 m short of 43 m at 10 m/s: after 4.0 s, on a grid of 0.2 s
    assert gap(Hearing(seeing(own=body(0.0, 0.0)), ())) == FAR


def test_a_pair_sees_somebody_who_is_hidden_from_the_listener() -> None:
    hidden, plain = Actor(1, body(30.0, 9.0)), Actor(2, body(40.0, 0.0))
    own = seeing(plain, own=body(0.0, 0.0))
    peers = [seeing(*seen, own=body(50.0, 5.0)) for seen in ((plain,), (hidden, plain), (hidden,))]
    assert shared_pair(Hearing(own, tuple(peers))) == (1, 2)
    assert shared_pair(Hearing(own, tuple(peers[:2]))) == NO_PAIR


@pytest.mark.parametrize("channel", ["silent", "observation", "latent"])
def test_a_batched_student_drives_as_its_channel_does(channel: str) -> None:
    torch.manual_seed(0)
    driver = VectorDriver(VectorModel(**TINY), input_norm=1.0)
    config = LacoConfig(steps=2, keep=0.5, layers=(0,), realign="identity")
    real = {
        "silent": Silent(driver, 0.5),
        "observation": ObservationList(driver, 0.5),
        "latent": Latent(driver, 0.5, config, "fp32"),
    }[channel]
    views = {name: view(name) for name in ("A", "B")}
    wanted = ChannelStudent(real)(views)
    found = Student(driver, channel, Way(2, (0,), 0.5)).drive(hearings(views), 0.5)  # type: ignore[arg-type]
    for name, plan in wanted.items():
        assert isinstance(found[name], Plan)
        assert found[name].speed == pytest.approx(plan.speed, abs=0.02)  # tokens are kept in half precision
        assert found[name].curvature == pytest.approx(plan.curvature, abs=0.02)  # tokens are kept in half precision
