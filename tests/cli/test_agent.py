"""`laco agent`: vehicles behind a socket, for one runner after the other, and how it ends."""

import itertools
import random
import signal
import sys
from pathlib import Path

import pytest
import zmq

from laco.agents.drivers.check import weights_of
from laco.agents.hosts import HostLostError, RemoteHost
from laco.cli.main import main
from laco.config import LacoConfig
from laco.errors import ConfigError, LacoError
from laco.scenarios.runner import Record
from laco.scenarios.session import Options, Session

LACO = LacoConfig(steps=1, keep=0.5, layers=(0, 1), realign="identity")


def trajectory(record: Record) -> list[object]:
    return [(scene.time, scene.bodies) for scene in record.scenes]


def options(weights: str) -> Options:
    return Options(scenario="occluded-crossing-v1", seed=1001, channel="latent", weights=weights, laco=LACO)


def test_a_vehicle_served_elsewhere_drives_as_one_of_ours(weights: str, serving) -> None:
    """B behind `laco agent`, A in a host of ours; twice, by two runners; then Ctrl-C."""
    with serving("--vehicles", "B", "--weights", weights) as (process, address):
        with Session(hosts=1) as session:
            here = session.run(options(weights), {})
        for _ in range(2):
            with Session(hosts=1, agents=[address]) as session:
                there = session.run(options(weights), {})
                assert len(session.fleet.hosts) == len(session.fleet.remote) == 1
            assert trajectory(there.record) == trajectory(here.record)
            assert there.messages.receipts == here.messages.receipts
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("tick", random.Random(5).sample(range(1, 100), 2))
def test_an_agent_killed_on_the_way_is_an_outcome(weights: str, serving, tick: int) -> None:
    """B's `laco agent` is killed at some tick; with another one in its place the run is as ever."""
    with Session(hosts=1) as session:
        whole = session.run(options(weights), {})
    with serving("--vehicles", "B", "--weights", weights) as (process, address):
        ticks = itertools.count()

        def progress(share: float) -> None:
            if next(ticks) == tick:
                process.kill()
                process.wait()

        with Session(hosts=1, agents=[address]) as session:
            cut = session.run(options(weights), {}, progress)
    assert cut.record.outcome == "agent_lost"
    assert address in cut.record.detail
    assert {drive.status for drive in cut.record.drives.values()} <= {"agent_lost", "completed", "collision"}
    another = serving("--vehicles", "B", "--weights", weights)
    with another as (_, address), Session(hosts=1, agents=[address]) as session:
        assert trajectory(session.run(options(weights), {}).record) == trajectory(whole.record)


def test_what_is_not_on_offer_is_refused_in_one_line(weights: str, llm_folder: Path, serving) -> None:
    with serving("--vehicles", "A,B", "--weights", weights) as (_, address), Session(agents=[address]) as session:
        other = Options(
            scenario="occluded-crossing-v1", seed=1001, channel="silent", driver="llm", weights=str(llm_folder)
        )
        with pytest.raises(LacoError, match=r"^A is driven by vector here, not by llm$"):
            session.run(other, {})


def test_nobody_there_and_somebody_who_goes(weights: str, monkeypatch, serving) -> None:
    monkeypatch.setattr("laco.agents.hosts.GREET_LIMIT", 0.3)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        with pytest.raises(HostLostError, match=r"^the agent host at 127\.0\.0\.1:1 has not answered"):
            RemoteHost("127.0.0.1:1", context)
        monkeypatch.setattr("laco.agents.hosts.GREET_LIMIT", 20.0)
        with serving("--vehicles", "A", "--weights", weights) as (process, address):
            host = RemoteHost(address, context)
            assert host.vehicles == {"A"}
            process.kill()
            process.wait()
            with pytest.raises(HostLostError, match="has closed the connection"):
                host.answer(30.0)
            host.close()
    finally:
        context.destroy(0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--vehicles", "A,A"), "vehicles are names with commas between, each once, not 'A,A'"),
        (("--vehicles", "A", "--bind", "0.0.0.0:7000"), "--bind needs the address that other vehicles are to reach"),
        (("--vehicles", "A", "--bind", "7000"), "--bind takes HOST:PORT, not '7000'"),
        (("--vehicles", "A", "--model", "x"), "the vector driver takes weights, not a model: use --weights"),
        (("--vehicles", "A", "--driver", "llm", "--weights", "x"), "no LoRA file x"),
        (("--vehicles", "A", "--driver", "llm", "--model", "nowhere"), "no model 'nowhere': give a built-in name"),
        (("--vehicles", "A", "--driver", "vlm"), "the vlm driver needs a model: give a folder or a hub id"),
        (("--vehicles", "A", "--device", "abacus"), "no device 'abacus' here: "),
        (("--vehicles", "A", "--device", "meta"), "the vector driver is quickest on the processor"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments: tuple[str, ...], line: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["laco", "agent", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
    errors = capsys.readouterr().err
    assert caught.value.code == 2
    assert errors.startswith(f"laco: {line}")
    assert errors.count("\n") == 1


def test_a_model_that_lies_elsewhere_is_not_looked_for_here() -> None:
    assert weights_of("llm", None, None, here=False) == "smollm2"
    with pytest.raises(ConfigError, match="no model 'far-away'"):
        weights_of("llm", None, "far-away")
