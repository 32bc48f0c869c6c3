"""The planner in LangCoop's order of calls: every intent, then every plan, with copied messages."""

import json
import logging
import sys
import threading
import types
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laco_langcoop.errors import LacoError
from laco_langcoop.planner import LacoPlanner
from laco_langcoop.plans import Plan, brake, instead, read

CONFIG = {"simulation": {"skip_frames": 4}, "collab": {"sharing_modalities": ["image", "intent"]}, "planning": {}}


def planner(servers: Any, count: int, **options: Any) -> tuple[Any, Any]:
    made = [servers() for _ in range(count)]
    endpoints = {f"ego{i}": server.endpoint for i, server in enumerate(made)}
    return LacoPlanner(**{"endpoints": endpoints, "deadline": 5.0, **options}), made


def config(choice: list[int], **more: Any) -> dict[str, Any]:
    return {**CONFIG, "heter": {"ego_planner_choice": choice}, **more}


def tick(one: Any, bank: Any, cfg: Any, count: int) -> tuple[list[Any], list[Any]]:
    """LangCoop's inference tick."""
    messages = [one.forward_single_intent(bank, cfg, i) for i in range(count)]
    return messages, [one.forward_single_collab(bank, cfg, i, deepcopy(messages)) for i in range(count)]


def legal(plan: Any) -> None:
    assert len(plan["target_speed"]) == len(plan["curvature"]) == 5
    assert plan["dt"] == 0.5
    assert np.isfinite(plan["target_speed"]).all()
    assert np.isfinite(plan["curvature"]).all()
    assert (plan["target_speed"] >= 0).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_thirteen_moments(servers: Any, entry: Callable[..., Any], tmp_path: Path, count: int) -> None:
    log = tmp_path / "runs" / "log.jsonl"
    one, made = planner(servers, count, log=str(log), channel="language", radio="lossy", seed=3)
    cfg = config([0] * count)
    bank: list[Any] = []
    for moment in range(13):
        bank = [*bank[-5:], entry([(10.0 * i + moment, 0.0, 0.0) for i in range(count)], 0.2 * moment)]
        messages, plans = tick(one, bank, cfg, count)
        for plan in plans:
            legal(plan)
            assert list(plan["target_speed"]) == [5.0] * 5
            assert list(plan["curvature"]) == [1.0] * 5
        for i, message in enumerate(messages):
            assert (message["idx"], message["seq"], message["t"]) == (i, moment, 0.2 * moment)
            assert message["bytes"] == (100 if moment else 0)
            assert message["position"] == pytest.approx(bank[-1]["detmap_pose"][i][:2], abs=1e-5)
            assert isinstance(message["intent_description"], str)
    for i, server in enumerate(made):
        assert server.kinds() == ["hello"] + ["observe", "decide"] * 13
        hello = server.last("hello")
        assert hello["fleet"] == {f"ego{k}": s.endpoint for k, s in enumerate(made)}
        assert hello["vehicle"] == f"ego{i}"
        assert hello["period"] == pytest.approx(0.2)
        assert (hello["channel"], hello["radio"], hello["seed"], hello["version"]) == ("language", "lossy", 3, 1)
        assert server.last("observe")["present"] == [f"ego{k}" for k in range(count)]
        assert [r["moment"] for r in server.requests if r["type"] == "observe"] == list(range(13))
        assert server.last("observe")["speed"] == pytest.approx(5.0, abs=1e-2)
    assert len({server.last("hello")["run"] for server in made}) == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 13 * count
    assert {line["status"] for line in lines} == {"planned"}
    assert lines[0]["sent"][0]["payload"] == 80
    assert lines[0]["seconds"] == {"total": 0.001}
    one.close()


def test_all_observe_before_anybody_waits(servers: Any, entry: Callable[..., Any], until: Callable[..., None]) -> None:
    one, made = planner(servers, 2)
    bank = [entry([(0.0, 0.0, 0.0), (9.0, 0.0, 0.0)])]
    one.forward_single_intent(bank, config([0, 0]), 0)
    until(lambda: all("observe" in server.kinds() for server in made))
    assert not any("decide" in server.kinds() for server in made)
    one.close()


