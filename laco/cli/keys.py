"""`laco keys`: this machine's key, and the machines that it trusts."""

import platform
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Who may speak: this machine's CURVE key and those that it trusts.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


@app.command()
def new(
    name: Annotated[str | None, typer.Argument(help="Name of the key.", show_default="this machine's")] = None,
) -> None:
    """Make this machine's key, once; the secret part never leaves its folder."""
    from laco.comm.security import Keyring

    ring = Keyring()
    own = ring.new(name or re.sub(r"[^A-Za-z0-9._-]", "-", platform.node()).strip("-._") or "key")
    typer.echo(f"made {own.name} in {ring.folder}")
    typer.echo(f"on the other machines, with a copy of {ring.folder / own.name}.key:")
    typer.echo(f"  laco keys trust {own.name} {own.name}.key")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Show the public keys: this machine's own, and those it trusts."""
    import json

    from laco.comm.security import Keyring

    ring = Keyring()
    own, trusted = ring.own() if ring.exists else None, ring.trusted().values()
    if as_json:
        rows = [{"name": t.name, "public": t.public, "runner": t.runner} for t in trusted]
        mine = None if own is None else {"name": own.name, "public": own.public}
        typer.echo(json.dumps({"folder": str(ring.folder), "own": mine, "trusted": rows}))
        return
    typer.echo(f"own     {own.public}  {own.name}" if own else "no key of this machine's own: laco keys new")
    for t in trusted:
        typer.echo(f"trusted {t.public}  {t.name}{'  may run vehicles' if t.runner else ''}")


@app.command()
def trust(
    name: Annotated[str, typer.Argument(help="What the other machine is called here.")],
    key: Annotated[str, typer.Argument(metavar="FILE|KEY", help="Its .key file, or the public key itself.")],
    runner: Annotated[
        bool, typer.Option("--runner", help="It may also run the vehicles that are served here.")
    ] = False,
) -> None:
    """Let the holder of a key speak to this machine's vehicles, and hear them."""
    from laco.comm.security import Keyring

    trusted = Keyring().trust(name, key, runner)
    typer.echo(f"{name} is trusted{' and may run vehicles' if runner else ''}: {trusted.public}")


@app.command()
def untrust(name: Annotated[str, typer.Argument(help="A name that `laco keys list` shows.")]) -> None:
    """Forget a machine. Connections that are open stay open."""
    from laco.comm.security import Keyring

    Keyring().untrust(name)
    typer.echo(f"{name} is not trusted any more")


def warn_of(hosts: Sequence[str]) -> None:
    """Says that there is no security on the way to these hosts, where there is somebody to fear."""
    from laco.comm.security import is_loopback

    for host in (host for host in hosts if not is_loopback(host)):
        sys.stderr.write(f"laco: insecure: whoever reaches {host} can hear, forge and run its vehicles\n")
