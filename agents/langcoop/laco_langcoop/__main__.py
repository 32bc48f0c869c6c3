"""python -m laco_langcoop check ENDPOINT... | entry langcoop|colmdriver|leaderboard"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Sequence

from laco_langcoop import ENTRIES, __version__, entry


def endpoint(text: str) -> str:
    """Of `check`. Raises: ArgumentTypeError."""
    from laco_langcoop.settings import reachable

    if not reachable(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like tcp://127.0.0.1:7400")
    return text


def check(endpoints: Sequence[str], seconds: float) -> int:
    """One line for each server; 1 if one does not answer."""
    from laco_langcoop.client import Client

    missing = 0
    clients = [Client("", endpoint) for endpoint in endpoints]
    until = time.monotonic() + seconds
    for client in clients:
        pong, reason = client.ping(until)
        if pong is None:
            missing += 1
            sys.stdout.write(f"{client.line.endpoint}: {reason}\n")
        else:
            vehicles = ", ".join(str(name) for name in pong.get("vehicles") or [])
            driver = "{}, model {}".format(pong.get("driver"), pong.get("model"))
            sys.stdout.write(f"{client.line.endpoint}: {vehicles or 'no vehicles'} by {driver}\n")
        client.line.close()
    return 1 if missing else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m laco_langcoop", description="LACO's client for LangCoop.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    pings = commands.add_parser("check", help="see whether servers answer")
    pings.add_argument("endpoints", nargs="+", type=endpoint, metavar="ENDPOINT", help="like tcp://127.0.0.1:7400")
    pings.add_argument("--seconds", type=float, default=3.0, help="to wait, all together (default 3)")
    paths = commands.add_parser("entry", help="print the path of a team agent, for --agent")
    paths.add_argument("name", choices=sorted(ENTRIES))
    options = parser.parse_args(arguments)
    if options.command == "check":
        return check(options.endpoints, options.seconds)
    sys.stdout.write(entry(options.name) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