def test_a_planner_speaks_for_the_egos_it_is_chosen_for(servers: Any, entry: Callable[..., Any]) -> None:
    made = [servers() for _ in range(3)]
    endpoints = {f"ego{i}": server.endpoint for i, server in enumerate(made)}
    first, second = (LacoPlanner(endpoints=endpoints, deadline=5.0) for _ in range(2))
    greeted = threading.Barrier(3)  # as real servers do: nobody is welcome before all are there

    def wait(request: Any, answers: Any) -> Any:
        if request["type"] == "hello":
            greeted.wait(5.0)
        return answers

    for server in made:
        server.wrong = wait
    bank = [entry([(0.0, 0.0, 0.0)] * 3)]
    cfg = config([1, 0, 1])
    chosen = [second, first, second]
    messages = [one.forward_single_intent(bank, cfg, i) for i, one in enumerate(chosen)]
    for i, one in enumerate(chosen):
        legal(one.forward_single_collab(bank, cfg, i, deepcopy(messages)))
    assert [server.kinds() for server in made] == [["hello", "observe", "decide"]] * 3
    assert len({server.last("hello")["run"] for server in made}) == 1
    assert all(server.last("observe")["present"] == ["ego0", "ego1", "ego2"] for server in made)
    first.close(), second.close()


def test_a_clock_that_starts_again_is_another_run(servers: Any, entry: Callable[..., Any]) -> None:
    one, (server,) = planner(servers, 1, run="mine")
    for time in (0.0, 0.2, 0.0):
        tick(one, [entry([(0.0, 0.0, 0.0)], time)], config([0]), 1)
    runs = [request["run"] for request in server.requests if request["type"] == "hello"]
    assert len(runs) == 2
    assert runs[0] != runs[1]
    assert all(run.startswith("mine-") for run in runs)
    assert [r["moment"] for r in server.requests if r["type"] == "observe"] == [0, 1, 0]
    one.close()


def test_a_killed_server_holds_then_brakes_and_the_log_says_so(
    servers: Any, entry: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, made = planner(servers, 2, log=str(tmp_path / "log.jsonl"))
    cfg = config([0, 0])
    made[1].wrong = lambda request, answers: [
        {**a, "speed": [1.0, 2.0, 3.0, 4.0, 5.0]} if a["type"] == "plan" else a for a in answers
    ]
    statuses = []
    for moment in range(9):
        if moment == 2:
            made[1].close()
        bank = [entry([(0.0, 0.0, 0.0)] * 2, 0.2 * moment)]
        _, plans = tick(one, bank, cfg, 2)
        for plan in plans:
            legal(plan)
        assert list(plans[0]["target_speed"]) == [5.0] * 5, "the other vehicle drives on"
        statuses.append(plans[1]["target_speed"][0])
    assert statuses[:2] == [1.0, 1.0]
    # 0.2, 0.4, ... 1.0 s after the last plan, it is read that much further on; then there is nothing left of it.
    assert statuses[2:7] == pytest.approx([1.4, 1.8, 2.2, 2.6, 3.0])
    assert statuses[7:] == [0.0, 0.0]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines if line["idx"] == 1] == ["planned"] * 2 + ["held"] * 5 + ["braked"] * 2
    assert "ego1 at 0.40 s: held no server" in caplog.text
    assert "braked" in caplog.text
    one.close()


