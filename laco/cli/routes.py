"""`laco routes`: routes of LangCoop, V2Xverse, the CARLA leaderboard and InterDrive."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laco.cli.run import ChannelName, CodecName, DriverName

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(no_args_is_help=True, help="Drive and score routes of LangCoop, V2Xverse, CARLA and InterDrive.")

Routes = Annotated[Path, typer.Argument(help="A route file (XML), or a folder of them.", show_default=False)]
Ids = Annotated[list[str] | None, typer.Option("--route", metavar="ID", help="This route alone; may be given again.")]
Map = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="The map to drive on.", show_default="the routes' own town")
]
Egos = Annotated[
    int | None,
    typer.Option(
        min=1, max=26, help="Connected vehicles.", show_default="a file each, or 2 around a single route"
    ),
]
Carla = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="A running CARLA server; without --map, on the map that it is on."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Scoring(StrEnum):
    """Which benchmark's table is printed; files have both."""

    LANGCOOP = "langcoop"
    INTERDRIVE = "interdrive"


class Lights(StrEnum):
    """What traffic lights do: all green and frozen, as LangCoop and InterDrive drive; or what the map has them do."""

    GREEN = "green"
    MAP = "map"


DRIVERS = {name: name for name in (*DriverName, "expert")}
RouteDriver = StrEnum("RouteDriver", DRIVERS)  # type: ignore[misc]


@app.command("list")
def list_routes(routes: Routes, as_json: Json = False) -> None:
    """List the routes of a file or folder."""
    from laco.report.routes import listed
    from laco.scenarios.routes.reading import read

    _print(listed(read(routes)), as_json, "Routes")


@app.command()
def check(
    routes: Routes,
    route: Ids = None,
    map: Map = None,
    egos: Egos = None,
    carla: Carla = None,
    as_json: Json = False,
) -> None:
    """Plan the routes without driving them; status 2 if one cannot be driven on its map."""
    from laco.errors import ScenarioError
    from laco.report.routes import planned
    from laco.scenarios.routes.courses import Grounds, course
    from laco.scenarios.routes.reading import choose, read

    tasks = choose(read(routes), route or ())
    found, errors = [], []
    with _server(carla) as server:
        grounds = Grounds(map, server)
        for task in tasks:
            try:
                found.append(course(task, grounds, egos))
            except ScenarioError as error:
                errors.append(str(error))
    if found:
        _print(planned(found), as_json, "Routes that can be driven")
    for line in errors:
        typer.echo(f"laco: {line}", err=True)
    if errors:
        raise typer.Exit(2)


@app.command()
def run(
    routes: Routes,
    route: Ids = None,
    map: Map = None,
    egos: Egos = None,
    scoring: Annotated[
        Scoring | None, typer.Option(help="Whose table is printed.", show_default="interdrive for a file per vehicle")
    ] = None,
    lights: Annotated[Lights, typer.Option(help="What traffic lights do.")] = Lights.GREEN,
    traffic: Annotated[int, typer.Option(min=0, help="Cars that SUMO drives, on the embedded server.")] = 0,
    walkers: Annotated[int, typer.Option(min=0, help="People that SUMO leads, on the embedded server.")] = 0,
    channel: Annotated[ChannelName, typer.Option(help="What the vehicles share.")] = ChannelName.LATENT,
    driver: Annotated[RouteDriver, typer.Option(help="Who drives.")] = RouteDriver.vector,  # type: ignore[attr-defined]
    seed: Annotated[int, typer.Option(min=0, help="Of the radio's losses and of traffic.")] = 0,
    carla: Carla = None,
    out: Annotated[Path | None, typer.Option(help="Output folder.", show_default="runs/ROUTES")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep results that are there of the same options.")] = False,
    caution: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="How fast a hidden vehicle is assumed to be.", show_default="the driver's"),
    ] = None,
    codec: Annotated[
        CodecName | None, typer.Option(help="How a cache becomes bytes.", show_default="the driver's")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(metavar="BYTES", help="Most air bytes of a message, for --codec auto.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option(metavar="MS", help="Within which it is to be heard, for --codec auto \\[ms].")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="A laco.yaml to use instead of the driver's own.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of the vector driver.", show_default="shipped")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Model of the llm or vlm driver.", show_default="smollm2")
    ] = None,
    adapter: Annotated[
        list[Path] | None, typer.Option(metavar="FILE|FOLDER", help="Adapters for other models' caches.")
    ] = None,
    agents: Annotated[
        list[str] | None, typer.Option(metavar="[KEY@]HOST:PORT", help="A host that `laco agent` serves.")
    ] = None,
    curve: Annotated[
        bool | None, typer.Option("--curve/--insecure", help="As for laco run.", show_default="as for laco run")
    ] = None,
    radio: Annotated[str, typer.Option(metavar="NAME|FILE", help="What the air does (docs/radio.md).")] = "ideal",
    loss: Annotated[str, typer.Option(metavar="MODEL", help="Lost fragments.", show_default="the radio's")] = "",
    reach: Annotated[
        float | None, typer.Option("--range", metavar="M", help="Of the radio \\[m].", show_default="the radio's")
    ] = None,
    time: Annotated[
        str, typer.Option(metavar="MODE", help="What thinking costs: frozen, charged or charged:MS.")
    ] = "frozen",
    view: Annotated[bool, typer.Option("--view", help="Watch it live in a browser (\\[view] extra).")] = False,
    as_json: Json = False,
) -> None:
    """Drive the routes, one after the other, and score them by their benchmark's rules.

    Writes OUT/CHANNEL/ROUTE/result.json, the same in LangCoop's form as ego_vehicle_N/results.json, and
    OUT/summary.json. Status 1 if an agent was lost on the way.
    """
    import json

    from laco.cli.driving_routes import Wanted, Where, drive_all
    from laco.cli.driving_routes import options as _kinds
    from laco.report.routes import scored
    from laco.scenarios.routes.reading import choose, read
    from laco.scenarios.server.options import WorldOptions

    tasks = choose(read(routes), route or ())
    kinds = _kinds(
        Wanted(
            channel.value, driver.value, seed, caution, codec.value if codec else None, budget, deadline, calibration,
            weights, model, tuple(adapter or ()), bool(agents), (radio, loss, reach), time,
        )
    )  # fmt: skip
    world = WorldOptions(seed=seed, traffic=traffic, walkers=walkers)
    folder = out or Path("runs") / routes.resolve().stem
    where = Where(map, egos, carla, world, tuple(agents or ()), curve, view)
    found = drive_all(tasks, kinds, where, folder, green=lights is Lights.GREEN, resume=resume, quiet=as_json)
    shown = scoring or (Scoring.INTERDRIVE if all(len(task.ways) > 1 for task in tasks) else Scoring.LANGCOOP)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        for title, rows in scored(found, shown.value):
            _print(rows, False, title)
        typer.echo(f"written to {folder}/: CHANNEL/ROUTE/result.json, summary.json")
    driven = [result for of_channel in found["channels"].values() for result in of_channel["routes"]]
    if any(result["outcome"] != "finished" for result in driven):
        raise typer.Exit(1)


def _server(carla: str | None) -> Any:
    from contextlib import nullcontext

    from laco.scenarios.session import address
    from laco.scenarios.stage import Simulator

    return Simulator(*address(carla)) if carla else nullcontext(None)


def _print(rows: "Sequence[dict[str, Any]]", as_json: bool, title: str) -> None:
    import json

    from rich.console import Console

    from laco.report.routes import table

    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    console = Console()
    console.width = max(console.width, 80)
    console.print(table(title, rows))
