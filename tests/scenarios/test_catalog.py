"""Every registered scenario goes through the checker, and the checker finds what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from laco.agents.drivers.expert import decide
from laco.distill.rollout import Rollout, surroundings
from laco.distill.trial import Trial, Verdict, blind, judge, seeing
from laco.errors import ScenarioError
from laco.scenarios.catalog import SCENARIOS, Scenario, find, occluded_crossing, platoon_brake
from laco.scenarios.catalog.check import Case, faults
from laco.scenarios.catalog.paths import CRUISE, LIMIT, arc, arrival, weave
from laco.scenarios.layout import Ego, Layout, Mover, Placement

STANDING, DRIVEN = range(1000, 1020), range(1042, 1052)  # seeds; `laco scenarios --check` drives all that it is given
CROSSING = find("occluded-crossing")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
class TestEveryScenario:
    def test_its_layouts_have_no_faults(self, scenario: Scenario) -> None:
        found = {seed: faults(Case.of(scenario, seed, lambda name: surroundings(name)[0])) for seed in STANDING}
        assert not any(found.values()), found

    def test_it_is_fit_when_driven(self, scenario: Scenario) -> None:
        smallest = min(DRIVEN, key=lambda seed: len(scenario.layout(seed).egos))
        assert judge(scenario, (smallest,)).complaints() == []


def changed(change: Callable[[Layout], Layout]) -> list[str]:
    """The faults of the crossing after a change to its layouts."""
    scenario = replace(CROSSING, layout=lambda seed: change(occluded_crossing.layout(seed)))
    return faults(Case.of(scenario, 1000, lambda name: surroundings(name)[0]))


def placed(layout: Layout, **fields: object) -> Layout:
    """A starts otherwise."""
    first = layout.egos[0]
    moved = replace(first, placement=replace(first.placement, **fields))
    return replace(layout, egos=(moved, *layout.egos[1:]))


class TestLayouts:
    def test_the_crossing_as_it_is_has_no_fault(self) -> None:
        assert changed(lambda layout: layout) == []

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            (lambda x: replace(x, movers=()), "no mover is a hazard"),
            (lambda x: replace(x, egos=x.egos[:1]), "1 connected vehicles; 2 to 16 are allowed"),
            (lambda x: replace(x, parked=(*x.parked, *x.parked[:1])), "truck0: there are two of them"),
            (lambda x: placed(x, blueprint="vehicle.laco.none"), "A: there is no vehicle.laco.none"),
            (lambda x: placed(x, yaw=-70.0), "A: it starts -20 degrees off its route"),
            (lambda x: placed(x, x=5.0), "A: it does not start where its route does"),
            (lambda x: placed(x, speed=14.0), "A: it starts faster than the limit"),
            (lambda x: replace(x, egos=(x.egos[0], replace(x.egos[1], route=x.egos[1].route + np.array([9.0, 0.0])))),
             "B: its route leaves the driving lanes by"),
            (lambda x: replace(x, parked=(replace(x.parked[0], x=1.75, y=x.egos[0].placement.y),)),
             "A starts inside truck0"),
        ],
    )  # fmt: skip
    def test_a_fault_is_named(self, change: Callable[[Layout], Layout], fault: str) -> None:
        assert any(line.startswith(fault) for line in changed(change))

    def test_a_seed_has_to_decide(self) -> None:
        same = replace(CROSSING, layout=lambda seed: replace(occluded_crossing.layout(1000), seed=seed))
        drawn = np.random.default_rng(0)
        other = replace(CROSSING, layout=lambda seed: occluded_crossing.layout(int(drawn.integers(1000))))
        for scenario, fault in ((same, "the next seed gives the same"), (other, "the same seed gives another")):
            case = Case.of(scenario, 1000, lambda name: surroundings(name)[0])
            assert any(line.startswith(fault) for line in faults(case))


class TestDriving:
    def test_a_hazard_that_nobody_meets_does_not_matter(self) -> None:
        far = Mover.steady(Placement("hazard", "vehicle.audi.tt", -40.0, -1.75, 180.0, 5.0), hazard=True)
        lead, nearest = blind(replace(occluded_crossing.layout(1000), movers=(far,)))
        assert lead < 1.0  # it is in plain view
        assert nearest > 10.0

    def test_a_rear_end_collision_with_a_peer_that_met_the_hazard_counts(self) -> None:
        layout = platoon_brake.layout(1000)
        lead, nearest = blind(layout)
        assert lead > 1.0
        assert nearest == 0.0

    def test_who_cannot_get_through_fails(self) -> None:
        layout = occluded_crossing.layout(1000)
        truck = replace(layout.parked[0], role="block", x=1.75, y=layout.egos[0].placement.y - 20.0)
        assert seeing(replace(layout, parked=(truck,))) == ("A",)

    def test_complaints_say_what_is_wrong(self) -> None:
        good = Trial(1, 2, (), 2.0, 0.3, (), ())
        late, far = replace(good, seed=2, lead=0.4), replace(good, seed=3, nearest=9.0)
        stuck = replace(good, seed=4, failed=("A",))
        assert Verdict(CROSSING, [good]).complaints() == []
        assert Verdict(CROSSING, [good, late]).complaints() == ["no peer sees the hazard 1 s before A on seeds 2"]
        assert Verdict(CROSSING, [good, far, far]).complaints() == [
            "a blind A comes near a hazard on 33% of the seeds only"
        ]
        assert Verdict(CROSSING, [good, stuck]).complaints() == ["seed 4: who sees everything fails: A"]


class TestWays:
    def test_a_weave_goes_through_its_knots_and_keeps_between_them(self) -> None:
        way = weave((0.0, 1.0), (10.0, 1.0), (20.0, 4.0), (30.0, 4.0))
        for knot in ((0.0, 1.0), (10.0, 1.0), (15.0, 2.5), (20.0, 4.0), (30.0, 4.0)):
            assert np.abs(way - knot).sum(axis=1).min() < 1e-9
        assert (np.diff(way[:, 0]) > 0.0).all()

    def test_arrival_straight_on(self) -> None:
        road = np.array([[0.0, 0.0], [200.0, 0.0]])
        assert arrival(road, CRUISE, 100.0) == pytest.approx(100.0 / CRUISE)
        # From 10 to 12.5 m/s at 2.5 m/s^2: one second, 11.25 m.
        assert arrival(road, 10.0, 111.25) == pytest.approx(1.0 + 100.0 / CRUISE, abs=0.03)

    def test_arrival_in_a_bend_is_the_expert_s(self) -> None:
        way = np.concatenate([[[1.75, 40.0]], arc((-8.0, 8.0), 9.75, 0.0, -90.0), [[-48.0, -1.75]]])
        start = Placement("A", "vehicle.lincoln.mkz_2020", 1.75, 40.0, -90.0, 9.0)
        rollout = Rollout.of(Layout("bend-v1", 0, "crossing", LIMIT, (Ego(start, way),)))
        rollout.run(lambda views: {"A": decide(views["A"], 0.0)}, 20.0)
        length = rollout.routes["A"].length
        assert rollout.outcomes["A"].time == pytest.approx(arrival(way, 9.0, length - 2.0), abs=0.6)

class TestFinding:
    def test_a_name_without_version_means_the_newest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = [Scenario(f"merge-v{n}", "", occluded_crossing.layout) for n in (2, 10, 9)]
        monkeypatch.setattr("laco.scenarios.catalog.SCENARIOS", made)
        assert find("merge").id == "merge-v10"
        assert find("merge-v2").id == "merge-v2"

    @pytest.mark.parametrize("name", ["occluded-crosing", "occluded", "occluded-crossing-v99"])
    def test_an_unknown_one_names_the_nearest(self, name: str) -> None:
        nearest = "occluded-crossing-v1" if len(name) > 8 else "[a-z-]+-v1"
        with pytest.raises(ScenarioError, match=f"the nearest is {nearest}"):
            find(name)

    def test_an_empty_one_is_unknown_too(self) -> None:
        with pytest.raises(ScenarioError, match="unknown scenario ''"):
            find("")

    def test_ids_are_versioned_and_unique(self) -> None:
        ids = [s.id for s in SCENARIOS]
        assert len(set(ids)) == len(ids)
        assert all(i.rpartition("-v")[2].isdigit() for i in ids)
