"""`laco run`: one seed of a scenario, channel beside channel."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laco.agents.channels import TRANSFERS
from laco.comm.codecs import available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from laco.comm.security import Keyring
    from laco.scenarios.session import Options, Result, Session


# How a cache becomes bytes.
CodecName = StrEnum("CodecName", {name: name for name in (*available(), *TRANSFERS)})  # type: ignore[misc]


class ChannelName(StrEnum):
    """What the vehicles share; `all` runs every channel that the driver can carry on the same seed, side by side."""

    ALL = "all"
    SILENT = "silent"
    OBSERVATION = "observation"
    LANGUAGE = "language"
    CONCLUSION = "conclusion"
    VISUAL = "visual"
    LATENT = "latent"


class DriverName(StrEnum):
    """Who drives: the built-in small network, a language model, a vision-language model, or rules as bounds: the expert
    (on `observation` it sees what all vehicles see) and a driver like CARLA's own."""

    VECTOR = "vector"
    LLM = "llm"
    VLM = "vlm"
    EXPERT = "expert"
    AUTO = "auto"


def run(
    scenario: Annotated[str, typer.Argument(help="Scenario id; without -vN the newest version.")],
    channel: Annotated[ChannelName, typer.Option(help="What the vehicles share.")] = ChannelName.ALL,
    driver: Annotated[DriverName, typer.Option(help="Who drives.")] = DriverName.VECTOR,
    seed: Annotated[int, typer.Option(min=0, help="Decides speeds, gaps and positions.")] = 0,
    twin: Annotated[bool, typer.Option("--twin", help="The seed's hazard-free twin.")] = False,
    carla: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A running CARLA server instead of the embedded one."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder.", show_default="runs/SCENARIO-SEED")] = None,
    caution: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="How fast a hidden vehicle is assumed to be.", show_default="the driver's"),
    ] = None,
    codec: Annotated[
        CodecName | None,
        typer.Option(help="How a cache, or the recipe for it, becomes bytes.", show_default="the driver's"),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Most air bytes of a message, for --codec auto.", show_default="any"),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            help="Within which a message is to be heard at the radio's rate, for --codec auto \\[ms].",
            show_default="100, or any with --budget",
        ),
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="A laco.yaml to use instead of the driver's own.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Weights (vector: a file, or vector-base) or LoRA (llm) instead of the shipped ones; none: the llm "
            "driver's model as it is.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Model of the llm or vlm driver.", show_default="llm: smollm2"),
    ] = None,
    adapter: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE|FOLDER", help="Adapters by which other models' caches are read; may be given again."
        ),
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[KEY@]HOST:PORT",
            help="A host that `laco agent` serves, and the name of its key if it is not obvious; may be given again.",
        ),
    ] = None,
    curve: Annotated[
        bool | None,
        typer.Option(
            "--curve/--insecure",
            help="Encrypt what vehicles say and let trusted keys speak only (laco keys), or neither.",
            show_default="--curve if one of the agents is beyond loopback",
        ),
    ] = None,
    radio: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What the air does: a preset or a YAML file (docs/radio.md).")
    ] = "ideal",
    loss: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Lost fragments: bernoulli:P, gilbert:P,R\\[,1-H\\[,1-K]] as netem's gemodel, or distance.",
            show_default="the radio's",
        ),
    ] = "",
    reach: Annotated[
        float | None,
        typer.Option("--range", metavar="M", help="Beyond it nothing is heard \\[m].", show_default="the radio's"),
    ] = None,
    air_trace: Annotated[
        str,
        typer.Option(
            "--radio-trace",
            metavar="FILE",
            help="CSV of t, rate, loss, delay that rules the air.",
            show_default="none",
        ),
    ] = "",
    time: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            help="What thinking costs in the world: frozen (nothing), charged (what it takes) or charged:MS.",
        ),
    ] = "frozen",
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="What every vehicle did when, for ui.perfetto.dev or chrome://tracing."),
    ] = None,
    gif: Annotated[bool, typer.Option("--gif/--no-gif", help="Draw the run from above.")] = True,
    view: Annotated[
        bool, typer.Option("--view", help="Watch it live in a browser, at real time (\\[view] extra).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print result.json instead of the table.")] = False,
) -> None:
    """Drive one seed of a scenario and print what each channel did to safety, latency and bytes.

    Writes result.json, messages.jsonl and run.gif.
    """
    from laco.agents.channels import carried
    from laco.agents.channels import require as require_channel
    from laco.agents.channels.rate import budget_of
    from laco.agents.drivers.check import adapters_of, weights_of
    from laco.agents.drivers.profile import of as profile_of
    from laco.comm.codecs.extra import prepare as prepare_codec
    from laco.comm.radio import RadioSpec
    from laco.report.files import prepare
    from laco.scenarios.catalog import find
    from laco.scenarios.clock import Clock
    from laco.scenarios.session import Options
    from laco.view.extra import require

    scenario = find(scenario).id
    air = RadioSpec.from_text(radio, loss, reach, air_trace)
    Clock.from_text(time)
    if channel is not ChannelName.ALL:
        require_channel(channel.value, driver.value)
    chosen = weights_of(driver.value, weights, model, here=not agents)
    profile = profile_of(driver.value, chosen, calibration)
    used = codec.value if codec else profile.codec
    prepare_codec(used)
    limits = budget_of(used, budget, deadline, air.goodput)
    names = carried(driver.value) if channel is ChannelName.ALL else (channel.value,)
    served, keys = _secured(agents or (), curve)
    folder = prepare(out or Path("runs") / f"{scenario}-{seed}{'-twin' if twin else ''}")
    options = [
        Options(
            scenario=scenario,
            seed=seed,
            twin=twin,
            channel=name,
            driver=driver.value,
            caution=profile.caution if caution is None else caution,
            codec=used,
            laco=profile.laco,
            budget=limits,
            ways=profile.ways,
            calibrated=profile.measured.fingerprint if calibration and profile.measured else "",
            adapters=adapters_of(adapter or (), here=not agents),
            radio=air,
            time=time,
            weights=chosen,
        )
        for name in names
    ]
    if trace is not None:
        prepare(trace.parent)
    if view:
        require()
    results = _drive(options, carla, served, keys, quiet=as_json, view=view, traced=trace is not None)
    summary = _write(folder, results, gif)
    if trace is not None:
        _trace(trace, results)
    _show(summary, folder, as_json)
    if any(r.record.outcome != "finished" for r in results.values()):
        raise typer.Exit(1)