def test_one_deadline_for_all(servers: Any, entry: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from laco_langcoop import client

    one, made = planner(servers, 3, deadline=0.1)
    cfg = config([0] * 3)
    tick(one, [entry([(0.0, 0.0, 0.0)] * 3)], cfg, 3)
    for server in made:
        server.wrong = lambda request, answers: []
    waits: list[float] = []
    answer = client.Client.answer
    monkeypatch.setattr(client.Client, "answer", lambda self, until: waits.append(until) or answer(self, until))
    _, plans = tick(one, [entry([(0.0, 0.0, 0.0)] * 3, 0.2)], cfg, 3)
    assert all(list(plan["target_speed"]) == [5.0] * 5 for plan in plans), "held"
    # The second and the third are not waited for beyond the first one's end, but for the moment of asking.
    assert max(waits) - min(waits) < 0.1
    one.close()


WRONG_PLANS = [
    {"speed": None},
    {"speed": [1.0] * 4},
    {"speed": [1.0] * 4 + [float("nan")]},
    {"curvature": ["left"] * 5},
    {"curvature": [True] * 5},
    {"curvature": [1e308 * 10] * 5},
]


@pytest.mark.parametrize("wrong", WRONG_PLANS)
def test_a_plan_that_nobody_could_follow_is_none(servers: Any, entry: Callable[..., Any], wrong: Any) -> None:
    one, (server,) = planner(servers, 1)
    server.wrong = lambda request, answers: [{**a, **wrong} if a["type"] == "plan" else a for a in answers]
    _, (plan,) = tick(one, [entry([(0.0, 0.0, 0.0)])], config([0]), 1)
    legal(plan)
    assert list(plan["target_speed"]) == [0.0] * 5
    one.close()


def test_a_model_without_a_plan_is_never_none(servers: Any, entry: Callable[..., Any], tmp_path: Path) -> None:
    one, (server,) = planner(servers, 1, log=str(tmp_path / "log"))
    none = {"failed": True, "speed": [0.0] * 5, "sent": "?", "seconds": {"total": float("nan"), "x": b"\xff"}}
    server.wrong = lambda request, answers: [{**a, **none} if a["type"] == "plan" else a for a in answers]
    _, (plan,) = tick(one, [entry([(0.0, 0.0, 0.0)])], config([0]), 1)
    legal(plan)
    assert json.loads((tmp_path / "log").read_text())["status"] == "failed"
    one.close()


def test_numbers_are_kept_within_what_a_car_can_do() -> None:
    plan = read({"speed": [-1, 3, 99, 8, 0], "curvature": [-90, 90, 0, 1, 2]}, 0.0, 8.0)
    assert plan.speed == (0.0, 3.0, 8.0, 8.0, 0.0)
    assert plan.curvature == (-30.0, 30.0, 0.0, 1.0, 2.0)


def test_instead_of_a_plan() -> None:
    last = Plan(1.0, (1.0, 2.0, 3.0, 4.0, 5.0), (0.0, 1.0, 2.0, 3.0, 4.0))
    assert instead(None, 3.0) == (brake(3.0), "braked")
    held, status = instead(last, 1.5)
    assert status == "held"
    assert held.speed == (2.0, 3.0, 4.0, 5.0, 5.0)
    assert held.time == 1.5
    braked, status = instead(last, 2.5)
    assert status == "braked"
    assert braked.speed == (0.0,) * 5
    assert braked.curvature == (2.0,) * 5
    assert instead(last, 0.5)[1] == "braked", "a plan of later is of another run"


def test_an_absent_ego_says_nothing_and_brakes(servers: Any, entry: Callable[..., Any], board: Any) -> None:
    one, made = planner(servers, 3)
    cfg = config([0] * 3)
    tick(one, [entry([(0.0, 0.0, 0.0)] * 3)], cfg, 3)
    board.absent = {1}
    messages, plans = tick(one, [entry([(0.0, 0.0, 0.0)] * 3, 0.2)], cfg, 3)
    assert messages[1] is None
    assert list(plans[1]["target_speed"]) == [0.0] * 5
    assert list(plans[2]["target_speed"]) == [5.0] * 5
    assert made[1].kinds().count("observe") == 1
    assert made[0].last("observe")["present"] == ["ego0", "ego2"]
    one.close()


@pytest.mark.parametrize("shared", [["intent"], ["image"], [], None])
def test_one_modality_alone_shares_nothing_upstream(
    servers: Any, entry: Callable[..., Any], caplog: pytest.LogCaptureFixture, shared: Any
) -> None:
    one, _ = planner(servers, 1)
    for time in (0.0, 0.2):
        tick(one, [entry([(0.0, 0.0, 0.0)], time)], config([0], collab={"sharing_modalities": shared}), 1)
    told = [record for record in caplog.records if "sharing_modalities" in record.message]
    assert len(told) == 1
    assert "LACO's still do" in told[0].message
    one.close()


def test_prompts_of_the_agent_yaml_go_with_hello(servers: Any, entry: Callable[..., Any]) -> None:
    planning = {
        "prompt_usage": {"scene_prompt_template": "concise", "object_prompt_template": None},
        "prompt_template": {
            "scene_prompt_template": {"default": "long scene", "concise": "short scene"},
            "object_prompt_template": {"default": "objects?"},
            "intention_prompt_template": {"default": "intent of {target_description}?"},
            "target_prompt_template": {"default": "{x_distance} {x_direction}"},
            "comb_prompt": {"default": "<IMAGE_PLACEHOLDER> {scene_description}"},
            "sys_message": "You drive.",
        },
    }
    one, (server,) = planner(servers, 1)
    tick(one, [entry([(0.0, 0.0, 0.0)])], config([0], planning=planning), 1)
    assert server.last("hello")["prompts"] == {
        "scene": "short scene", "object": None, "intention": "intent of {target_description}?",
        "target": "{x_distance} {x_direction}", "comb": "<IMAGE_PLACEHOLDER> {scene_description}",
        "sys_message": "You drive.",
    }  # fmt: skip
    one.close()


BAD = [
    ({}, "endpoints"),
    ({"endpoints": {"ego0": "127.0.0.1:7400"}}, "not like"),
    ({"endpoints": {"car": "tcp://a:1"}}, "not like"),
    ({"endpoints": {"ego0": "ipc:///tmp/a"}}, "not like"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "chanel": "latent"}, "unknown chanel"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "channel": "smoke"}, "channel is one of"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "deadline": 0}, "deadline is a positive number"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "charge": "some"}, "charge"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "objects": "all"}, "objects"),
    ({"endpoints": {"ego0": "tcp://a:70000"}}, "not like"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "seed": "x"}, "seed is a whole number"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "radio": 3}, "radio is a preset's name"),
    ({"endpoints": {"ego0": "tcp://a:1"}, "log": 7}, "log is null or a file"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_a_wrong_planner_yaml_is_one_line(options: Any, words: str) -> None:
    with pytest.raises(LacoError, match=words) as told:
        LacoPlanner(**options)
    assert "\n" not in str(told.value)


def test_an_ego_without_a_server_is_one_line(entry: Callable[..., Any]) -> None:
    one = LacoPlanner(endpoints={"ego0": "tcp://127.0.0.1:1"})
    with pytest.raises(LacoError, match="lacks ego1"):
        one.forward_single_intent([entry([(0.0, 0.0, 0.0)] * 2)], config([0, 0]), 0)


def test_registering_is_idempotent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Registry(dict):  # type: ignore[type-arg]
        def register(self, target: Any) -> Any:
            assert target.__name__ not in self
            self[target.__name__] = target
            return target

    module = types.ModuleType("vlmdrive")
    module.VLMDRIVE_REGISTRY = Registry()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vlmdrive", module)
    import laco_langcoop

    assert laco_langcoop.register() is laco_langcoop.register() is LacoPlanner
    made = module.VLMDRIVE_REGISTRY["LacoPlanner"](name="laco", endpoints={"ego0": "tcp://127.0.0.1:1"})
    assert made.to("cuda").eval() is made


def test_a_full_disk_ends_the_journal_not_the_route(
    servers: Any, entry: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    one, _ = planner(servers, 1, log=str(tmp_path / "file" / "log"))
    with caplog.at_level(logging.WARNING):
        for time in (0.0, 0.2):
            _, (plan,) = tick(one, [entry([(0.0, 0.0, 0.0)], time)], config([0]), 1)
            legal(plan)
    assert caplog.text.count("no more journal") == 1
    one.close()


def test_the_journal_lies_in_the_save_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from laco_langcoop.journal import Journal

    monkeypatch.setenv("SAVE_PATH", str(tmp_path))
    assert Journal().path == tmp_path / "laco-messages.jsonl"
    monkeypatch.delenv("SAVE_PATH")
    assert Journal().path is None
