"""`laco agent --wire langcoop` as processes, quickly: forks of one that has loaded torch, running the same main."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

START = 60.0  # [s] until a server listens, model and all, on a busy machine


def command(arguments: list[str], out: str) -> None:
    """In the child: what `laco` does with these arguments. out: a file for what it prints."""
    from laco.cli.main import main
    from laco.processes import die_with_parent

    die_with_parent()
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.argv = ["laco", *arguments]
    main()


class Server:
    """One process, and where it listens."""

    def __init__(self, process: BaseProcess, log: Path) -> None:
        self.process, self.log = process, log
        self.endpoint = ""

    def wait(self) -> Server:
        """Until it listens."""
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.is_alive():
            for line in self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []:
                if line.startswith("listening on "):
                    self.endpoint = "tcp://" + line.split()[-1]
                    return self
            time.sleep(0.02)
        raise AssertionError(f"no server: {self.log.read_text(encoding='utf-8') if self.log.exists() else 'no word'}")


@contextmanager
def serving(folder: Path, *fleets: list[str]) -> Iterator[list[Server]]:
    """A server for each list of `laco agent` options."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["laco.agents.bridge.serve"])
    servers = []
    try:
        for i, options in enumerate(fleets):
            log = folder / f"server{i}.log"
            arguments = ["agent", "--wire", "langcoop", *options]
            process = context.Process(target=command, args=(arguments, str(log)), daemon=True)
            process.start()
            servers.append(Server(process, log))
        yield [server.wait() for server in servers]
    finally:
        for server in servers:
            server.process.kill()
            server.process.join()
