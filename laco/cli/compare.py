"""`laco compare`: many runs, and the table with intervals that they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laco.cli.options import DRIVES, SHARE, DriverName

if TYPE_CHECKING:
    from laco.scenarios.suite.cells import Results
    from laco.scenarios.suite.grid import Grid
    from laco.scenarios.suite.spec import Suite
    from laco.scenarios.suite.store import Store


class Backend(StrEnum):
    """joblib's: processes on this machine, or a cluster's."""

    LOKY = "loky"
    DASK = "dask"
    RAY = "ray"


class Twins(StrEnum):
    """Which of a seed's layouts: with the hazard, without it (its twin), or both."""

    BOTH = "both"
    HAZARD = "hazard"
    TWIN = "twin"


@dataclass(frozen=True)
class Crew:
    """Who drives: so many runs at a time, where, and on which servers; () for embedded ones."""

    jobs: int
    backend: Backend
    cluster: str
    servers: tuple[str, ...]


def compare(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help="Those that `laco scenarios` lists, or all.", show_default=False),
    ] = None,
    suite: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="The suite in full (docs/suite.md), instead of what defines it here."),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL", help=f"{SHARE}; may be given again.", show_default="all that a driver can carry"
        ),
    ] = None,
    caution: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SHARE",
            help="Caution of the channel silent, as for laco run; may be given again, a line each.",
            show_default="the driver's",
        ),
    ] = None,
    driver: Annotated[
        list[DriverName] | None,
        typer.Option(metavar="DRIVER", help=f"{DRIVES} May be given again.", show_default="vector"),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of the vector driver instead of the shipped ones.")
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Seeds, like 0-9 or 3,5. Those below 1000 are for reported results: nothing is tuned on them.",
        ),
    ] = "0-9",
    twins: Annotated[
        Twins, typer.Option(help="Which layouts of each seed: with its hazard, without (the twin).")
    ] = Twins.BOTH,
    radio: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="What the air does; may be given again.", show_default="ideal"),
    ] = None,
    time: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODE",
            help="What thinking costs: frozen, charged or charged:MS; may be given again.",
            show_default="frozen",
        ),
    ] = None,
    baseline: Annotated[
        str, typer.Option(metavar="NAME", help="The setting that the others are held against.")
    ] = "best silent",
    limit: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Seconds of wall-clock time after which a run is ended.",
            show_default="300, 7200 with a model",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time.", show_default="cores")] = None,
    backend: Annotated[Backend, typer.Option(help="Where runs are driven, by joblib.")] = Backend.LOKY,
    cluster: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Scheduler of a cluster.", show_default="one on this machine")
    ] = "",
    carla: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT", help="A running server instead of embedded ones; give one per job.", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the rows and tables; a run that is there is kept.")] = Path(
        "runs/compare"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the rows that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be driven, and how long.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print table.json instead of the table.")] = False,
) -> None:
    """Drive every setting on every scenario, seed and twin, and print the table with paired 95 % intervals.

    Writes rows.jsonl, suite.yaml and table.md, .csv, .html and .json to OUT.
    Whatever ends it, the next call goes on from the rows that are there.
    Exit status 1 if a run did not finish.
    """
    from laco.scenarios.suite.grid import expand
    from laco.scenarios.suite.spec import read

    if suite is not None:
        chosen = read(suite)
    else:
        chosen = _suite(scenarios or [], channel, caution, driver, weights, seeds, twins, radio, time, baseline, limit)
    crew = _crew(jobs, backend, cluster, carla or [])
    grid = expand(chosen, "carla" if crew.servers else "")
    if dry_run:
        _dry_run(grid, out, fresh, crew.jobs)
        return
    results, unfinished = _drive(grid, out, fresh, crew, as_json)
    _write(results, out, as_json)
    if unfinished:
        typer.echo(f"{unfinished} runs did not finish ({out / 'rows.jsonl'} says why); call again to retry", err=True)
        raise typer.Exit(1)


def _crew(jobs: int | None, backend: Backend, cluster: str, servers: list[str]) -> Crew:
    """Raises: ConfigError for what is no server, or for servers that those who drive could not all have."""
    import os

    from laco.errors import ConfigError
    from laco.scenarios.suite.leases import check

    for server in servers:
        check(server)
    if servers and backend != Backend.LOKY:
        raise ConfigError("--carla is for runs on this machine: --backend loky")
    if servers and (jobs or 1) > len(servers):
        raise ConfigError(f"{jobs} jobs need as many servers; --carla names {len(servers)}")
    return Crew(jobs or len(servers) or os.cpu_count() or 1, backend, cluster, tuple(servers))


