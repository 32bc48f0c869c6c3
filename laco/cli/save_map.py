"""`laco world save-map`: the map of a running CARLA server as a file."""

from pathlib import Path
from typing import Annotated

import typer


def save_map(
    carla: Annotated[str, typer.Option(metavar="HOST:PORT", help="The running CARLA server.")],
    out: Annotated[Path | None, typer.Option(help="The file.", show_default="NAME.xodr")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Save the map that a CARLA server is on, for `laco world --map`.

    The town stays under its own licence.
    """
    from laco.scenarios.maps.save import save_map as save
    from laco.scenarios.session import address

    saved = save(*address(carla), out, force)
    typer.echo(f"{saved.name}: {saved.roads} roads, {saved.size:,} bytes, saved as {saved.path}")
