"""Agent hosts that never start."""

import multiprocessing

import pytest

from laco.agents import fleet, hosts
from laco.agents.messages import AgentSpec


def test_a_host_that_cannot_start_leaves_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket is open by then; ending the context must not wait for it."""

    def broken() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(hosts, "_spawner", broken)
    before = multiprocessing.active_children()
    with pytest.raises(OSError, match="no more processes"):
        fleet.Fleet(2)
    assert multiprocessing.active_children() == before


@pytest.mark.parametrize("count", [1, 2])
def test_hosts_serve_fleets_that_grow_and_shrink(weights: str, count: int) -> None:
    """Who leaves is not waited for, and who comes back under its old name has another address."""
    with fleet.Fleet(count) as made:
        for names in ("AB", "ABC", "AB", "BC", "ABC"):
            made.setup([AgentSpec(name=name, channel="silent", driver="vector", weights=weights) for name in names])
            assert set(made.endpoints) == set(names)