def _suite(
    scenarios: list[str],
    channels: list[str] | None,
    cautions: list[float] | None,
    drivers: list[DriverName] | None,
    weights: Path | None,
    seeds: str,
    twins: Twins,
    radios: list[str] | None,
    times: list[str] | None,
    baseline: str,
    limit: float | None,
) -> "Suite":
    """The suite that the options define. Raises: ConfigError."""
    import msgspec

    from laco.agents.channels import CHANNEL_NAMES, carried
    from laco.errors import ConfigError
    from laco.scenarios.suite.spec import Suite, absolute

    if not scenarios:
        raise ConfigError("name a scenario, or all, or a suite's file with --suite")
    names = [name.value for name in drivers or [DriverName.VECTOR]]
    able = [channel for channel in CHANNEL_NAMES if any(channel in carried(name) for name in names)]
    file = "" if weights is None else str(weights)
    settings: list[dict[str, Any]] = []
    for channel in channels or able:
        if channel == "silent" and cautions:
            settings += [
                {"name": f"silent, caution {c:g}", "channel": channel, "caution": c, "weights": file} for c in cautions
            ]
        else:
            settings.append({"name": channel, "channel": channel, "weights": file})
    plain = {"scenarios": scenarios, "seeds": seeds, "twins": twins.value, "drivers": names, "radios": radios,
             "times": times, "baseline": baseline, "limit": limit}  # fmt: skip
    try:
        found = {**{name: value for name, value in plain.items() if value is not None}, "settings": settings}
        return absolute(msgspec.convert(found, Suite), Path.cwd())
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from error


def _dry_run(grid: "Grid", out: Path, fresh: bool, jobs: int) -> None:
    """What would be driven, without touching anything."""
    from laco.scenarios.suite.pace import Pace
    from laco.scenarios.suite.store import rows_in

    rows = {row.key: row for row in rows_in(out)}
    done = set() if fresh else {key for key, row in rows.items() if row.finished}
    left = list({job.key: job for job in grid.jobs if job.key not in done}.values())
    typer.echo(f"{len(grid.scenarios)} scenarios: {', '.join(grid.scenarios)}")
    typer.echo(f"{len(grid.seeds)} seeds: {grid.suite.seeds}, {grid.suite.twins}")
    typer.echo(f"{len(grid.lines)} lines: {'; '.join(grid.title(line) for line in grid.lines)}")
    for text in grid.skipped:
        typer.echo(f"left out: {text}")
    pace = Pace(rows.values())
    cost = _cost(pace.left(left, jobs), pace.guess(left, jobs))
    typer.echo(_plan(len(left), len({job.key for job in grid.jobs}), cost, jobs))
    for driver, channel in dict.fromkeys(job.kind for job in left):
        each = pace.seconds((driver, channel))
        typer.echo(f"  {driver}, {channel}: {'never driven here' if each is None else f'{each:.1f} s each'}")


def _plan(left: int, total: int, cost: str, jobs: int) -> str:
    """How much there is to do."""
    return f"{left} of {total} runs to drive, {jobs} at a time: {cost}"


def _cost(seconds: float | None, guess: float | None) -> str:
    """How long, in words. guess: by another machine's pace."""
    if seconds is not None:
        return f"about {_duration(seconds)}"
    if guess is not None:
        return f"about {_duration(guess)} by another machine's pace"
    return "nobody knows how long that takes"


def _duration(seconds: float) -> str:
    minutes = seconds / 60.0
    if minutes < 1.5:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60.0:.1f} h"


def _drive(grid: "Grid", out: Path, fresh: bool, crew: Crew, quiet: bool) -> "tuple[Results, int]":
    """Drive what is missing. Returns the results, and how many runs of the grid did not finish."""
    from laco.report.files import prepare, write_bytes
    from laco.scenarios.suite.cells import Results
    from laco.scenarios.suite.engine import missing
    from laco.scenarios.suite.spec import dump
    from laco.scenarios.suite.store import Store

    with Store(prepare(out), fresh) as store:
        write_bytes(out / "suite.yaml", dump(grid.suite))
        if missing(grid, store):
            _machines(grid, store, crew, quiet)
        return Results(grid, store.rows.values()), len(missing(grid, store))


def _machines(grid: "Grid", store: "Store", crew: Crew, quiet: bool) -> None:
    from laco.cli.bar import Bar
    from laco.scenarios.suite.engine import Engine, missing
    from laco.scenarios.suite.machines import Machines

    left = missing(grid, store)
    with Machines(min(crew.jobs, len(left)), crew.backend.value, crew.cluster) as machines, Bar(quiet) as bar:
        engine, total = Engine(grid, store, machines, bar.told, crew.servers), len({job.key for job in grid.jobs})
        bar.say(_plan(len(left), total, _cost(engine.left(left), engine.guess(left)), machines.jobs))
        engine.drive_free(left)
        if first := engine.pilots(left):
            engine.drive(first, "first of a kind")
            left = missing(grid, store)
            if left:
                bar.say(_plan(len(left), total, _cost(engine.left(left), None), machines.jobs))
        engine.drive(left)


def _write(results: "Results", out: Path, as_json: bool) -> None:
    """The table, in every form, and the middle of it on stdout."""
    import json

    from laco.report.files import write_bytes, write_json
    from laco.report.suite import brief
    from laco.report.table import console
    from laco.scenarios.suite.page import page
    from laco.scenarios.suite.tables import markdown, records, sections, summary, table_csv

    cells, closed = results.cells(), results.closed()
    shown, found = sections(results, cells, closed), records(results, cells)
    whole: Mapping[str, Any] = summary(results, found, closed)
    write_bytes(out / "table.md", markdown(shown).encode())
    write_bytes(out / "table.csv", table_csv(found).encode())
    write_bytes(out / "table.html", page("laco compare", shown).encode())
    write_json(out / "table.json", whole)
    if as_json:
        typer.echo(json.dumps(whole, ensure_ascii=False))
        return
    console().print(brief(shown[0]))
    typer.echo(f"all of it is in {out}/: table.md, table.csv, table.html, table.json")
