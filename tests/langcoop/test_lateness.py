"""The client in LangCoop's loop when servers are slow, lost or back, and what thinking costs."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from double import hosting
from double.hosting import journal

Begin = Callable[..., hosting.Drive]


def test_charged_latency_holds_the_controls_before(begin: Begin, told: Any) -> None:
    """0.35 s are 7 ticks; decisions begin where LangCoop's do, when none is on its way."""
    told["ego0"].script.plan = {"curvature": [10.0] * 5}
    told["ego0"].script.took, told["ego0"].script.delay = (
        0.35,
        0.36,
    )  # what claims more than passed is not believed
    drive = begin(2, planner={"charge": "measured"})
    drive.tick(24)
    steers = [row[0][1] for row in drive.controls]
    brakes = [row[1][2] for row in drive.controls]
    assert [bool(s) for s in steers[:8]] == [False] * 7 + [True]
    assert brakes[:8] == [1.0] * 7 + [0.0]  # one world: the slower vehicle's thinking is everybody's
    changes = [i for i in range(1, 24) if drive.controls[i] != drive.controls[i - 1]]
    assert changes[0] == 7
    decided = [round(r["time"] / 0.05) for r in told["ego0"].of("observe")]
    assert decided == [0, 8, 16]


@pytest.mark.parametrize(("charge", "held"), [(None, 0), ("frozen", 0), (100, 2), (149, 2), ("measured", 5)])
def test_what_is_charged(begin: Begin, told: Any, charge: Any, held: int) -> None:
    told["ego0"].script.took, told["ego0"].script.delay = 0.27, 0.28
    drive = begin(1, planner={"charge": charge})
    drive.tick(8)
    moving = [row[0][0] > 0 for row in drive.controls]
    assert moving == [False] * held + [True] * (8 - held)


@pytest.mark.parametrize("how", ["stop", "deaf"])
def test_a_server_that_is_lost_on_the_way(begin: Begin, told: Any, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Hold, then brake; the other drives on, the log says which one and since when."""
    drive = begin(2, planner={"deadline": 0.3})
    drive.tick(21)
    with caplog.at_level(logging.WARNING):
        if how == "stop":
            told["ego1"].stop()
        else:
            told["ego1"].script.deaf = True
        drive.tick(44)
    drive.legal()
    statuses = [entry["status"] for entry in journal(1)]
    assert statuses[:6] == ["planned"] * 6
    assert list(dict.fromkeys(statuses)) == ["planned", "held", "braked"]
    assert {entry["status"] for entry in journal(0)} == {"planned"}
    assert drive.egos[1].vehicle.speed == 0.0
    assert drive.egos[0].vehicle.speed > 4.0
    assert any("ego1" in r.getMessage() and "held" in r.getMessage() for r in caplog.records)


def test_a_server_that_is_slow_is_waited_for_up_to_the_deadline(begin: Begin, told: Any) -> None:
    told["ego0"].script.delay = 0.1
    drive = begin(2, planner={"deadline": 5.0})
    drive.tick(9)
    assert {entry["status"] for entry in journal()} == {"planned"}
    told["ego0"].script.delay = 0.6
    drive.agent.heter_planning_models[0].fleet.settings.__dict__["deadline"] = 0.3
    drive.tick(8)
    late = [entry for entry in journal() if entry["moment"] >= 3]
    assert {entry["status"] for entry in late if entry["idx"] == 0} == {"held"}
    assert {entry["status"] for entry in late if entry["idx"] == 1} == {"planned"}
    drive.legal()


def test_a_server_that_comes_back_is_used_again(begin: Begin, told: Any) -> None:
    drive = begin(1, planner={"deadline": 0.5})
    drive.tick(9)
    told["ego0"].script.deaf = True
    drive.tick(8)
    told["ego0"].script.deaf = False
    for _ in range(20):
        drive.tick(4)
        if journal()[-1]["status"] == "planned":
            return
        time.sleep(0.05)
    pytest.fail("never planned again")


def test_delayed_raw_data_disturb_nobody(begin: Begin, told: Any) -> None:
    drive = begin(2, comm_latency=4)
    drive.tick(17)
    drive.legal()
    x = drive.seen[12].places[1][0]
    assert told["ego1"].of("observe")[-1]["pose"][0] == pytest.approx(x, abs=0.01)  # what LangCoop gives it
