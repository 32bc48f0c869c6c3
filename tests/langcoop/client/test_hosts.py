"""What a host may do otherwise than LangCoop's agent at the commit we know: the planner still drives."""

import logging
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laco_langcoop.errors import LacoError
from laco_langcoop.planner import LacoPlanner

ROOT = Path(__file__).resolve().parents[3]
TWO = [(0.0, 0.0, 0.0), (9.0, 0.0, 0.0)]
Entry = Callable[..., Any]


def asked(one: Any, bank: Any, config: Any, egos: Any = (0, 1)) -> list[list[float]]:
    """An inference tick; the speeds of each ego."""
    messages = [one.forward_single_intent(bank, config, i) for i in egos]
    plans = [one.forward_single_collab(bank, config, i, deepcopy(messages)) for i in egos]
    return [list(plan["target_speed"]) for plan in plans]


@pytest.fixture
def pair(servers: Any) -> tuple[dict[str, str], list[Any]]:
    """Two servers and who is at which."""
    made = [servers(), servers()]
    return {f"ego{i}": server.endpoint for i, server in enumerate(made)}, made


@pytest.mark.parametrize("config", [None, {}, {"type": "LacoPlanner", "endpoints": {}}, {"heter": None}, "a text"])
def test_another_config_than_the_agent_yaml(pair: Any, entry: Entry, config: Any) -> None:
    """A planner YAML's model part, or nothing: then all that have a server and are there are the planner's."""
    endpoints, made = pair
    one = LacoPlanner(endpoints={**endpoints, "ego2": "tcp://127.0.0.1:1"}, deadline=5.0)
    assert asked(one, [entry(TWO)], config) == [[5.0] * 5] * 2
    assert all(server.last("observe")["present"] == ["ego0", "ego1"] for server in made)
    one.close()


def test_egos_and_arrays_of_any_kind(pair: Any, entry: Entry) -> None:
    endpoints, made = pair
    one = LacoPlanner(endpoints=endpoints, deadline=5.0)
    found = entry(TWO, timestamp=np.float64(0.2), object_list=[None, torch.zeros((0, 8, 3))])
    for name in ("detmap_pose", "target", "rgb_front"):
        found[name] = torch.from_numpy(found[name])
    found["detmap_pose"].requires_grad_()
    assert asked(one, [found], {}, np.arange(2)) == [[5.0] * 5] * 2
    assert made[1].last("observe")["pose"] == pytest.approx([9.0, 0.0, 0.0], abs=1e-5)
    one.close()


def test_what_langcoop_says_of_its_own_models_is_passed_over(pair: Any) -> None:
    theirs = {"name": "api", "api_model_name": "gpt-4o", "api_base_url": "https://there/v1", "api_key": "key.txt"}
    made = LacoPlanner(endpoints=pair[0], **theirs)
    assert "gpt-4o" not in str(vars(made.settings))


def test_a_planner_of_the_next_route_begins_a_run(pair: Any, entry: Entry) -> None:
    """Nobody destroyed the one before, no team agent of ours is there, and the clock has not even gone back."""
    endpoints, (server, _) = pair
    before = LacoPlanner(endpoints=endpoints, deadline=5.0)
    asked(before, [entry(TWO, 0.05)], {})
    one = LacoPlanner(endpoints=endpoints, deadline=5.0)
    other = LacoPlanner(endpoints=endpoints, deadline=5.0)
    config = {"heter": {"ego_planner_choice": [0, 1]}}
    for time in (0.05, 0.25):
        bank = [entry(TWO, time)]
        messages = [p.forward_single_intent(bank, config, i) for i, p in enumerate((one, other))]
        for i, planner in enumerate((one, other)):
            assert list(planner.forward_single_collab(bank, config, i, messages)["target_speed"]) == [5.0] * 5
    runs = [r["run"] for r in server.requests if r["type"] == "hello"]
    assert len(runs) == len(set(runs)) == 2
    assert [r["moment"] for r in server.requests if r["type"] == "observe"] == [0, 0, 1]
    one.close(), other.close()


def test_a_bank_without_times_is_one_line(pair: Any, entry: Entry) -> None:
    one = LacoPlanner(endpoints=pair[0])
    found = entry(TWO)
    del found["timestamp"]
    with pytest.raises(LacoError, match="no timestamp"):
        one.forward_single_intent([found], {}, 0)