def _secured(agents: "Sequence[str]", curve: bool | None) -> "tuple[Sequence[str], Keyring | None]":
    """The agents' addresses, checked, and the keys if CURVE is to be used. Raises: ConfigError."""
    from laco.agents.addresses import Address, keys_for
    from laco.cli.keys import warn_of

    found = [Address.of(text) for text in agents]
    keys = keys_for([address.host for address in found], curve)
    if keys is None:
        warn_of([address.host for address in found])
    else:
        for address in found:
            address.expected(keys)
    return agents, keys


def _drive(
    options: "list[Options]",
    carla: str | None,
    agents: "Sequence[str]",
    keys: "Keyring | None",
    quiet: bool,
    view: bool,
    traced: bool,
) -> "dict[str, Result]":
    """Run the options one after the other on one session, with a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from laco.scenarios.session import Session

    columns = (TextColumn("{task.description:>12}"), BarColumn(40), TextColumn("{task.percentage:3.0f}%"))
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bar:
        start = bar.add_task("starting", total=1.0)
        with Session(carla, seed=options[0].seed, view=view, agents=agents, keys=keys, traced=traced) as session:
            if session.viewer is not None:
                typer.echo(f"view: {session.viewer.url}", err=True)
            _warm(session, options[0].driver)
            bar.update(start, completed=1.0)
            task = bar.add_task("expert", total=1.0)
            free = session.free_times(options[0].layout(), lambda share: bar.update(task, completed=share))
            bar.update(task, completed=1.0)
            results = {}
            for option in options:
                task = bar.add_task(option.channel, total=1.0)
                update = _Update(bar, task)
                results[option.channel] = session.run(option, free, update)
                if results[option.channel].record.outcome == "finished":
                    bar.update(task, completed=1.0)
    return results


def _warm(session: "Session", driver: str) -> None:
    """Start the agent hosts, if the driver needs any: they load torch while the expert drives."""
    from laco.agents.drivers import facts

    if facts(driver).hosted:
        _ = session.fleet


class _Update:
    """A progress callback for one bar."""

    def __init__(self, bar: Any, task: Any) -> None:
        self.bar, self.task = bar, task

    def __call__(self, share: float) -> None:
        self.bar.update(self.task, completed=share)


def _write(folder: Path, results: "Mapping[str, Result]", gif: bool) -> dict[str, Any]:
    from laco import __version__
    from laco.report.files import write_bytes, write_json, write_lines
    from laco.scenarios.summary import figures, message_lines

    first = next(iter(results.values()))
    summary = {
        "laco": __version__,
        "scenario": first.options.scenario,
        "seed": first.options.seed,
        "twin": first.options.twin,
        "driver": first.options.driver,
        "options": _plain(first.options),
        "channels": {name: figures(result) for name, result in results.items()},
    }
    write_json(folder / "result.json", summary)
    write_lines(folder / "messages.jsonl", (line for r in results.values() for line in message_lines(r)))
    if gif and all(r.record.scenes for r in results.values()):
        from laco.report.topdown import render

        write_bytes(folder / "run.gif", render({name: r.record for name, r in results.items()}))
    return summary


def _trace(path: Path, results: "Mapping[str, Result]") -> None:
    import json

    from laco.profiling.trace import trace
    from laco.report.files import write_bytes

    made = trace({name: result.messages.steps for name, result in results.items()})
    write_bytes(path, json.dumps(made, ensure_ascii=False).encode())


def _plain(options: "Options") -> Any:
    import msgspec

    return msgspec.to_builtins(options)


def _show(summary: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    import json

    from rich.console import Console

    from laco.report.table import WIDTH, results

    console = Console()
    console.width = max(console.width, WIDTH)
    if as_json:
        console.print_json(json.dumps(summary))
        return
    driver = "" if summary["driver"] == "vector" else f"  driver {summary['driver']}"
    console.print(f"{summary['scenario']}  seed {summary['seed']}{'  twin' if summary['twin'] else ''}{driver}")
    console.print(results(summary["channels"]))
    for name, figures in summary["channels"].items():
        if figures["outcome"] != "finished":
            console.print(f"{name}: {figures['outcome']}: {figures['detail']}")
    files = ("result.json", "messages.jsonl", "run.gif")
    written = ", ".join(name for name in files if (folder / name).exists())
    console.print(f"written to {folder}/: {written}", highlight=False)
