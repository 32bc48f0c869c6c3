"""`laco view`: look at any running server from above, in a browser."""

import os
import sys
from typing import Annotated

import typer


def view(
    carla: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The server to look at: embedded or real.")
    ] = "127.0.0.1:2000",
    port: Annotated[int, typer.Option(help="TCP port of the page on this machine; 0 picks a free one.")] = 8080,
    open: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Show a running CARLA server from above, live, on a page for this machine only, until Ctrl-C.

    It never ticks and changes nothing. It waits for a server that is not there yet.
    """
    from laco.scenarios.session import address
    from laco.view.extra import require

    host, server_port = address(carla)
    require()
    from laco.view.serve import serve

    serve(host, server_port, port, lambda url: _ready(url, open))


def _ready(url: str, show: bool) -> None:
    typer.echo(f"view: {url}")
    if show and _has_screen():
        import threading
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _has_screen() -> bool:
    """Without one, a browser of the terminal would come up in our place."""
    return sys.platform != "linux" or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))