@pytest.mark.parametrize("options", [{"charge": "measured"}, {"charge": 400}, {"objects": "truth"}])
def test_what_needs_our_team_agent_says_so_without_it(
    board: Any, pair: Any, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    board.begin(led=True)
    LacoPlanner(endpoints=pair[0], **options)
    assert "--agent" not in caplog.text
    board.begin()
    LacoPlanner(endpoints=pair[0], charge="frozen")
    assert "--agent" not in caplog.text
    with caplog.at_level(logging.WARNING):
        LacoPlanner(endpoints=pair[0], **options)
    assert "--agent" in caplog.text


def test_threads_that_ask_at_once(pair: Any, entry: Entry) -> None:
    endpoints, made = pair
    one = LacoPlanner(endpoints=endpoints, deadline=5.0)
    for moment in range(10):
        bank, found = [entry(TWO, 0.2 * moment)], {}
        ready = threading.Barrier(2)

        def ask(idx: int, bank: Any = bank, found: Any = found, ready: Any = ready) -> None:
            ready.wait(5.0)
            one.forward_single_intent(bank, {}, idx)
            found[idx] = list(one.forward_single_collab(bank, {}, idx, [])["target_speed"])

        threads = [threading.Thread(target=ask, args=(idx,)) for idx in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {0: [5.0] * 5, 1: [5.0] * 5}
    assert all(server.kinds() == ["hello"] + ["observe", "decide"] * 10 for server in made)
    one.close()


def forked(one: Any, bank: Any, pipe: Any) -> None:
    pipe.send(asked(one, bank, {}))
    pipe.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_a_socket_of_its_own(pair: Any, entry: Entry) -> None:
    endpoints, _ = pair
    one = LacoPlanner(endpoints=endpoints, deadline=5.0)
    asked(one, [entry(TWO)], {})
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=forked, args=(one, [entry(TWO, 0.2)], theirs))
    child.start()
    assert ours.poll(20.0)
    speeds = ours.recv()
    child.join(20.0)
    assert child.exitcode == 0
    assert speeds == [[5.0] * 5] * 2
    assert asked(one, [entry(TWO, 0.4)], {}) == [[5.0] * 5] * 2, "and the parent goes on"
    one.close()


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A script with the client and this folder on its path."""
    path = f"import sys; sys.path[:0] = [{str(ROOT / 'agents/langcoop')!r}, {str(Path(__file__).parent)!r}]\n"
    command = [sys.executable, "-c", path + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


ENDED = """
import exercise, numpy
from laco_langcoop import LacoPlanner
one = LacoPlanner(endpoints={"ego0": sys.argv[1], "ego1": "tcp://127.0.0.1:1"}, deadline=0.5)
for moment in range(3):
    bank = [exercise.entry(numpy, 2, moment)]
    for idx in range(2):
        one.forward_single_intent(bank, {}, idx)
    for idx in range(2):
        one.forward_single_collab(bank, {}, idx, [])
print("driven")
"""


def test_a_process_that_ends_without_saying_bye(servers: Any) -> None:
    """Neither destroyed nor closed, one server dead, logging not configured: it ends, and stderr has said why."""
    done = run(ENDED, servers().endpoint)
    assert (done.returncode, done.stdout) == (0, "driven\n"), done.stderr
    assert "LACO: ego1: no server at tcp://127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


REGISTRY = """
import types
module = sys.modules["vlmdrive"] = types.ModuleType("vlmdrive")
class Registry(dict):
    def register(self, target):
        assert target.__name__ not in self
        self[target.__name__] = target
module.VLMDRIVE_REGISTRY = Registry()
import laco_langcoop
print(*module.VLMDRIVE_REGISTRY)
laco_langcoop.register()
"""


def test_an_import_registers_where_the_registry_is() -> None:
    done = run(REGISTRY)
    assert (done.returncode, done.stdout) == (0, "LacoPlanner\n"), done.stderr


def test_without_langcoop_registering_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import laco_langcoop

    monkeypatch.setitem(sys.modules, "vlmdrive", None)
    with pytest.raises(LacoError, match="PYTHONPATH") as told:
        laco_langcoop.register()
    assert "\n" not in str(told.value)
