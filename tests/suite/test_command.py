"""`laco compare` where nothing is driven: plans, refusals, and tables of rows that are there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from laco.cli.main import app
from laco.errors import LacoError
from laco.scenarios.suite.grid import expand
from laco.scenarios.suite.machines import Machines
from laco.scenarios.suite.pace import Pace
from laco.scenarios.suite.spec import read
from laco.scenarios.suite.store import Row, Store

RowOf = Callable[..., Row]


def compare(*options: object) -> str:
    result = CliRunner().invoke(app, ["compare", *map(str, options)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_dry_run_says_what_and_how_long_and_touches_nothing(small: Path, row_of: RowOf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = compare("--suite", small, "--out", out, "--jobs", 2, "--dry-run")
    assert "10 of 10 runs to drive, 2 at a time: about 9 s by another machine's pace" in said
    assert "vector, latent: never driven here" in said
    assert not out.exists()
    out.mkdir()
    with Store(out) as store:
        for job in expand(read(small)).jobs[:2]:
            store.add(row_of(job, 50.0))
    said = compare("--suite", small, "--out", out, "--jobs", 2, "--dry-run")
    assert "8 of 10 runs to drive, 2 at a time: about 8 s" in said
    assert "vector, latent: 2.0 s each" in said
    assert "10 of 10 runs" in compare("--suite", small, "--out", out, "--dry-run", "--fresh")


def test_what_is_there_is_shown_without_driving(small: Path, row_of: RowOf, tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for job in expand(read(small)).jobs:
            store.add(row_of(job, 50.0 + job.line))
    said = json.loads(compare("--suite", small, "--out", tmp_path, "--json"))
    assert [cell["timely_ds"] for cell in said["cells"]] == [50.0, 51.0]
    assert json.loads((tmp_path / "table.json").read_text()) == said
    assert "| latent | silent | 51.0 | +1.00 [+1.00, +1.00] |" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "table.csv").read_text().count("\n") == 3
    assert "<!doctype html>" in (tmp_path / "table.html").read_text()


def test_options_make_the_suite(tmp_path: Path) -> None:
    cautions = ("--channel", "silent", "--channel", "latent", "--caution", 0, "--caution", 1)
    radios = ("--radio", "ideal", "--radio", "dsrc_6m")
    said = compare("occluded-crossing", "--seeds", "1001,1003", *cautions, *radios, "--out", tmp_path, "--dry-run")
    assert "silent, caution 0, ideal; silent, caution 0, dsrc_6m; silent, caution 1, ideal" in said
    assert "24 of 24 runs" in said


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["nowhere"],
        ["occluded-crossing", "--channel", "smoke"],
        ["occluded-crossing", "--seeds", "x"],
        ["occluded-crossing", "--caution", "7"],
        ["--suite", "nowhere.yaml"],
    ],
)
def test_refusals_are_errors_of_ours(options: list[str], tmp_path: Path) -> None:
    with pytest.raises(LacoError) as caught:
        compare(*options, "--dry-run", "--out", tmp_path)
    assert "\n" not in str(caught.value)


def test_backends_that_cannot_be_used() -> None:
    with pytest.raises(LacoError, match="smoke"):
        Machines(1, "smoke")
    with pytest.raises(LacoError, match="loky has no cluster"):
        Machines(1, "loky", "tcp://localhost:1")


def test_the_pace_is_that_of_runs_on_warm_hosts(small: Path, row_of: RowOf) -> None:
    import msgspec

    jobs = expand(read(small)).jobs
    pace = Pace()
    assert pace.left(jobs, 2) is None
    assert [job.kind for job in pace.unknown(jobs)] == [("vector", "silent"), ("vector", "latent")]
    for job in jobs[:2]:
        pace.note(msgspec.structs.replace(row_of(job, 1.0), measured={"wall_s": 20.0, "cold": True}))
    assert pace.left(jobs, 2) == 100.0
    for job in jobs[2:4]:
        pace.note(row_of(job, 1.0))
    pace.note(row_of(jobs[4], 1.0, outcome="timeout"))
    assert pace.left(jobs, 2) == 10.0
    assert pace.unknown(jobs) == []
