"""Everything together: LACO's client in LangCoop's loop, `laco agent` servers, caches of real models between them."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from double import hosting
from double.hosting import journal
from double.serving import Server

from laco.models import is_installed

CLIENT = Path(__file__).parents[2] / "agents/langcoop"
AGENT = CLIENT / "laco_langcoop/entry/langcoop/laco_langcoop_agent.py"
CODE = "from laco.cli.main import main; main()"
MIXED = Path(hosting.__file__).parent / "team/mixed_agent.py"
CHANNELS = ["silent", "observation", "language", "visual", "latent"]
Fleet = dict[str, Server]
Begin = Callable[..., hosting.Drive]


def laco(fleet: Fleet, **more: Any) -> dict[str, Any]:
    """A planner YAML's model part."""
    endpoints = {name: server.endpoint for name, server in fleet.items()}
    return {"type": "LacoPlanner", "name": "laco", "endpoints": endpoints, "deadline": 30.0, **more}


def first(fleet: Fleet, egos: int) -> Fleet:
    return dict(list(fleet.items())[:egos])


@pytest.mark.parametrize("egos", [2, 3])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel(start: Begin, cameras: Fleet, channel: str, egos: int) -> None:
    """Each vehicle says what its channel is for, and each other one uses it, from the first decision on.

    A random model writes no JSON: asked again or not, the plan is legal, brakes, and says so.
    """
    drive = start(AGENT, [laco(first(cameras, egos), channel=channel)], [0] * egos)
    ticks = 13 if channel == "latent" else 5
    drive.tick(ticks)
    drive.legal()
    told = journal()
    assert [(e["moment"], e["idx"]) for e in told] == [(m, i) for m in range(1 + ticks // 4) for i in range(egos)]
    kinds = ["beacon"] if channel == "silent" else ["beacon", channel]
    for entry in told:
        assert entry["status"] in ("planned", "failed"), entry
        assert sorted({message["kind"] for message in entry["sent"]}) == sorted(kinds)
        assert all(message["payload"] > 0 and message["socket"] > message["payload"] for message in entry["sent"])
        heard = sorted((receipt["sender"], receipt["kind"]) for receipt in entry["heard"])
        others = [f"ego{i}" for i in range(egos) if i != entry["idx"]]
        assert heard == sorted((other, kind) for other in others for kind in kinds)
        assert {receipt["status"] for receipt in entry["heard"]} == {"used"}
        assert (entry["foreign_tokens"] > 0) == (channel != "silent")
        assert entry["round_trip"] >= entry["seconds"]["total"] >= entry["seconds"]["think"] > 0
    if channel == "latent":
        sizes = [m["payload"] for entry in told for m in entry["sent"] if m["kind"] == "latent"]
        assert min(sizes) > 1000  # keys and values, not words


def test_a_mixed_fleet(start: Begin, servers: dict[str, Server]) -> None:
    """Two models of LACO's, on two servers, that share words, and a planner of LangCoop's own kind between them."""
    fleet = {"ego0": servers["ego0"], "ego2": servers["reader"]}
    drive = start(MIXED, [laco(fleet, channel="language"), {"type": "PlainPlanner"}], [0, 1, 0])
    drive.tick(5)
    drive.legal()
    assert {e["idx"] for e in journal()} == {0, 2}
    for entry in journal():
        used = {(r["sender"], r["kind"]) for r in entry["heard"] if r["status"] == "used"}
        other = "ego2" if entry["idx"] == 0 else "ego0"
        assert used == {(other, "beacon"), (other, "language")}
    heard = drive.agent.heter_planning_models[1].heard[-1]
    assert [idx for idx, *_ in heard] == [0, 2]
    assert drive.egos[1].vehicle.speed > 0.3


def test_a_planner_yaml_for_each_vehicle(start: Begin, cameras: Fleet) -> None:
    """As heterogeneous fleets are written: the planners know nothing of each other, their servers do."""
    fleet = first(cameras, 2)
    drive = start(AGENT, [laco(fleet), laco(fleet)], [0, 1])
    drive.tick(9)
    drive.legal()
    assert len({e["run"] for e in journal()}) == 1
    for entry in journal():
        assert {(r["kind"], r["status"]) for r in entry["heard"]} == {("beacon", "used"), ("latent", "used")}


def test_who_has_finished_is_not_waited_for(start: Begin, cameras: Fleet) -> None:
    drive = start(AGENT, [laco(first(cameras, 3))], [0, 0, 0])
    drive.tick(5)
    from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

    drive.evaluator.manager._agent.del_ego_sensor(1)
    CarlaDataProvider.remove_actor_by_id(drive.egos[1].vehicle.id)
    drive.tick(8)
    drive.legal()
    assert [e["moment"] for e in journal(1)] == [0, 1]
    for entry in (*journal(0)[2:], *journal(2)[2:]):
        other = "ego2" if entry["idx"] == 0 else "ego0"
        assert {(r["sender"], r["status"]) for r in entry["heard"]} == {(other, "used")}
        assert entry["seconds"]["wait"] < 2.5  # half of what a server would wait for somebody who is missing


def test_a_server_that_hangs_and_wakes(start: Begin, servers: dict[str, Server]) -> None:
    sleeper = servers["spare"]
    drive = start(AGENT, [laco({"ego0": servers["ego0"], "ego1": sleeper}, wait=0.5, deadline=2.0)], [0, 0])
    drive.tick(5)
    assert sleeper.process.pid is not None
    os.kill(sleeper.process.pid, signal.SIGSTOP)
    try:
        drive.tick(4)
    finally:
        os.kill(sleeper.process.pid, signal.SIGCONT)
    for _ in range(20):
        drive.tick(4)
        if journal(1)[-1]["status"] in ("planned", "failed"):
            break
    drive.legal()
    statuses = [e["status"] for e in journal(1)]
    assert statuses[2] in ("held", "braked")
    assert statuses[-1] in ("planned", "failed")
    assert {e["status"] for e in journal(0)} <= {"planned", "failed"}


def test_a_server_killed_on_the_way(start: Begin, servers: dict[str, Server], caplog: pytest.LogCaptureFixture) -> None:
    """Its vehicle brakes and the log says why; the others go on without it, having waited once."""
    victim = servers["spare"]
    fleet = {"ego0": servers["ego0"], "ego1": victim, "ego2": servers["ego2"]}
    drive = start(AGENT, [laco(fleet, wait=1.0)], [0, 0, 0])
    drive.tick(9)
    with caplog.at_level(logging.WARNING):
        victim.process.kill()
        victim.process.join()
        drive.tick(8)
    drive.legal()
    lost = journal(1)
    assert [e["status"] in ("planned", "failed") for e in lost] == [True] * 3 + [False] * 2
    assert all(victim.endpoint in e["reason"] for e in lost[3:])
    assert any("ego1" in r.getMessage() and victim.endpoint in r.getMessage() for r in caplog.records)
    for idx, other in ((0, "ego2"), (2, "ego0")):
        after = journal(idx)[3:]
        assert {e["status"] for e in after} <= {"planned", "failed"}
        for entry in after:
            fates = {(r["sender"], r["kind"]): r["status"] for r in entry["heard"]}
            assert fates[other, "latent"] == "used"
        assert {r["status"] for r in after[-1]["heard"] if r["sender"] == "ego1"} == {"absent"}


def test_from_the_command_to_the_table(
    langcoop: Path, carla_root: Path, cameras: dict[str, Server], tmp_path: Path
) -> None:
    """`laco langcoop run`: the evaluator in a process of its own, YAMLs that the command writes, results collected."""
    where = ["--langcoop", langcoop, "--carla-root", carla_root, "--pythonpath", CLIENT, "--out", tmp_path / "out"]
    agents = ",".join(cameras[name].endpoint.removeprefix("tcp://") for name in ("ego0", "ego1"))
    options = ["--routes", "0", "--channel", "latent", "--agents", agents, "--game-timeout", "1", "--unchecked"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, "langcoop", "run", *where, *options],
        env={**os.environ, "PYTHONSAFEPATH": "1"}, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "| latent |" in done.stdout
    latent = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["channels"]["latent"]
    assert (latent["outcome"], latent["routes"]) == ("finished", "1/1")
    figures = latent["messages"]["all"]
    assert figures["decisions"] == figures["messages"]["count"] == 2 * 5  # egos, decisions in a second
    assert figures["heard"]["used"] == 1.0
    assert figures["messages"]["air_per_message"] > 1000
    assert figures["failed_plans"] == 10  # random weights write no JSON: the vehicles brake, and stand where they were
    assert latent["scores"]["all"]["driving"] == 0.0


@pytest.mark.skipif(not is_installed("smollm2"), reason="SmolLM2 is not on this machine: laco models get smollm2")
def test_smollm2_drives(start: Begin, talkers: Fleet) -> None:
    """Two vehicles on one server tell each other what is in a real model's cache, and move."""
    drive = start(AGENT, [laco(talkers, channel="latent")], [0, 0])
    drive.tick(13)
    drive.legal()
    told = journal()
    assert {e["status"] for e in told} == {"planned"}
    assert len(told) == 8
    for entry in told:
        assert entry["foreign_tokens"] > 10
        assert {r["status"] for r in entry["heard"]} == {"used"}
        (message,) = [m for m in entry["sent"] if m["kind"] == "latent"]
        assert message["payload"] > 10_000
    assert all(ego.vehicle.speed > 0.2 for ego in drive.egos)
    assert all(ego.vehicle.x > x for ego, (x, *_) in zip(drive.egos, drive.seen[0].places, strict=True))
