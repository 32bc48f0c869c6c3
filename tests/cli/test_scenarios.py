"""`laco scenarios --check`: a table and a status for people, JSON for machines."""

import json
from dataclasses import replace

import pytest

from laco.scenarios.catalog import Scenario, find, occluded_crossing


def test_a_fit_scenario(called) -> None:
    status, out, err = called("scenarios", "occluded-crossing", "--check", "--seeds", "1000-1001")
    assert (status, err) == (0, "")
    head, row = out.splitlines()
    assert "a peer sees it before A" in head
    assert row.split()[:3] == ["occluded-crossing-v1", "2", "ok"]
    assert row.split()[-1] == "fit"


def test_one_that_is_not_fit(called, monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(seed: int) -> object:
        made = occluded_crossing.layout(seed)
        return replace(made, egos=made.egos[:1])

    monkeypatch.setattr("laco.scenarios.catalog.SCENARIOS", [Scenario("alone-v1", "", alone)])
    status, out, _ = called("scenarios", "alone", "--check", "--seeds", "7")
    assert status == 1
    assert "NOT FIT" in out
    assert out.splitlines()[-1] == "alone-v1: seed 7: 1 connected vehicles; 2 to 16 are allowed"
    status, out, _ = called("scenarios", "--check", "--seeds", "7", "--json")
    (row,) = json.loads(out)
    assert (status, row["id"], row["faultless"], row["seeds"]) == (1, "alone-v1", False, [7])
    assert len(row["complaints"]) == 1


@pytest.mark.parametrize("seeds", ["7-3", "x", "-1", "", "1-2-3"])
def test_seeds_that_are_none(called, seeds: str) -> None:
    status, _, err = called("scenarios", find("occluded-crossing").id, "--check", f"--seeds={seeds}")
    assert status == 2
    assert err == f"laco: seeds are A-B with A not above B, not {seeds!r}\n"
