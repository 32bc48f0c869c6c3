"""`laco world`: the embedded CARLA-protocol server alone, and what belongs to it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from laco.view.launch import ViewProcess

from laco.cli.save_map import save_map

app = typer.Typer(invoke_without_command=True)
app.command("save-map")(save_map)


@app.callback()
def world(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="TCP port for clients; 0 picks a free one.")] = 2000,
    map: Annotated[str, typer.Option(metavar="NAME|FILE", help="A built-in map or an OpenDRIVE file.")] = "crossing",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What clients are told the map is called, e.g. Town01.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of everything drawn by chance.")] = 0,
    traffic: Annotated[int, typer.Option(min=0, help="Cars that SUMO drives (\\[traffic] extra).")] = 0,
    walkers: Annotated[int, typer.Option(min=0, help="People that SUMO leads (\\[traffic] extra).")] = 0,
    view: Annotated[bool, typer.Option("--view", help="Show it live in a browser (\\[view] extra).")] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's are open to all.")
    ] = "127.0.0.1",
) -> None:
    """Serve a world to any program written for the carla 0.9.16 client, until Ctrl-C.

    It speaks CARLA's protocol and simulates cars simply; it is not CARLA.
    """
    if context.invoked_subcommand is not None:
        return
    from laco.scenarios.server.options import WorldOptions
    from laco.scenarios.server.serve import serve

    options = WorldOptions(map=map, name=name, host=host, port=port, seed=seed, traffic=traffic, walkers=walkers)
    if view:
        from laco.view.launch import ViewProcess

        serve(options, beside=lambda host, port: _show(ViewProcess(host, port)))
    else:
        serve(options)


def _show(viewer: "ViewProcess") -> "ViewProcess":
    typer.echo(f"view: {viewer.url}")
    return viewer
