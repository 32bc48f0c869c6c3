"""`laco distill`: train the built-in driver from nothing."""

from pathlib import Path
from typing import Annotated

import typer


def distill(
    out: Annotated[
        Path, typer.Option(help="Folder for data, checkpoints and the weights; resumes what is there.")
    ],
    scale: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="Share of the full recipe's data and steps.")
    ] = 1.0,
) -> None:
    """Train the built-in driver: expert data, a student, the student's own states, and the student again.

    The full recipe takes a few hours on two cores; `laco run --weights OUT/vector.safetensors` uses it.
    """
    from laco.distill.recipe import Recipe, cook, scaled
    from laco.report.files import prepare

    recipe = scaled(Recipe(), scale)
    path = cook(recipe, prepare(out), report=lambda line: typer.echo(line, err=True))
    typer.echo(f"weights: {path}")
