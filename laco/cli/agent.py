"""`laco agent`: vehicles behind a socket, for `laco run --agents` on this machine or another, or for LangCoop."""

import contextlib
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from laco.cli.keys import warn_of
from laco.cli.run import DriverName
from laco.errors import ConfigError

if TYPE_CHECKING:
    from laco.comm.security import Keyring


class Wire(StrEnum):
    """Who talks to the server."""

    LACO = "laco"
    LANGCOOP = "langcoop"


def agent(
    vehicles: Annotated[str, typer.Option(metavar="A,B", help="Names of the vehicles to serve.")],
    driver: Annotated[DriverName, typer.Option(help="Who drives them.")] = DriverName.VECTOR,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|none",
            help="Weights (vector) or LoRA (llm) instead of the shipped ones; none: the llm driver's model as it is.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Model of the llm or vlm driver.", show_default="llm: smollm2"),
    ] = None,
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 picks a free one.")
    ] = "127.0.0.1:0",
    curve: Annotated[
        bool | None,
        typer.Option(
            "--curve/--insecure",
            help="Encrypt, and let trusted keys in only (laco keys), or neither.",
            show_default="--curve unless it is this machine's loopback address",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads of the model.")] = 1,
    wire: Annotated[
        Wire, typer.Option(help="Who may come: laco run, or LangCoop and other evaluators (docs/bridge.md).")
    ] = Wire.LACO,
) -> None:
    """Serve vehicles to one runner after the other, until Ctrl-C.

    At another address than loopback only machines whose keys are trusted get in: `laco keys`.
    """
    from laco.agents.drivers.check import weights_of

    names, (host, port) = _names(vehicles), _address(bind)
    keys = _keys(host, curve, wire)
    if keys is None:
        warn_of([host])
    chosen = weights_of(driver.value, weights, model)
    import torch

    from laco.comm.codecs.extra import kernels

    kernels()  # compiled now, the first time ever: a message that asks for them could not wait

    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        from laco.agents.server import Offer, serve_alone

        offer = Offer(names, driver.value, chosen, host)
        if wire is Wire.LANGCOOP:
            from laco.agents.bridge.serve import serve

            serve(offer, port, _say)
        else:
            serve_alone(offer, port, _say, keys)


def _keys(host: str, curve: bool | None, wire: Wire) -> "Keyring | None":
    """The keys, if CURVE is to be used. Raises: ConfigError for what the wire cannot do."""
    from laco.agents.addresses import keys_for
    from laco.comm.security import is_loopback

    if wire is Wire.LACO:
        return keys_for([host], curve)
    if curve or (curve is None and not is_loopback(host)):
        raise ConfigError("the langcoop wire is not encrypted: bind a loopback address, or say --insecure")
    return None


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise ConfigError(f"vehicles are names with commas between, each once, not {text!r}")
    return names


def _address(text: str) -> tuple[str, int]:
    """HOST:PORT in two; port 0 is allowed. Raises: ConfigError, also for an address that nobody can connect to."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 65536):
        raise ConfigError(f"--bind takes HOST:PORT, not {text!r}")
    if host in ("0.0.0.0", "*", "[::]"):
        raise ConfigError(f"--bind needs the address that other vehicles are to reach, not {host}")
    return host, int(port)


def _say(address: str) -> None:
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()
