"""The double itself: it does what the contract says of LangCoop's loop, and fails where LangCoop fails."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from double import hosting

AGENT = Path(hosting.__file__).parent / "team/plain_agent.py"


def plain(**settings: Any) -> dict[str, Any]:
    return {"type": "PlainPlanner", **settings}


@pytest.mark.parametrize("egos", [2, 3])
def test_thirteen_ticks_move_everybody(start: Any, egos: int) -> None:
    drive = start(AGENT, [plain(speed=8.0)], [0] * egos)
    drive.tick(13)
    (planner,) = drive.agent.heter_planning_models
    decision = [("intent", i) for i in range(egos)] + [("collab", i) for i in range(egos)]
    assert planner.asked == decision * 4  # at ticks 0, 4, 8 and 12
    kinds = [type(seen.answer) for seen in drive.seen]
    assert kinds == [list] * 5 + [dict] * 3 + [list] + [dict] * 3 + [list]  # 1 to 3 from the buffer
    for ego, (x, *_) in zip(drive.egos, drive.seen[0].places, strict=True):
        assert ego.vehicle.speed > 1.0
        assert ego.vehicle.x > x + 0.3
    assert {len(heard) for heard in planner.heard} == {egos - 1}


def test_the_bank_is_what_the_contract_says(start: Any) -> None:
    drive = start(AGENT, [plain()], [0, 0], way=[(10.0, 5.0), (10.0, 95.0)])
    drive.tick(29)
    (planner,) = drive.agent.heter_planning_models
    bank = planner.banks[-1]
    assert [len(b) for b in planner.banks[::2]] == [1, 2, 3, 4, 5, 6, 6, 6]
    assert [round(b["timestamp"], 2) for b in bank] == [0.4, 0.6, 0.8, 1.0, 1.2, 1.4]
    now = bank[-1]
    for name in ("rgb_front", "rgb_left", "rgb_right", "rgb_rear"):
        assert (now[name].shape, now[name].dtype) == ((2, 600, 800, 3), np.uint8)
    assert now["rgb_front"][0, 0, 0].tolist() == [135, 206, 235]  # RGB: the sky is blue
    assert (now["detmap_pose"].shape, now["detmap_pose"].dtype) == ((2, 3), torch.float32)
    assert now["ego_yaw"].dtype == now["target"].dtype == np.float64
    assert now["target"].shape == (2, 2)
    assert now["object_list"] == []
    keys = {"rgb_front", "rgb_left", "rgb_right", "rgb_rear", "object_list"}
    keys |= {"detmap_pose", "ego_yaw", "target", "timestamp"}
    assert planner.keys[-2:] == [keys, keys]
    assert set(bank[-2]) == {*keys, "predicted_result_list"}
    x, y, yaw, speed = drive.seen[28].places[0]
    assert yaw == pytest.approx(math.pi / 2)
    assert now["detmap_pose"][0].tolist() == pytest.approx([-(y + 1.3 + 12), x, math.pi + math.pi / 2], abs=1e-3)
    assert now["ego_yaw"][0] == pytest.approx(math.pi)  # +y is south
    assert now["target"][0].tolist() == pytest.approx([0.0, -36.0], abs=1e-6)  # cut
    travelled = float(torch.dist(now["detmap_pose"][0, :2], bank[-2]["detmap_pose"][0, :2]))
    assert travelled / 0.2 == pytest.approx(speed, rel=0.1)
    assert planner.heard[-1][0][0] == 0
    assert "spoilt" not in str(planner.heard)


def test_who_is_right_is_at_plus(start: Any) -> None:
    """A route that bends to the right: the target is there, and positive curvature turns there."""
    drive = start(AGENT, [plain(curvature=6.0)], [0], way=[(0.0, 0.0), (10.0, 0.0), (10.0, 40.0)])
    drive.tick(60)
    (planner,) = drive.agent.heter_planning_models
    assert planner.banks[0][-1]["target"][0].tolist() == pytest.approx([0.0, -10.0], abs=1e-3)
    controls = drive.controls
    assert controls[0][0][1] == pytest.approx(0.2 * 6 / 10)  # 10 degrees a metre: steer 0.2 at the first step
    assert drive.egos[0].vehicle.yaw > 0.1
    assert drive.egos[0].vehicle.y > 0.1
    assert planner.banks[-1][-1]["target"][0, 0] != 0.0


def test_pedals(start: Any) -> None:
    drive = start(AGENT, [plain(speed=1.0)], [0])
    drive.tick(40)
    throttle, _, brake = (list(column) for column in zip(*(c[0] for c in drive.controls), strict=True))
    assert throttle[0] == 0.75
    assert set(brake) == {0.0, 1.0}
    over = [s.places[0][3] for s, b in zip(drive.seen, brake, strict=True) if b and isinstance(s.answer, list)]
    assert over
    assert min(over) > 1.1


@pytest.mark.parametrize(
    ("planner", "error", "tick"),
    [
        ({"type": "NonePlanner"}, "TypeError", 0),
        (plain(steps=1), "IndexError", 1),
        (plain(steps=3), "IndexError", 3),
    ],
)
def test_an_illegal_planner_fails_as_upstream(start: Any, planner: Any, error: str, tick: int) -> None:
    drive = start(AGENT, [planner], [0, 0])
    with pytest.raises(Exception, match=r"^'NoneType' object is not|index \d is out of bounds") as caught:
        drive.tick(13)
    assert (caught.type.__name__, type(caught.value.__cause__).__name__) == ("AgentError", error)
    assert len(drive.seen) == tick


def test_who_is_not_registered_cannot_be_chosen(start: Any) -> None:
    with pytest.raises(KeyError, match="Nobody"):
        start(AGENT, [{"type": "Nobody"}], [0, 0])


def test_a_planner_for_every_ego(start: Any) -> None:
    drive = start(AGENT, [plain()], [0, 0])
    drive.evaluator.args.ego_num = 3
    with pytest.raises(AssertionError, match="egos and planners"):
        drive.evaluator.start(drive.evaluator.routes[0])


def test_without_heter_nothing_starts(start: Any) -> None:
    drive = start(AGENT, [plain()], [0])
    config = Path(drive.evaluator.args.agent_config)
    config.write_text(config.read_text().replace("heter:", "hetero:"), encoding="utf-8")
    with pytest.raises(ValueError, match="non-heter"):
        drive.evaluator.start(drive.evaluator.routes[0])


def test_a_finished_ego_ends_the_route_upstream(start: Any) -> None:
    """Ego 1 starts 12 m ahead and is through first; the next inference has a hole where it was."""
    drive = start(AGENT, [plain(speed=8.0)], [0, 0], way=[(0.0, 0.0), (14.0, 0.0)])
    with pytest.raises(Exception, match="not subscriptable") as caught:
        drive.tick(200)
    assert caught.type.__name__ == "AgentError"
    assert isinstance(caught.value.__cause__, TypeError)
    first, second = (ego.progress.percent for ego in drive.egos)
    assert first < 100 == second


def test_two_starts_in_one_second_collide(start: Any) -> None:
    drive = start(AGENT, [plain()], [0])
    for _ in range(3):  # two of them within one second, whenever this runs
        try:
            drive.evaluator.start(drive.evaluator.routes[0])
        except FileExistsError:
            return
    pytest.fail("nothing collided")


def test_latency_is_of_the_raw_data_of_the_others(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    drive = start(AGENT, [plain(speed=8.0)], [0, 0], comm_latency=4)
    drive.tick(25)
    (planner,) = drive.agent.heter_planning_models
    now = planner.banks[-1][-1]["detmap_pose"]
    assert now[0, 1].item() == pytest.approx(drive.seen[24].places[0][0] + 13.3, abs=1e-3)
    assert now[1, 1].item() == pytest.approx(drive.seen[20].places[1][0] + 13.3, abs=1e-3)
    assert "Latency data not found!" not in capsys.readouterr().out


def test_latency_that_is_no_multiple_of_four_does_nothing(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """But at tick 8: tick 2 was still looked at."""
    drive = start(AGENT, [plain()], [0, 0], comm_latency=6)
    drive.tick(17)
    assert capsys.readouterr().out.count("Latency data not found!") == 2  # at ticks 12 and 16


def test_a_name_twice_is_refused(langcoop: Path, inside: Any) -> None:
    inside(langcoop)
    from vlmdrive import VLMDRIVE_REGISTRY

    VLMDRIVE_REGISTRY.register(type("PlainPlanner", (), {}))
    with pytest.raises(AssertionError, match="PlainPlanner is registered already"):
        VLMDRIVE_REGISTRY.register(type("PlainPlanner", (), {}))


@pytest.mark.parametrize(("kind", "error"), [("Waypoint", "IndexError"), ("Control", "AttributeError")])
def test_two_controllers_are_broken(langcoop: Path, inside: Any, kind: str, error: str) -> None:
    inside(langcoop)
    from vlmdrive import VLMDRIVE_REGISTRY

    with pytest.raises((IndexError, AttributeError)) as caught:
        VLMDRIVE_REGISTRY[f"VLMController{kind}"]({}).run_step({})
    assert caught.type.__name__ == error
