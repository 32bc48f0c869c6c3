"""Whole runs on the embedded server: what they leave behind, and what happens when a part of them dies."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import carla
import msgspec
import pytest

from laco.comm.radio import RadioSpec
from laco.config import LacoConfig
from laco.errors import ConfigError, LacoError, WorldError
from laco.scenarios.runner import Record
from laco.scenarios.session import Options, Result, Session, address, specs
from laco.scenarios.summary import figures, message_lines

SCENARIO = "occluded-crossing-v1"
LACO = LacoConfig(steps=1, keep=0.5, layers=(0, 1), realign="identity")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(hosts=2) as made:
        yield made


def options(weights: str, channel: str = "latent", seed: int = 1001) -> Options:
    return Options(scenario=SCENARIO, seed=seed, channel=channel, weights=weights, laco=LACO)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def trajectory(record: Record) -> list[object]:
    return [(scene.time, scene.bodies) for scene in record.scenes]


def spoken(result: Result) -> list[object]:
    """Everything about the messages but the wall-clock times."""
    return [*message_lines(result), result.messages.receipts, result.messages.foreign_tokens]


@pytest.fixture(scope="module")
def latent(session: Session, weights: str) -> Result:
    return session.run(options(weights), {"A": 9.0, "B": 9.0})


def test_the_unobstructed_expert_completes_without_collisions(session: Session) -> None:
    record = session.expert(options("").layout())
    assert record.outcome == "finished"
    assert [d.status for d in record.drives.values()] == ["completed", "completed"]
    assert record.first.score == 100.0


def test_a_run_is_driven_on_what_was_heard(latent: Result) -> None:
    assert latent.record.outcome == "finished"
    assert all(d.ended for d in latent.record.drives.values())
    shown = figures(latent)
    assert shown["receipts"]["latent"].keys() == {"used"}
    assert shown["messages"]["count"] == shown["receipts"]["latent"]["used"] > 50
    assert shown["foreign_tokens"] > shown["messages"]["count"]
    assert shown["decisions"] == 2 * len(latent.record.scenes)
    assert {"deliberate", "encode", "decode", "infer", "phase listen"} <= shown["latency_ms"].keys()


def test_air_bytes_and_socket_bytes_differ_in_framing_only(latent: Result) -> None:
    counted = figures(latent)["messages"]
    air, socket = counted["air_bytes"], counted["socket_bytes"]
    assert (air["payload"], air["metadata"]) == (socket["payload"], socket["metadata"])
    assert socket["framing"] > air["framing"] == 0


def test_the_same_options_give_the_same_run(session: Session, weights: str, latent: Result) -> None:
    again = session.run(options(weights), latent.free)
    assert trajectory(again.record) == trajectory(latent.record)
    assert spoken(again) == spoken(latent)


BURSTS = RadioSpec.from_text("dsrc_6m", "gilbert:0.05,0.2")  # a fifth, five fragments at a time


@pytest.fixture(scope="module")
def lossy(session: Session, weights: str) -> Result:
    return session.run(lossy_options(weights), {"A": 9.0, "B": 9.0})


def lossy_options(weights: str) -> Options:
    config = LacoConfig(steps=1, keep=1.0, layers=(0, 1), realign="identity")
    return msgspec.structs.replace(options(weights), radio=BURSTS, laco=config, codec="fp32")


def test_a_run_with_bursts_of_loss_uses_messages_in_part_and_says_so(lossy: Result) -> None:
    assert lossy.record.outcome == "finished"
    shown = figures(lossy)
    messages, beacons = shown["delivery"]["messages"], shown["delivery"]["beacons"]
    assert messages["fragment_delivery"] == pytest.approx(0.8, abs=0.1)
    assert messages["message_delivery"] < messages["fragment_delivery"]
    assert messages["used_in_part"] > 5
    assert 0.0 < messages["mean_share"] < 1.0
    assert beacons["used_in_part"] == 0 < beacons["air_lost"]
    ends = ("used_whole", "used_in_part", "air_lost", "overtaken", "too_old")
    assert sum(messages[end] for end in ends) == messages["messages"]
    assert 0.0 < shown["air"]["busy_ratio"] < 1.0
    shares = [heard.get("share", 1.0) for line in message_lines(lossy) for heard in line["heard"]]
    assert sum(share < 1.0 for share in shares) == messages["used_in_part"]


def test_the_air_adds_its_headers(lossy: Result) -> None:
    air = figures(lossy)["messages"]["air_bytes"]
    assert air["framing"] == 200 * figures(lossy)["delivery"]["messages"]["fragments"]["sent"]
    sizes = [size for s in lossy.messages.sent for size in s.manifest.chunk_sizes]
    assert max(sizes) <= 1398


def test_the_same_seed_has_the_same_losses_on_any_number_of_hosts(
    session: Session, weights: str, lossy: Result
) -> None:
    again = session.run(lossy_options(weights), lossy.free)
    assert spoken(again) == spoken(lossy)
    assert again.messages.fates == lossy.messages.fates
    with Session(hosts=1) as alone:
        other = alone.run(lossy_options(weights), lossy.free)
    assert other.messages.fates == lossy.messages.fates
    assert spoken(other) == spoken(lossy)


def test_charged_time_delays_messages_and_plans_and_repeats(
    session: Session, weights: str, latent: Result
) -> None:
    charged = msgspec.structs.replace(options(weights), time="charged:50")
    result = session.run(charged, latent.free)
    assert result.record.outcome == "finished"
    said = [s.manifest for s in result.messages.sent if s.manifest.kind == "latent"]
    by_number = {(m.sender, m.seq): m for m in said}
    arrived = [f for f in result.messages.fates if f.kind == "latent"]
    assert arrived
    assert all(f.at == pytest.approx(by_number[f.sender, f.seq].spoken_at + 0.05) for f in arrived)
    # The plans of t = 0 take effect at 0.15 s: until then both coast, and differ from what frozen time gives.
    assert trajectory(result.record)[0] == trajectory(latent.record)[0]
    assert trajectory(result.record)[1] != trajectory(latent.record)[1]
    assert trajectory(session.run(charged, latent.free).record) == trajectory(result.record)


def test_another_seed_is_another_run(session: Session, weights: str, latent: Result) -> None:
    other = session.run(options(weights, "silent", seed=1002), latent.free)
    assert trajectory(other.record)[0] != trajectory(latent.record)[0]
    assert other.messages.foreign_tokens == [0] * len(other.messages.foreign_tokens)
    assert {s.manifest.kind for s in other.messages.sent} == {"beacon"}


def test_nothing_of_a_run_stays_on_the_server(session: Session, latent: Result) -> None:
    client = carla.Client("127.0.0.1", session._world.port)
    client.set_timeout(5.0)
    assert len(client.get_world().get_actors().filter("vehicle.*")) == 0
    assert len(client.get_world().get_actors().filter("sensor.*")) == 0


def test_a_guest_leaves_the_settings_as_they_were(session: Session) -> None:
    """On a server that is not ours."""
    client = carla.Client("127.0.0.1", session._world.port)
    client.set_timeout(5.0)
    before = client.get_world().get_settings()
    changed = client.get_world().get_settings()
    changed.synchronous_mode, changed.fixed_delta_seconds = True, 0.025
    client.get_world().apply_settings(changed)
    try:
        with Session(f"127.0.0.1:{session._world.port}") as guest:
            guest.expert(options("").layout())
            assert client.get_world().get_settings().fixed_delta_seconds == 0.05
        found = client.get_world().get_settings()
        assert (found.synchronous_mode, found.fixed_delta_seconds) == (True, 0.025)
    finally:
        client.get_world().apply_settings(before)


def test_a_killed_agent_host_is_a_recorded_outcome(session: Session, weights: str, latent: Result) -> None:
    pids = [host.process.pid for host in session.fleet.hosts]
    ticks = []

    def kill(_: float) -> None:
        ticks.append(None)
        if len(ticks) == 40:
            os.kill(pids[0], signal.SIGKILL)

    began = time.monotonic()
    result = session.run(options(weights), latent.free, kill)
    assert time.monotonic() - began < 20.0
    assert result.record.outcome == "agent_lost"
    assert "agent host 0 ended" in result.record.detail
    assert {d.status for d in result.record.drives.values()} == {"agent_lost"}
    assert figures(result)["outcome"] == "agent_lost"
    assert not any(map(alive, pids))
    after = session.run(options(weights), latent.free)
    assert trajectory(after.record) == trajectory(latent.record)


def test_a_weights_file_that_is_not_ours_is_an_error_that_the_next_run_survives(
    session: Session, weights: str, latent: Result, tmp_path: Path
) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(LacoError, match="cannot be read as driver weights"):
        session.run(options(str(path)), {})
    after = session.run(options(weights), latent.free)
    assert spoken(after) == spoken(latent)


def test_a_world_that_dies_is_one_clear_line_and_no_hang() -> None:
    ticks = []
    with Session(timeout=2.0) as session:
        pid = session._world.pid

        def kill(_: float) -> None:
            ticks.append(None)
            if len(ticks) == 10:
                os.kill(pid, signal.SIGKILL)

        began = time.monotonic()
        with pytest.raises(WorldError, match=r"^the server stopped answering: ") as caught:
            session.expert(options("").layout(), kill)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 8.0
    assert len(ticks) == 10


def test_closing_twice_is_fine_and_ends_the_server() -> None:
    session = Session()
    pid = session._world.pid
    session.close()
    session.close()
    assert not alive(pid)
    with pytest.raises(RuntimeError, match="closed"):
        _ = session.simulator


@pytest.mark.parametrize(
    ("text", "found"),
    [("localhost:2000", ("localhost", 2000)), ("10.0.0.7:65535", ("10.0.0.7", 65535))],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["localhost", ":2000", "host:", "host:0", "host:65536", "a b:1", "host:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        address(text)


def test_only_a_hazard_can_be_masked() -> None:
    layout = options("").layout()
    assert [s.masked for s in specs(options(""), layout, (12,))] == [(12,), (12,)]
    assert [s.masked for s in specs(options(""), layout.twin(), ())] == [(), ()]
    with pytest.raises(ConfigError, match="unknown channel"):
        specs(options("", "telepathy"), layout, ())
