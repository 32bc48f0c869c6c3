"""`laco distill RECIPE`: train the built-in driver; `laco distill llm`: teach a language model to drive; `laco distill
adapter`: let one model read another's cache; `laco distill codec`: a model's table for the codec `transform`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from laco.cli.distill_llm import llm

RECIPE = "recipe"


class Recipes(TyperGroup):
    """`laco distill NAME` runs a recipe where NAME is no command of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and "--list" not in args and not any(arg in self.commands for arg in args) and args != ["--help"]:
            args = [RECIPE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Recipes, invoke_without_command=True)
app.command()(llm)


@app.callback()
def distill(
    context: typer.Context,
    names: Annotated[bool, typer.Option("--list", help="Names of the recipes, and what they are for.")] = False,
) -> None:
    """Train drivers: `laco distill RECIPE --out FOLDER`, with RECIPE a name of `--list` or a YAML file.

    A run that was stopped, or killed, goes on from its last checkpoint when it is started again (docs/distillation.md).
    """
    if names:
        from laco.distill.recipe import shipped

        for name, summary in shipped().items():
            typer.echo(f"{name:20} {summary}")
    elif context.invoked_subcommand is None:
        raise typer.BadParameter("missing: a recipe; `laco distill --list` names them", param_hint="RECIPE")


@app.command(RECIPE, hidden=True)
def cook(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A name of `laco distill --list`, or a YAML file.")],
    out: Annotated[Path, typer.Option(help="Folder for data, checkpoints, weights and card; resumes what is there.")],
    scale: Annotated[float, typer.Option(min=0.0001, max=1.0, help="Share of the recipe's samples and steps.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Instead of the recipe's.", show_default="the recipe's")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that collect, and threads that train.")] = 2,
) -> None:
    """Collect, train, and write weights with their model card; `laco run --weights` takes them."""
    import msgspec

    from laco.distill.cook import Kitchen
    from laco.distill.recipe import load, scaled
    from laco.report.files import prepare

    chosen = load(recipe)
    if seed is not None:
        chosen = msgspec.structs.replace(chosen, seed=seed)
    path = Kitchen(scaled(chosen, scale), prepare(out), _say, jobs).cook()
    typer.echo(f"weights: {path}")


@app.command()
def adapter(
    source: Annotated[str, typer.Option("--from", help="The speaking model: a built-in name, a folder, or a hub id.")],
    target: Annotated[str, typer.Option("--to", help="The listening model.")],
    out: Annotated[
        Path, typer.Option(help="File, or folder for a file named by both fingerprints; its .pt is taken up.")
    ],
    layers: Annotated[
        str,
        typer.Option(
            metavar="FIRST-LAST",
            help="Layers of the listening model that hear.",
            show_default="two thirds, in the middle",
        ),
    ] = "",
    texts: Annotated[int | None, typer.Option(min=1, help="Texts for reconstruction.", show_default="160")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps of next-token agreement.", show_default="120")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Distil a cache-to-cache adapter: the listening model then understands the speaking model's cache.

    Reconstruction of its own keys and values of the same texts,
    then agreement with what it predicts after reading them.
    A run that was stopped goes on from its checkpoint.
    """
    from laco.agents.adapter_file import name_of, save
    from laco.agents.drivers.check import check_model
    from laco.distill.adapter.train import Recipe, Training
    from laco.method.backbone import Backbone
    from laco.report.files import prepare

    default = Recipe()
    recipe = Recipe(
        layers=_band(layers),
        texts=default.texts if texts is None else texts,
        steps=default.steps if steps is None else steps,
        seed=seed,
    )
    for name in (source, target):
        check_model(name)
    speaker, listener = Backbone.load(source), Backbone.load(target)
    names = (speaker.fingerprint, listener.fingerprint)
    is_file = out.suffix == ".safetensors"
    path = out if is_file else out / name_of(*names)
    prepare(path.parent)
    made = Training(speaker, listener, recipe, _say, path.with_suffix(".pt")).run()
    save(path, made, *names, recipe=repr(recipe))
    typer.echo(f"adapter: {path}")


@app.command()
def codec(
    model: Annotated[str, typer.Option(help="A built-in name, a folder, or a hub id.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table.", show_default="where codecs look for it")
    ] = None,
    passages: Annotated[int | None, typer.Option(min=1, help="Driving texts of each length to measure on.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Make a model's table for the codec `transform`: what its caches look like, and what errors in them do.

    Both ends of a link need the same table. SmolLM2 takes about ten minutes on two cores; its own table ships.
    """
    from rich.console import Console
    from rich.progress import Progress

    from laco.agents.drivers.check import check_model
    from laco.comm.codecs.table import folder
    from laco.distill.codec_table.make import Recipe, make, write
    from laco.method.backbone import Backbone
    from laco.report.files import prepare

    check_model(model)
    recipe = Recipe(seed=seed) if passages is None else Recipe(passages=passages, seed=seed)
    path = prepare(out or folder())
    backbone = Backbone.load(model)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring", total=1.0)
        made = make(backbone, recipe, lambda share: bar.update(task, completed=share))
    how = f"laco distill codec --model {model} --passages {recipe.passages} --seed {seed}"
    written = path / f"{backbone.fingerprint}.safetensors"
    write(written, made.table, backbone.fingerprint, how)
    typer.echo(f"an error in the first token does {made.first:.0f} times the harm of one elsewhere", err=True)
    typer.echo(f"codec table: {written}, {made.table.nbytes:,} bytes")


def _band(text: str) -> tuple[int, ...] | None:
    """FIRST-LAST as layer numbers; None for the recipe's own."""
    if not text:
        return None
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise typer.BadParameter(f"FIRST-LAST, not {text!r}", param_hint="--layers")
    return tuple(range(int(first), int(last) + 1))


def _say(line: str) -> None:
    typer.echo(line, err=True)
