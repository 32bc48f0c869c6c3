"""`laco profile`: what codecs, sockets, decisions and the radio cost, each in a table, a plot and JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from laco.profiling.codecs import Sample

app = typer.Typer(no_args_is_help=True, help="Measure codecs, sockets, decisions and the radio.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the figures as JSON and the plot as PNG.")]
Folder = Annotated[Path | None, typer.Argument(metavar="[RUN_DIR]", help="Output folder of a `laco run`.")]


@app.command()
def codecs(
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH|vector", help="Whose caches.", show_default="smollm2 if it is here"),
    ] = None,
    codec: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Caches to measure on.")] = 8,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of the message in the plot.", show_default="the mean")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which texts are read.")] = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Rate, distortion and speed of every codec on a model's caches: bytes a token, error, KL, MB/s."""
    import msgspec

    from laco.comm.codecs import available, baselines
    from laco.profiling.codecs import measure, measured
    from laco.report import profiles

    names = codec or [*available(), *(baseline.name for baseline in baselines())]
    for name in names:
        measured(name)
    folder = _prepared(out)
    with _Bar() as bar:
        bar(0.0, "model")
        found, title = _samples(model, samples, seed)
        done = iter(range(len(names)))
        points = measure(found, names, progress=lambda name: bar((next(done) + 0.5) / len(names), name))
    mean = tokens or round(sum(s.cache.num_tokens for s in found) / len(found))
    rows = msgspec.to_builtins(points)
    figures = {"model": title, "samples": len(found), "message_tokens": mean, "codecs": rows}
    plots = {"codecs": lambda: profiles.codecs_plot(rows, mean)}
    _tell(figures, folder, "codecs", plots, None if as_json else profiles.codecs_table(title, rows))


