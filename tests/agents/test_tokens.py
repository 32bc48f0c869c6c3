"""What a segment holds: layout 1 where it was, layout 2 behind it, and no more than may matter."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from laco.agents.drivers import weights_file
from laco.agents.drivers.expert import judge
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.tokens import ACTOR, MOST_ACTORS, OLD_FEATURES, SIGHT, matters, segment
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.perception import with_beacons
from laco.distill.rollout import Rollout
from laco.scenarios.catalog.occluded_crossing import layout
from laco.scenarios.pilots import Expert

NORTH, EAST, WEST = -math.pi / 2, 0.0, math.pi
View = Callable[..., Observation]


def rows(view: Observation, kind: int, frame: Frame | None = None) -> NDArray[np.float32]:
    features, kinds = segment(frame or Frame.of(view), view, 0.5)
    return features[kinds == kind]


def test_a_crossing_car(eastward: View) -> None:
    """At (25, 24), north at 12 m/s: in the strip from x = 24 to 26.5, 20.2 m of its way from now."""
    (row,) = rows(eastward(actors=(Actor(3, Body(25.0, 24.0, NORTH, 12.0, 2.4, 0.9)),)), ACTOR)
    old = [25 / 30, 24 / 30, 0.0, -1.0, 12 / 15, 2.4 / 5, 0.9 / 2, 0.0, 25 / 30, 24 / 10, 1.0, 25 / 30, 2 / 5, 24 / 30]
    assert row[:OLD_FEATURES] == pytest.approx(old, abs=1e-6)
    assert row[OLD_FEATURES:] == pytest.approx([20.2 / 12 / 5, 24 / 30, 26.5 / 30, 0.0])


def test_a_crossing_lane(eastward: View) -> None:
    """Seen 10 m up: one of 15 m/s with its nose just there is 10 - 1.4 m from the strip of a car."""
    (row,) = rows(eastward(sights=(Sight((25.0, 0.0), NORTH, 10.0),)), SIGHT)
    assert row[:6] == pytest.approx([25 / 30, 10 / 60, 0.0, -1.0, math.log1p(25), math.log1p(10)], abs=1e-6)
    assert not row[6:OLD_FEATURES].any()
    assert row[14] == pytest.approx((10.0 - 0.9 - 0.5) / 15 / 5)
    assert 23.0 / 30 < row[15] < 25.0 / 30 < row[16] < 27.5 / 30
    assert row[17] == 0.0


def test_a_walkers_line_tells_its_pace(eastward: View) -> None:
    (row,) = rows(eastward(sights=(Sight((25.0, 0.0), NORTH, 10.0, 3.0),)), SIGHT)
    assert row[17] == pytest.approx(-0.8)


def test_whose_turn_it_is(eastward: View) -> None:
    """B comes from the side; it is first, or slow and later."""

    def known(speed: float) -> Observation:
        route = tuple((25.0, 12.0 - step) for step in range(0, 65, 5))
        return eastward(6.0, x=10.0, actors=(Actor(-1, Body(25.0, 12.0, NORTH, speed, 2.4, 0.9), "B", 0.0, route),))

    ((first,), (later,)) = (rows(known(speed), ACTOR) for speed in (9.0, 3.0))
    assert (first[17], later[17]) == (-1.0, 1.0)
    assert first[16] > 0.0  # reckoned with where it is going to be
    assert later[16] == 0.0  # reckoned with where it is: it gives way


class TestNoMoreThanMatters:
    parked = Actor(7, Body(20.0, 5.0, EAST, 0.0, 4.0, 1.2))
    oncoming = Actor(8, Body(50.0, -3.5, WEST, 12.0, 2.4, 0.9))

    def test_who_stands_beside_or_passes_far_off_is_left_out(self, eastward: View) -> None:
        assert len(rows(eastward(actors=(self.parked, self.oncoming)), ACTOR)) == 0

    def test_who_moves_close_by_is_not(self, eastward: View) -> None:
        near = Actor(8, Body(15.0, -3.5, WEST, 12.0, 2.4, 0.9))
        (row,) = rows(eastward(actors=(near,)), ACTOR)
        assert not row[OLD_FEATURES:].any()

    def test_those_who_come_soonest_stay(self, eastward: View) -> None:
        crowd = tuple(Actor(i, Body(10.0 + i, 24.0 + 3 * i, NORTH, 12.0, 2.4, 0.9)) for i in range(20))
        kept = rows(eastward(actors=crowd), ACTOR)
        assert len(kept) == MOST_ACTORS
        assert kept[:, 14] == pytest.approx([(20.2 + 3 * i) / 12 / 5 for i in range(MOST_ACTORS)])

    def test_a_peer_tells_nothing_of_connected_vehicles(self, eastward: View) -> None:
        """The viewer has their beacons, and needs no telling of itself."""
        viewer = eastward()
        route = tuple((25.0, 30.0 - step) for step in range(0, 65, 5))
        named = Actor(-1, Body(25.0, 30.0, NORTH, 12.0, 2.4, 0.9), "C", 0.0, route)
        itself = Actor(4, Body(0.5, 0.0, EAST, 12.0, 2.4, 0.9))
        stranger = Actor(5, Body(25.0, 24.0, NORTH, 12.0, 2.4, 0.9))
        peer = eastward(x=60.0, name="B", actors=(named, itself, stranger))
        assert len(rows(peer, ACTOR, Frame.of(viewer))) == 1

    def test_of_one_lane_the_best_sight(self, eastward: View) -> None:
        sights = (Sight((25.0, 0.0), NORTH, 10.0), Sight((25.0, -3.5), NORTH, 33.5), Sight((400.0, 90.0), 0.3, 20.0))
        (row,) = rows(eastward(sights=sights), SIGHT)
        assert row[1] == pytest.approx(30 / 60)


@pytest.mark.parametrize("seed", [1000, 1005])
def test_what_matters_is_all_that_the_expert_and_the_segment_use(seed: int) -> None:
    """A peer's view cut to what matters to the viewer gives the same labels and the same tokens."""
    pilot = Expert(0.5)

    def policy(views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        own = with_beacons(views["A"], [views["B"].beacon("")])
        frame, peer = Frame.of(own), views["B"]
        cut = msgspec.msgpack.decode(msgspec.msgpack.encode(matters(frame, peer)), type=Observation)
        for caution in (0.0, 1.0):
            assert judge(frame, [own, cut], caution) == judge(frame, [own, peer], caution)
        assert segment(frame, cut, 0.5)[0] == pytest.approx(segment(frame, peer, 0.5)[0], abs=1e-5)
        return pilot.decide(0.0, views)

    Rollout.of(layout(seed)).run(policy, 8.0)


class TestOldWeights:
    def test_they_never_saw_the_later_features_and_do_not_now(self, tmp_path: Path, eastward: View) -> None:
        with weights_file.shipped().joinpath(weights_file.SHIPPED).open("rb") as file:
            (tmp_path / "old").write_bytes(file.read())
        weights = load_file(tmp_path / "old")
        shape, norm, _ = weights_file.metadata(tmp_path / "old")
        about = {"format": weights_file.FORMAT, "shape": msgspec.json.encode(shape).decode(), "input_norm": repr(norm)}
        save_file(weights, tmp_path / "one", about)
        save_file(weights, tmp_path / "two", about | {"layout": "2"})
        one, two = (VectorDriver.load(tmp_path / name).model.lift[0].weight for name in ("one", "two"))
        assert torch.equal(one[:, :OLD_FEATURES], two[:, :OLD_FEATURES])
        assert not one[:, OLD_FEATURES:].any()
        assert two[:, OLD_FEATURES:].any()

    def test_what_is_saved_says_its_layout(self, driver: VectorDriver, shape: dict[str, int], tmp_path: Path) -> None:
        driver.save(tmp_path / "new", shape, {})
        assert weights_file.metadata(tmp_path / "new")[2] == 2
