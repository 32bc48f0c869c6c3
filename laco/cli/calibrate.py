"""`laco calibrate`: what of a cache carries content, what only disturbs, and a laco.yaml from it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from laco.distill.calibration.result import Result


def calibrate(
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH|vector|llm", help="A language model, or a driver as shipped.")
    ],
    out: Annotated[Path, typer.Option(help="The profile; its curves go beside it as .png.")] = Path("laco.yaml"),
    budget_bytes: Annotated[
        float | None, typer.Option(min=1, help="What a message may cost on the air.", show_default="no limit")
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(min=2, help="Scene pairs; for a driver, driving seeds.", show_default="60; a driver: 10"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which scenes of set A are told.")] = 0,
    codec: Annotated[str, typer.Option(help="How a cache becomes bytes (language models).")] = "int8",
    steps: Annotated[int, typer.Option(min=0, help="Latent steps that the sender takes (language models).")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print every measured point as JSON.")] = False,
) -> None:
    """Measure content and identity drift per layer band and selector, pick the best, and save it.

    `laco run --calibration OUT` uses it. A language model of 135 million parameters takes about half an hour.
    """
    import json

    from laco.comm.codecs import find
    from laco.distill.calibration.result import save
    from laco.report.files import prepare

    find(codec)
    prepare(out.parent)
    with _Bars() as progress:
        if model == "vector":
            result = _driver(pairs or 10, budget_bytes, progress)
        elif model == "llm":
            result = _llm(pairs or 10, budget_bytes, progress)
        else:
            result = _texts(model, pairs or 60, seed, codec, steps, budget_bytes, progress)
        picture = save(result, out)
    if as_json:
        typer.echo(json.dumps(result.plain() | {"profile": str(out), "curves": str(picture)}))
        return
    _show(result)
    typer.echo(f"written: {out}, {picture}")


def _texts(
    model: str,
    pairs: int,
    seed: int,
    codec: str,
    steps: int,
    budget: float | None,
    progress: Callable[[str, float], None],
) -> "Result":
    from laco import Backbone
    from laco.agents.drivers.check import check_model
    from laco.distill.calibration.result import of_texts
    from laco.distill.calibration.texts import calibrate as measure

    check_model(model)
    backbone = Backbone.load(model)
    found = measure(backbone, pairs=pairs, seed=seed, codec=codec, budget=budget, steps=steps, progress=progress)
    return of_texts(found, backbone, model, codec, seed)


def _driver(seeds: int, budget: float | None, progress: Callable[[str, float], None]) -> "Result":
    from laco.agents.channels.observation import ObservationList
    from laco.agents.drivers.vector import VectorDriver
    from laco.distill.calibration.driver import Judge, measure, moments
    from laco.distill.calibration.result import CAUTION, of_driver
    from laco.distill.seeds import FIRST_SEED

    vector = VectorDriver.load()
    at = moments(range(FIRST_SEED, FIRST_SEED + seeds))
    judge = Judge(vector, CAUTION, at, ObservationList(vector, CAUTION))
    rows = measure(judge, lambda share: progress("driver", share))
    return of_driver(rows, judge, "vector", budget, seeds)


def _llm(seeds: int, budget: float | None, progress: Callable[[str, float], None]) -> "Result":
    """The language-model driver as shipped, on a few moments of each seed: each costs it half a second."""
    from laco.agents.channels.observation_text import ObservationText
    from laco.agents.drivers import DRIVERS, lora_file
    from laco.agents.drivers.check import check_model
    from laco.agents.drivers.llm import LLMDriver
    from laco.distill.calibration.driver import Judge, bands_of, measure, moments
    from laco.distill.calibration.result import CAUTION, of_driver
    from laco.distill.seeds import FIRST_SEED

    name = DRIVERS["llm"].model or ""
    check_model(name)
    llm, tuned = LLMDriver.load(name), lora_file.file_of(name, "")
    at = moments(range(FIRST_SEED, FIRST_SEED + seeds), every=8)
    judge = Judge(llm, CAUTION, at, ObservationText(llm, CAUTION))
    chosen = bands_of(llm.backbone.num_layers, lora_file.card_of(tuned).layers if tuned else ())
    rows = measure(judge, lambda share: progress("llm", share), chosen)
    return of_driver(rows, judge, "llm", budget, seeds)


class _Bars:
    """Progress of the stages: a bar each on a terminal's stderr, nothing elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description:>12}"), BarColumn(40), TextColumn("{task.percentage:3.0f}%"))
        self._bar = Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Callable[[str, float], None]:
        self._bar.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _update(self, stage: str, share: float) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=1.0)
        self._bar.update(self._tasks[stage], completed=share)


def _show(result: "Result") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("layers", "tokens", "steps", "content", "drift", "bytes", title=result.content_unit)
    named = [("text", result.text), ("paper", result.paper)]
    for point in (*result.bands, *result.others):
        config, layers = point.config, point.config.layers or ()
        tokens = "all" if config.keep == 1.0 else f"{config.selector} {config.keep:g}"
        mark = " *" if point == result.picked else ""
        figures = (f"{point.content:.3f}", f"{point.drift:.4f}", f"{point.nbytes:.0f}")
        table.add_row(f"{layers[0]}-{layers[-1]}{mark}", tokens, str(config.steps), *figures)
    for name, point in named:
        table.add_row(name, "", "", f"{point.content:.3f}", f"{point.drift:.4f}", f"{point.nbytes:.0f}")
    Console().print(table)
