"""What the memory bank says, in the wire's words: against poses that a person can work out."""

import math
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest
from laco_langcoop import bank
from laco_langcoop.board import Facts
from laco_langcoop.errors import LacoError
from laco_langcoop.geometry import Route

POSES = [(0.0, 0.0, 0.0), (100.0, -50.0, math.pi / 2), (-7.0, 3.0, -2.5)]


def test_the_point_of_the_bank_is_13_3_m_ahead_of_the_middle() -> None:
    # Heading north (compass 0, CARLA yaw -90 degrees) at x 10, y 20: the point lies at y 20 - 13.3.
    entry = {"detmap_pose": np.array([[-(20.0 - 13.3), 10.0, math.pi / 2]], np.float32)}
    assert bank.pose(entry, 0) == pytest.approx((10.0, 20.0, -math.pi / 2), abs=1e-5)


@pytest.mark.parametrize("idx", range(3))
def test_poses_come_back(entry: Callable[..., Any], idx: int) -> None:
    assert bank.pose(entry(POSES), idx) == pytest.approx(POSES[idx], abs=1e-4)


def test_frames_are_a_fifth_of_a_second_apart(entry: Callable[..., Any]) -> None:
    first, second = entry([(0.0, 0.0, 0.0)], 1.0), entry([(1.0, 0.0, 0.0)], 1.2)
    assert bank.speed([first], 0) == 0.0
    assert bank.speed([first, second], 0) == pytest.approx(5.0, abs=1e-3)
    assert bank.speed([second, {**first, "timestamp": 1.4}], 0) == 0.0, "rolling back is no speed"
    del first["timestamp"], second["timestamp"]
    assert bank.speed([first, second], 0) == pytest.approx(5.0, abs=1e-3)


def test_a_turn_on_the_spot_is_no_speed(entry: Callable[..., Any]) -> None:
    entries = [entry([(3.0, 4.0, yaw)], 0.2 * i) for i, yaw in enumerate((0.0, 0.5))]
    assert bank.speed(entries, 0) == pytest.approx(0.0, abs=1e-3)


def test_the_target_is_right_and_backward(entry: Callable[..., Any]) -> None:
    one = entry([(10.0, 20.0, -math.pi / 2)], target=np.array([[3.0, -30.0]]))
    # North is -y, and right of north is east, +x.
    assert bank.target(one, 0, bank.pose(one, 0)) == pytest.approx((13.0, -10.0), abs=1e-4)


def test_a_view_from_the_bank_alone(entry: Callable[..., Any]) -> None:
    view = bank.view([entry(POSES)], 0, Facts(), 8.0)
    assert view["pose"] == pytest.approx(POSES[0], abs=1e-5)
    assert view["route"][0] == pytest.approx((0.0, 0.0), abs=1e-5)
    assert view["route"][-1] == pytest.approx((20.0, 2.0), abs=1e-4)
    assert all(math.dist(a, b) <= 5.0 + 1e-6 for a, b in zip(view["route"], view["route"][1:], strict=False))
    assert view["remaining"] == 60.0, "the target is only the next point of the route"
    assert view["image"] | {"rgb": None} == {"width": 8, "height": 6, "rgb": None}
    assert len(view["image"]["rgb"]) == 8 * 6 * 3
    sent = msgpack.unpackb(msgpack.packb(view))
    assert set(sent) == {"pose", "speed", "size", "route", "remaining", "limit", "image", "objects"}


def test_the_team_agent_knows_better(entry: Callable[..., Any]) -> None:
    facts = Facts(speed=7.5, route=Route([(-10.0, 0.0), (30.0, 0.0), (30.0, 40.0)]), objects=[[1.0] * 6])
    view = bank.view([entry(POSES)], 0, facts, 8.0)
    assert view["speed"] == 7.5
    assert view["objects"] == [[1.0] * 6]
    assert view["remaining"] == pytest.approx(70.0, abs=1.0)
    assert view["route"][0] == pytest.approx((0.0, 0.0), abs=1.0)
    assert view["route"][12] == pytest.approx((30.0, 30.0), abs=1.0)
    assert len(view["route"]) == 13


def test_a_route_that_crosses_itself_is_followed_in_order() -> None:
    eight = [(0, 0), (50, 0), (50, 50), (25, 50), (25, -50)]
    route = Route(eight)
    way = [(0, 0), (24, 0), (26, 0), (50, 1), (50, 26), (50, 49), (26, 50), (25, 25), (25, 1), (25, -25), (25, -50)]
    lengths = [route.ahead(x, y)[1] for x, y in way]
    assert lengths == pytest.approx([225, 201, 199, 174, 149, 126, 101, 75, 51, 25, 0], abs=1.0)


class Tensor:
    """What is used of a torch tensor, on a device."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __getitem__(self, place: Any) -> "Tensor":
        return Tensor(self.values[place])

    def __len__(self) -> int:
        return len(self.values)

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> Any:
        return self.values

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def test_tensors_on_a_device_are_fetched(entry: Callable[..., Any]) -> None:
    made = entry(POSES)
    made["detmap_pose"] = Tensor(made["detmap_pose"])
    assert bank.view([made], 1, Facts(), 8.0)["pose"] == pytest.approx(POSES[1], abs=1e-4)


def test_boxes_of_the_perception(entry: Callable[..., Any]) -> None:
    # 4 m long along forward, 2 m wide, 10 m ahead and 3 m to the right.
    corners = [[2.0, 12.0], [4.0, 12.0], [4.0, 8.0], [2.0, 8.0]]
    eight = np.array([[[*corner, z] for z in (0.0, 1.5) for corner in corners]])
    one = entry(POSES, object_list=[eight, Tensor(eight), []])
    straight = bank.boxes(one, 0, (0.0, 0.0, 0.0))
    assert straight == [pytest.approx([10.0, 3.0, math.pi, 0.0, 2.0, 1.0])] or straight == [
        pytest.approx([10.0, 3.0, 0.0, 0.0, 2.0, 1.0])
    ]
    (south,) = bank.boxes(one, 1, (100.0, -50.0, math.pi / 2))
    assert south[:2] == pytest.approx([97.0, -40.0])
    assert abs(math.sin(south[2])) == pytest.approx(1.0)
    assert bank.boxes(one, 2, (0.0, 0.0, 0.0)) == []


@pytest.mark.parametrize("found", [[], None, [[]], [np.zeros((2, 3))], [np.full((1, 8, 3), np.nan)]])
def test_boxes_of_an_unknown_form_are_passed_over(entry: Callable[..., Any], found: Any) -> None:
    assert bank.boxes(entry(POSES[:1], object_list=found), 0, (0.0, 0.0, 0.0)) == []


def test_another_langcoop_is_refused_in_one_line(entry: Callable[..., Any]) -> None:
    made = entry(POSES[:1])
    with pytest.raises(LacoError, match="1 vehicles, and ego1"):
        bank.view([made], 1, Facts(), 8.0)
    del made["target"]
    with pytest.raises(LacoError, match="has no target"):
        bank.view([made], 0, Facts(), 8.0)
