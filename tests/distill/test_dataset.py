"""Training data: labels are a function of the input, and a data set is a function of its seed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from laco.agents.channels.observation import ObservationList
from laco.agents.drivers.expert import judge
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import BINS, VectorModel
from laco.agents.observation import Observation
from laco.distill.dataset import LONGEST, Samples, collect
from laco.distill.rollout import Rollout
from laco.distill.scenes import all_approaches, perturbed, random_layout
from laco.distill.student import Student
from laco.distill.train import Data, random_positions, soft_target, train
from laco.scenarios.catalog.occluded_crossing import layout

TINY = {"width": 16, "layers": 2, "heads": 2, "kv_heads": 1}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are slower on several threads, and very slow on busy cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def samples() -> Samples:
    made = Samples()
    collect(made, 40, seed=1)
    return made


def test_three_samples_a_decision_within_their_bounds(samples: Samples) -> None:
    assert len(samples.target) >= 3 * 40
    assert {f.shape for f in samples.features} == {(LONGEST, 18)}
    assert all(-1.0 <= t < BINS - 1 for t in samples.target)
    for features, kinds in zip(samples.features, samples.kinds, strict=True):
        assert not features[kinds < 0].any()


def test_the_same_seed_gives_the_same_samples(samples: Samples) -> None:
    again = Samples()
    collect(again, 40, seed=1)
    assert np.array_equal(np.array(again.features), np.array(samples.features))
    assert again.target == samples.target


def test_about_half_of_all_layouts_have_a_hazard_and_no_test_seed_is_used() -> None:
    rng, known = np.random.default_rng(0), all_approaches()
    drawn = [random_layout(rng, known)[0] for _ in range(60)]
    assert 20 <= sum(d.hazards != () for d in drawn) <= 40
    assert all(d.seed > 1000 for d in drawn)


def view() -> Observation:
    made = layout(1000)
    return Rollout.of(made).view("B")


def test_a_perturbed_view_has_the_expert_s_label_for_just_that_view() -> None:
    changed = perturbed(view(), np.random.default_rng(3))
    made = Samples()
    made.add([changed], 0.5)
    target, _ = judge(Frame.of(changed), [changed], 0.5)
    assert made.target[0] in (target / 0.5, -1.0)


def test_targets_are_distributions_around_the_label() -> None:
    soft = soft_target(torch.tensor([-1.0, 0.0, 20.0]))
    assert soft.sum(1) == pytest.approx(torch.ones(3))
    assert soft.argmax(1).tolist() == [0, 1, 21]
    assert soft[1:, 0].tolist() == [0.0, 0.0]


def test_positions_ascend() -> None:
    steps = random_positions(torch.zeros(4, 20)).diff(dim=1)
    assert (int(steps.min()), int(steps.max())) == (1, 3)


def test_training_learns_and_reports(samples: Samples, tmp_path: Path) -> None:
    samples.save(tmp_path / "a.npz")
    data = Data.read([tmp_path / "a.npz", tmp_path / "a.npz"])
    assert len(data) == 2 * len(samples.target)
    torch.manual_seed(0)
    model, lines = VectorModel(**TINY), []
    train(model, data, data, steps=200, batch=16, rate=3e-3, report=lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines]
    assert len(losses) == 2
    assert losses[1] < losses[0] - 0.3


def test_a_student_drives_a_rollout_on_its_channel() -> None:
    torch.manual_seed(0)
    driver = VectorDriver(VectorModel(**TINY), input_norm=1.0)
    outcomes = Rollout.of(layout(1000)).run(Student(ObservationList(driver, 0.5)), seconds=1.0)
    assert outcomes.keys() == {"A", "B"}
    assert all(len(o.speeds) == 20 for o in outcomes.values())
