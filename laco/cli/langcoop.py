"""`laco langcoop`: LACO in LangCoop's own evaluator, and in those of its neighbours."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from laco.langcoop.doctor.check import Check

app = typer.Typer(no_args_is_help=True, help="Run LACO inside LangCoop, V2Xverse or CoLMDriver (docs/langcoop.md).")


class EvaluatorName(StrEnum):
    """Whose checkout it is."""

    LANGCOOP = "langcoop"
    V2XVERSE = "v2xverse"
    COLMDRIVER = "colmdriver"


class Objects(StrEnum):
    """What drivers that read no pictures are told of others: nothing, or CARLA's actors."""

    NONE = "none"
    TRUTH = "truth"


Checkout_ = Annotated[Path, typer.Option("--langcoop", metavar="DIR", help="The checkout.", show_default=False)]
Carla = Annotated[Path, typer.Option("--carla-root", metavar="DIR", help="CARLA 0.9.10.1.", show_default=False)]
Python = Annotated[
    str | None,
    typer.Option(metavar="PATH", envvar="LACO_LANGCOOP_PYTHON", help="Its interpreter.", show_default="this one"),
]
Which = Annotated[
    EvaluatorName | None, typer.Option(help="Whose checkout it is.", show_default="what the checkout looks like")
]
Extra = Annotated[
    list[Path] | None,
    typer.Option("--pythonpath", metavar="DIR", help="Searched first for modules; may be given again."),
]
Egos = Annotated[int | None, typer.Option(min=1, max=16, help="Vehicles.", show_default="2, or a folder's files")]
Driver = Annotated[str, typer.Option(metavar="llm|vlm", help="Who drives.")]
Model = Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Its model.", show_default="the driver's own")]
Vehicle = Annotated[
    list[str] | None,
    typer.Option(metavar="egoN=DRIVER[:MODEL]", help="Another driver for one vehicle; may be given again."),
]
Agents = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT,...", help="Servers that run already: one for all, or one per ego."),
]
Isolate = Annotated[bool, typer.Option("--isolate", help="A server per vehicle, not per kind of driver.")]
Base = Annotated[
    str | None,
    typer.Option(metavar="YAML", help="An agent YAML whose prompts are used.", show_default="LACO's prompts"),
]
Radio = Annotated[str, typer.Option(metavar="NAME", help="What the air does (docs/radio.md).")]
Charge = Annotated[
    str | None,
    typer.Option(metavar="frozen|measured|MS", help="What thinking costs in simulated time.", show_default="frozen"),
]
Deadline = Annotated[float, typer.Option(min=0.1, help="Wall clock for a plan, then hold, then brake \\[s].")]
Wait = Annotated[float, typer.Option(min=0.1, help="Wall clock that servers wait for each other \\[s].")]
Limit = Annotated[float, typer.Option(min=0.5, help="The fastest a vehicle may go \\[m/s].")]
Seed = Annotated[int, typer.Option(min=0, help="Of the radio's losses.")]
Told = Annotated[Objects, typer.Option(help="What drivers without pictures know of others.")]
Host = Annotated[str, typer.Option(help="Of the CARLA server.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Of the CARLA server.")]
TrafficPort = Annotated[
    int | None, typer.Option("--tm-port", min=1, max=65535, help="Of the traffic manager.", show_default="port + 5")
]
CarlaSeed = Annotated[int, typer.Option(help="Of CARLA's actors and of the traffic manager.")]
RouteNames = Annotated[
    list[str] | None,
    typer.Option("--routes", metavar="FILE|ID", help="A route file, or ids (3, 0-31, _partial); may be given again."),
]
RouteFolders = Annotated[
    list[str] | None,
    typer.Option("--routes-dir", metavar="DIR|NAME", help="A folder with a file per vehicle (CoLMDriver)."),
]
Parameter = Annotated[str, typer.Option(metavar="K|FILE", help="The scenario parameters.")]
Scenarios = Annotated[
    str | None, typer.Option(metavar="FILE", help="The scenario file.", show_default="the evaluator's")
]
Repetitions = Annotated[int, typer.Option(min=1, help="Of each route.")]
Timeout = Annotated[float, typer.Option(min=1.0, help="Wall clock that the evaluator gives CARLA and the agent \\[s].")]
GameTimeout = Annotated[float, typer.Option(min=1.0, help="Simulated time of a route, where LangCoop limits it \\[s].")]
ServerOptions = Annotated[
    str, typer.Option(metavar="TEXT", help="More options for `laco agent`, as a shell takes them.")
]


