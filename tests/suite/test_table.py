"""Means, paired differences and gaps, against numbers that a person can work out."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from laco.scenarios.suite.cells import Cell, Results
from laco.scenarios.suite.grid import Grid, Job, expand
from laco.scenarios.suite.page import page
from laco.scenarios.suite.spec import Gap, Setting, Suite
from laco.scenarios.suite.store import Row
from laco.scenarios.suite.tables import markdown, records, sections, summary, table_csv

SETTINGS = (
    Setting(name="silent, slow", channel="silent", caution=1.0),
    Setting(name="silent, fast", channel="silent", caution=0.0),
    Setting(name="latent"),
    Setting(name="bound", channel="visual", against="latent"),
)
SCORE = {"silent, slow": 60.0, "silent, fast": 50.0, "latent": 75.0, "bound": 80.0}
RowOf = Callable[..., Row]


@pytest.fixture(scope="module")
def grid() -> Grid:
    gaps = (Gap(closes="latent", high="bound"), Gap(closes="latent", low="latent", high="silent, slow"))
    return expand(Suite(scenarios=("occluded-crossing",), settings=SETTINGS, seeds="1001-1004", gaps=gaps))


def score(grid: Grid, job: Job) -> float:
    """A seed is worth 2 per number, a twin 10 more; of no account for paired differences."""
    base = SCORE[grid.lines[job.line].setting.name]
    return base + 2.0 * (job.options.seed - 1001) + (10.0 if job.options.twin else 0.0)


def cell(results: Results, name: str) -> Cell:
    return next(c for c in results.cells() if results.grid.lines[c.line].setting.name == name)


def test_means_and_differences(grid: Grid, row_of: RowOf) -> None:
    results = Results(grid, [row_of(job, score(grid, job)) for job in grid.jobs])
    latent = cell(results, "latent")
    assert latent.values["timely_ds"] == pytest.approx(75 + 3 + 5)
    assert (latent.runs, latent.unfinished, latent.seeds) == (8, 0, 4)
    assert latent.values["air_bytes"] == 100.0
    assert latent.values["foreign_tokens"] == 2.0
    assert latent.values["delivered"] == 0.5
    assert latent.measured == {"cpu_s": 1.0, "joules": None, "wall_s": 2.0}
    assert latent.against == "silent, slow"  # the best of the two
    gain = latent.differences["timely_ds"]
    assert (gain.mean, gain.low, gain.high) == pytest.approx((15.0, 15.0, 15.0))
    assert latent.differences["twin_time_percent"].mean == 0.0
    assert cell(results, "bound").against == "latent"
    assert cell(results, "bound").differences["timely_ds"].mean == pytest.approx(5.0)
    best = cell(results, "silent, slow")
    assert not best.differences


def test_what_did_not_finish_is_counted_and_takes_its_seed_out(grid: Grid, row_of: RowOf) -> None:
    rows = [row_of(job, score(grid, job)) for job in grid.jobs]
    lost = next(n for n, job in enumerate(grid.jobs) if grid.lines[job.line].setting.name == "latent")
    rows[lost] = row_of(grid.jobs[lost], 0.0, outcome="agent_lost")
    results = Results(grid, rows)
    latent = cell(results, "latent")
    assert (latent.runs, latent.unfinished, latent.seeds) == (8, 1, 3)
    assert latent.values["timely_ds"] == pytest.approx(75 + 4 + 5)  # seed 1001 is out
    assert latent.differences["timely_ds"].mean == pytest.approx(15.0)  # on both sides
    del rows[lost]
    assert cell(Results(grid, rows), "latent").unfinished == 1


def test_intervals_hold_seeds_together(grid: Grid, row_of: RowOf) -> None:
    """Gains of 10 and 20 by turns: the interval of four seeds' mean is within them, and does not shrink to a point."""

    def worth(job: Job) -> float:
        latent = grid.lines[job.line].setting.name == "latent"
        return score(grid, job) + (5.0 if job.options.seed % 2 else -5.0) * latent

    gain = cell(Results(grid, [row_of(job, worth(job)) for job in grid.jobs]), "latent").differences["timely_ds"]
    assert gain.mean == pytest.approx(15.0)
    assert gain.low == pytest.approx(10.0)
    assert gain.high == pytest.approx(20.0)


def test_gaps_are_ratios_of_sums(grid: Grid, row_of: RowOf) -> None:
    results = Results(grid, [row_of(job, score(grid, job)) for job in grid.jobs])
    closed, none = results.closed()
    assert closed.percent is not None
    assert closed.percent.mean == pytest.approx(75.0)  # 15 of 20
    assert closed.scenarios == ("occluded-crossing-v1",)
    assert none.percent is None  # that gap is below zero
    assert none.scenarios == ()


def test_the_same_rows_give_the_same_bytes_in_any_order(grid: Grid, row_of: RowOf) -> None:
    rows = [row_of(job, score(grid, job)) for job in grid.jobs]

    def written(found: list[Row]) -> list[str]:
        results = Results(grid, found)
        cells, closed = results.cells(), results.closed()
        shown, flat = sections(results, cells, closed), records(results, cells)
        texts = [markdown(shown), table_csv(flat), page("t", shown), json.dumps(summary(results, flat, closed))]
        return texts

    texts = written(rows)
    assert texts == written(rows[::-1])
    assert "| latent | silent, slow | 83.0 | +15.00 [+15.00, +15.00] |" in texts[0]
    flat = list(csv.DictReader(io.StringIO(texts[1])))
    assert [line["setting"] for line in flat] == [s.name for s in SETTINGS]
    assert float(flat[2]["timely_ds_low"]) == pytest.approx(15.0)
    assert flat[2]["joules*"] == ""
    assert texts[2].count("<tr>") == 3 + 4 + 3 + 2  # heads, lines, twins of those with a baseline, gaps
    assert "http" not in texts[2]
    assert json.loads(texts[3])["gaps"][0]["percent"][0] == pytest.approx(75.0)


def test_a_grid_without_rows_shows_that_there_is_nothing(grid: Grid) -> None:
    results = Results(grid, [])
    cells = results.cells()
    assert cells
    assert all(c.unfinished == c.runs == 8 and c.values["timely_ds"] is None for c in cells)
    assert "| latent | - | - |" in markdown(sections(results, cells, results.closed()))
