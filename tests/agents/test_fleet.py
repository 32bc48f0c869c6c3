"""Agent hosts that never start."""

import multiprocessing

import pytest

from laco.agents import fleet, hosts


def test_a_host_that_cannot_start_leaves_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket is open by then; ending the context must not wait for it."""

    def broken() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(hosts, "_spawner", broken)
    before = multiprocessing.active_children()
    with pytest.raises(OSError, match="no more processes"):
        fleet.Fleet(2)
    assert multiprocessing.active_children() == before