@app.command()
def run(
    langcoop: Checkout_,
    carla_root: Carla,
    routes: RouteNames = None,
    routes_dir: RouteFolders = None,
    scenario_parameter: Parameter = "1",
    channel: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="What the vehicles share.", show_default="latent")
    ] = None,
    driver: Driver = "vlm",
    model: Model = None,
    vehicle: Vehicle = None,
    egos: Egos = None,
    python: Python = None,
    evaluator: Which = None,
    agents: Agents = None,
    isolate: Isolate = False,
    radio: Radio = "ideal",
    charge: Charge = None,
    deadline: Deadline = 10.0,
    wait: Wait = 5.0,
    limit: Limit = 8.0,
    seed: Seed = 0,
    objects: Told = Objects.NONE,
    base: Base = None,
    host: Host = "localhost",
    port: Port = 2000,
    tm_port: TrafficPort = None,
    carla_seed: CarlaSeed = 2000,
    scenarios: Scenarios = None,
    repetitions: Repetitions = 1,
    timeout: Timeout = 600.0,
    game_timeout: GameTimeout = 300.0,
    stall: Annotated[
        float | None,
        typer.Option(min=1.0, help="End an evaluator that is silent for \\[s].", show_default="timeout + 120"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder.", show_default="runs/langcoop-TIME")] = None,
    pythonpath: Extra = None,
    server_options: ServerOptions = "",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Start even if nothing listens where CARLA should.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be started, and start nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Drive routes with the evaluator's own interpreter, one channel after the other, and put the results in one table.

    Needs a running CARLA server. Writes OUT/results.md, .csv and .json, and OUT/CHANNEL/ROUTES/ for each start.
    Status 1 if a start did not finish, 130 after Ctrl-C; what was driven by then is written.
    """
    from laco.cli.driving_langcoop import Asked, commands, drive, prepared

    asked = Asked(
        langcoop, carla_root, tuple(routes or ()), tuple(routes_dir or ()), scenario_parameter, _names(channel), driver,
        model, tuple(vehicle or ()), egos, python, evaluator.value if evaluator else None, _split(agents), isolate,
        (radio, charge, deadline, wait, limit, seed, None if objects is Objects.NONE else objects.value), base,
        (host, port, tm_port, carla_seed), scenarios, (repetitions, timeout, game_timeout, stall), out,
        tuple(pythonpath or ()), server_options, unchecked or dry_run,
    )  # fmt: skip
    campaign = prepared(asked)
    if dry_run:
        typer.echo(commands(campaign, as_json))
        return
    raise typer.Exit(drive(campaign, as_json))


@app.command()
def init(
    langcoop: Checkout_,
    out: Annotated[Path, typer.Option(help="Folder for the YAMLs.")] = Path("laco-langcoop"),
    carla_root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For the commands.", show_default="the checkout's external_paths/carla_root"),
    ] = None,
    channel: Annotated[str, typer.Option(help="What the vehicles share.")] = "latent",
    routes: RouteNames = None,
    scenario_parameter: Parameter = "1",
    driver: Driver = "vlm",
    model: Model = None,
    vehicle: Vehicle = None,
    egos: Egos = None,
    python: Python = None,
    evaluator: Which = None,
    agents: Agents = None,
    isolate: Isolate = False,
    radio: Radio = "ideal",
    charge: Charge = None,
    deadline: Deadline = 10.0,
    wait: Wait = 5.0,
    limit: Limit = 8.0,
    seed: Seed = 0,
    objects: Told = Objects.NONE,
    base: Base = None,
    port: Port = 2000,
    pythonpath: Extra = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Write the agent YAML and the planner YAMLs, and print the commands that start servers and evaluator by hand."""
    from laco.cli.driving_langcoop import Asked, initialise

    asked = Asked(
        langcoop, carla_root or langcoop.expanduser() / "external_paths/carla_root", tuple(routes or ()), (),
        scenario_parameter, (channel,), driver, model,
        tuple(vehicle or ()), egos or 2, python, evaluator.value if evaluator else None, _split(agents), isolate,
        (radio, charge, deadline, wait, limit, seed, None if objects is Objects.NONE else objects.value), base,
        ("localhost", port, None, 2000), None, (1, 600.0, 300.0, None), out, tuple(pythonpath or ()), "", True,
    )  # fmt: skip
    found = initialise(asked)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for line in found["lines"]:
        typer.echo(line)


@app.command()
def doctor(
    langcoop: Checkout_,
    carla_root: Carla,
    python: Python = None,
    evaluator: Which = None,
    config: Annotated[
        list[Path] | None, typer.Option(metavar="YAML", help="An agent YAML to look at; may be given again.")
    ] = None,
    driver: Driver = "vlm",
    model: Model = None,
    egos: Egos = None,
    agents: Agents = None,
    host: Host = "localhost",
    port: Port = 2000,
    tm_port: TrafficPort = None,
    pythonpath: Extra = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Look at everything that `run` needs, and say in one line each what is missing and what to do. Status 1 if so."""
    from laco.langcoop.checkout import Checkout
    from laco.langcoop.doctor.examine import examine
    from laco.langcoop.evaluation import World
    from laco.langcoop.fleet import elsewhere, minds, seats

    count = egos or 2
    asked = elsewhere(_split(agents), count) if agents else seats(minds(count, driver, model, ()))
    found = examine(
        Checkout.at(langcoop, evaluator.value if evaluator else None),
        carla_root,
        python,
        tuple(path.expanduser().resolve() for path in pythonpath or ()),
        tuple(path.expanduser().resolve() for path in config or ()),
        World(host, port, tm_port or port + 5),
        asked if agents or model else (),
    )
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(check) for check in found]))
    else:
        _told(found)
    if any(check.level == "missing" for check in found):
        raise typer.Exit(1)


def _told(found: "Sequence[Check]") -> None:
    marks = {"ok": "ok     ", "warning": "warning", "missing": "MISSING"}
    for check in found:
        remedy = f" -> {check.remedy}" if check.remedy else ""
        typer.echo(f"{marks[check.level]} {check.name}: {check.found}{remedy}")
    lacking = sum(check.level == "missing" for check in found)
    doubtful = sum(check.level == "warning" for check in found)
    sys.stdout.write(f"{lacking} missing, {doubtful} warnings, {len(found)} looked at\n")


def _names(given: list[str] | None) -> tuple[str, ...]:
    """Of channels, each once, in their order."""
    return tuple(dict.fromkeys(name for text in given or ["latent"] for name in _split(text)))


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