@app.command()
def transport(
    sizes: Annotated[
        list[int] | None, typer.Option("--size", min=1, help="Payload \\[bytes]; may be given again.")
    ] = None,
    turns: Annotated[int, typer.Option(min=1, help="Of each case and size; four messages in each count.")] = 30,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Publish to decode over real sockets, against plain pyzmq moving the same frames in the same run."""
    import msgspec

    from laco.profiling.transport import measure
    from laco.report import profiles

    folder = _prepared(out)
    with _Bar() as bar:
        rows = msgspec.to_builtins(measure(sizes or SIZES, turns, progress=lambda share: bar(share, "messages")))
    plots = {"transport": lambda: profiles.transport_plot(rows)}
    _tell(
        {"turns": turns, "rows": rows}, folder, "transport", plots, None if as_json else profiles.transport_table(rows)
    )


SIZES = (1024, 10_000, 100_000, 1_000_000, 5_000_000)  # [bytes]


@app.command()
def decision(
    run: Folder = None,
    channel: Annotated[str, typer.Option(help="Of the short run that is driven without a RUN_DIR.")] = "latent",
    seed: Annotated[int, typer.Option(min=0, help="Of that run.")] = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Latency waterfall of a decision: thinking, encoding, publishing, air, receiving, decoding, inferring."""
    from laco.profiling import decision as subject
    from laco.profiling.ledger import read
    from laco.report import profiles

    folder = _prepared(out)
    if run is None:
        with _Bar() as bar:
            result, lines = _driven(channel, seed, lambda share: bar(share, channel))
    else:
        result, lines = subject.read(run), read(run)
    found = subject.profile(result, lines)
    plots = {"decision": lambda: profiles.decision_plot(found)}
    _tell({"channels": found}, folder, "decision", plots, None if as_json else profiles.decision_table(found))


@app.command()
def radio(
    run: Folder = None,
    preset: Annotated[
        str, typer.Option("--radio", metavar="NAME|FILE", help="Of a synthetic load, where there is no RUN_DIR.")
    ] = "dsrc_6m",
    loss: Annotated[
        str, typer.Option(metavar="MODEL", help="Of its fragments, as for `laco run`.", show_default="the radio's")
    ] = "",
    vehicles: Annotated[int, typer.Option(min=2, help="Vehicles that broadcast.")] = 4,
    size: Annotated[int, typer.Option("--bytes", min=1, help="Air bytes of a message.")] = 10_000,
    hz: Annotated[float, typer.Option(min=0.01, help="Messages of each vehicle per second.")] = 5.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Simulated time.")] = 20.0,
    chunk: Annotated[
        int | None, typer.Option("--chunk-bytes", min=1, help="Most air bytes of a chunk.", show_default="the radio's")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the losses.")] = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What the air did to messages of a run or of a synthetic load: delivery, gaps, ages at use, missed deadlines."""
    from laco.report import profiles

    folder = _prepared(out)
    if run is None:
        from laco.comm.radio import RadioSpec
        from laco.profiling.load import Load, drive
        from laco.profiling.runs import of_load

        spec = RadioSpec.from_text(preset, loss)
        load = Load(radio=spec, vehicles=vehicles, size=size, hz=hz, seconds=seconds, chunk=chunk, seed=seed)
        with _Bar() as bar:
            bar(0.0, "air")
            lines, busy = drive(load)
        found = of_load(lines, load, busy)
    else:
        from laco.profiling import decision as subject
        from laco.profiling.ledger import read
        from laco.profiling.runs import of_folder

        found = of_folder(subject.read(run), read(run))
    plots = {"ages": lambda: profiles.ages_plot(found), "load": lambda: profiles.load_plot(found)}
    _tell(found.plain(), folder, "radio", plots, None if as_json else profiles.radio_table(found))


def _prepared(out: Path | None) -> Path | None:
    from laco.report.files import prepare

    return None if out is None else prepare(out)


def _samples(model: str | None, count: int, seed: int) -> "tuple[list[Sample], str]":
    """Caches and whose they are."""
    from laco.models.store import is_installed
    from laco.profiling.samples import of_model, of_vector

    chosen = model or ("smollm2" if is_installed("smollm2") else "vector")
    if chosen == "vector":
        return of_vector(count, seed), chosen
    from transformers.utils import logging

    from laco import Backbone
    from laco.agents.drivers.check import check_model

    check_model(chosen)
    logging.disable_progress_bar()  # there is one of ours
    return of_model(Backbone.load(chosen), count, seed), chosen


def _driven(channel: str, seed: int, progress: Callable[[float], None]) -> tuple[dict[str, Any], list[Any]]:
    """A run of the built-in driver, as its folder would tell it."""
    from laco.agents.channels import require
    from laco.agents.drivers.profile import of as profile_of
    from laco.scenarios.catalog import find
    from laco.scenarios.ledger import lines
    from laco.scenarios.session import Options, Session
    from laco.scenarios.summary import figures

    require(channel, "vector")
    profile = profile_of("vector", "", None)
    options = Options(
        scenario=find("occluded-crossing").id, seed=seed, channel=channel, caution=profile.caution,
        codec=profile.codec, laco=profile.laco,
    )  # fmt: skip
    with Session(seed=seed) as session:
        result = session.run(options, {}, progress)
    return {"channels": {channel: figures(result)}}, lines(channel, result.messages)


def _tell(
    figures: Mapping[str, Any],
    folder: Path | None,
    name: str,
    plots: Mapping[str, Callable[[], bytes]],
    table: Any,
) -> None:
    """Write the files, then print the table, or JSON where there is none."""
    from rich.console import Console

    written = [] if folder is None else _written(figures, folder, name, plots)
    if table is None:
        typer.echo(json.dumps(figures))
        return
    console = Console()
    console.width = max(console.width, 80)
    console.print(table)
    if written:
        console.print(f"written to {folder}/: {', '.join(written)}", highlight=False)


def _written(
    figures: Mapping[str, Any], folder: Path, name: str, plots: Mapping[str, Callable[[], bytes]]
) -> Sequence[str]:
    from laco.report.files import write_bytes, write_json

    write_json(folder / f"{name}.json", figures)
    for plot, draw in plots.items():
        write_bytes(folder / f"{plot}.png", draw())
    return [f"{name}.json", *(f"{plot}.png" for plot in plots)]


class _Bar:
    """One progress bar on a terminal's stderr, nothing elsewhere."""

    def __enter__(self) -> Callable[[float, str], None]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description:>12}"), BarColumn(40), TextColumn("{task.percentage:3.0f}%"))
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting", total=1.0)
        self._bar.start()
        return lambda share, what: self._bar.update(self._task, completed=share, description=what)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
