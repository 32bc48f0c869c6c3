"""The same code against a real CARLA 0.9.16 server: LACO_CARLA=host:port pytest -m real_carla."""

import os
from collections.abc import Iterator

import pytest

from laco.scenarios.catalog import SCENARIOS
from laco.scenarios.session import Options, Session

ADDRESS = os.environ.get("LACO_CARLA", "")
pytestmark = [
    pytest.mark.real_carla,
    pytest.mark.skipif(not ADDRESS, reason="LACO_CARLA is not set"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(ADDRESS, timeout=60.0) as made:
        yield made


@pytest.mark.parametrize("scenario", [s.id for s in SCENARIOS])
def test_the_expert_arrives_without_collisions(session: Session, scenario: str) -> None:
    record = session.expert(Options(scenario=scenario, seed=1000).layout())
    assert [d.status for d in record.drives.values()] == ["completed"] * len(record.drives)
    assert all(not d.collisions for d in record.drives.values())


@pytest.mark.parametrize("scenario", [s.id for s in SCENARIOS])
def test_the_silent_channel_drives(session: Session, scenario: str) -> None:
    result = session.run(Options(scenario=scenario, seed=1000, channel="silent", twin=True), {})
    assert result.record.outcome == "finished"
    assert result.record.first.completion > 50.0


def test_nothing_is_left_behind(session: Session) -> None:
    session.expert(Options(scenario=SCENARIOS[0].id, seed=1000).layout())
    world = session.simulator.client.get_world()
    assert [a.attributes["role_name"] for a in world.get_actors().filter("vehicle.*")] == []
