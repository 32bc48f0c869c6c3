"""Every registered scenario goes through this."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.distill.rollout import Car, Rollout
from laco.errors import ScenarioError
from laco.geometry import overlap
from laco.scenarios.catalog import SCENARIOS, Scenario, find, occluded_crossing
from laco.scenarios.layout import Layout

SEEDS = (1000, 1007, 1042, 1313)
EACH = [pytest.param(s, seed, id=f"{s.id}-{seed}") for s in SCENARIOS for seed in SEEDS]


def plain(layout: Layout) -> list[Any]:
    routes = [e.route.tolist() for e in layout.egos]
    scripts = [(m.path.tolist(), m.profile, m.gate) for m in layout.movers]
    return [layout.placements(), routes, scripts, layout.crossings, layout.map, layout.limit, layout.notes]


@pytest.mark.parametrize(("scenario", "seed"), EACH)
class TestEveryScenario:
    def test_a_seed_is_a_layout_and_others_are_others(self, scenario: Scenario, seed: int) -> None:
        assert plain(scenario.layout(seed)) == plain(scenario.layout(seed))
        assert plain(scenario.layout(seed)) != plain(scenario.layout(seed + 1))

    def test_the_twin_differs_in_the_hazard_only(self, scenario: Scenario, seed: int) -> None:
        layout = scenario.layout(seed)
        twin = layout.twin()
        assert layout.hazards
        assert not twin.hazards
        kept = {m.role for m in twin.movers}
        assert {m.role for m in layout.movers} - kept == {m.role for m in layout.hazards if m.calm is None}
        assert plain(replace(twin, movers=layout.movers)) == plain(layout)

    def test_nobody_starts_inside_another(self, scenario: Scenario, seed: int) -> None:
        boxes = [Car.of(place).body.box for place in scenario.layout(seed).placements()]
        assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]

    def test_roles_are_unique_and_egos_stand_on_their_route(self, scenario: Scenario, seed: int) -> None:
        layout = scenario.layout(seed)
        roles = [p.role for p in layout.placements()]
        assert len(set(roles)) == len(roles)
        for ego in layout.egos:
            assert ego.route[0].tolist() == [ego.placement.x, ego.placement.y]

    def test_b_sees_the_hazard_a_second_before_a_can(self, scenario: Scenario, seed: int) -> None:
        """A unhindered: the expert without caution, deaf, drives as if the hazard were never there."""
        layout = scenario.layout(seed)
        rollout = Rollout.of(layout)
        hazards = rollout.hazards
        first: dict[str, float] = {}

        def policy(views: dict[str, Observation]) -> dict[str, Plan]:
            blind = {}
            for name, view in views.items():
                if any(a.id in hazards for a in view.actors):
                    first.setdefault(name, view.time)
                kept = tuple(a for a in view.actors if a.id not in hazards)
                blind[name] = Observation(
                    view.name, view.time, view.body, view.route, view.remaining, view.limit, kept, view.sights
                )
            return {name: decide(view, 0.0) for name, view in blind.items()}

        rollout.run(policy, seconds=12.0)
        assert "B" in first
        assert "A" not in first or first["A"] - first["B"] >= 1.0


class TestFinding:
    def test_a_name_without_version_means_the_newest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = [Scenario(f"merge-v{n}", "", occluded_crossing.layout) for n in (2, 10, 9)]
        monkeypatch.setattr("laco.scenarios.catalog.SCENARIOS", made)
        assert find("merge").id == "merge-v10"
        assert find("merge-v2").id == "merge-v2"

    @pytest.mark.parametrize("name", ["occluded-crosing", "occluded", "occluded-crossing-v99"])
    def test_an_unknown_one_names_the_nearest(self, name: str) -> None:
        with pytest.raises(ScenarioError, match="the nearest is occluded-crossing-v1"):
            find(name)

    def test_an_empty_one_is_unknown_too(self) -> None:
        with pytest.raises(ScenarioError, match="unknown scenario ''"):
            find("")

    def test_ids_are_versioned_and_unique(self) -> None:
        ids = [s.id for s in SCENARIOS]
        assert len(set(ids)) == len(ids)
        assert all(i.rpartition("-v")[2].isdigit() for i in ids)
