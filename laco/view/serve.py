"""Run a viewer until a signal, the parent's end, or `stop`."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec
from aiohttp import web

from laco.errors import WorldError
from laco.view.board import Board, Told
from laco.view.server import HERE, application
from laco.view.watcher import Watcher

LOOK = 1.0  # [s] between looks at whether the parent is still there
LAST = 2.0  # [s] for pages and threads to end


class Line(msgspec.Struct, frozen=True):
    """What a parent says on our stdin, one JSON object a line; empty fields say nothing."""

    title: str | None = None
    told: list[Told] = []  # msgspec copies it for each instance


def serve(host: str, port: int, view_port: int, ready: Callable[[str], None], parent: bool = False) -> None:
    """Show the server at host:port on 127.0.0.1:view_port (0 picks one); `ready` is called with the address.

    parent: end with the process that started us, and read its lines. Raises: WorldError for a port that cannot
    be had.
    """
    asyncio.run(_serve(host, port, view_port, ready, parent))


async def _serve(host: str, port: int, view_port: int, ready: Callable[[str], None], parent: bool) -> None:
    board, done = Board(), asyncio.Event()
    runner = web.AppRunner(application(board), access_log=None, shutdown_timeout=LAST)
    await runner.setup()
    try:
        url = await _listen(runner, view_port)
        with _watching(Watcher(board, host, port)), _signals(done):
            if parent:
                _follow_parent(board, done)
            ready(url)
            await done.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> str:
    site = web.TCPSite(runner, HERE, port)
    try:
        await site.start()
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise WorldError(f"cannot show a page on {HERE}:{port}: {reason}") from error
    return f"http://{HERE}:{runner.addresses[0][1]}"


@contextlib.contextmanager
def _watching(watcher: Watcher) -> Iterator[None]:
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        watcher.stop()
        thread.join(LAST)


@contextlib.contextmanager
def _signals(done: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM end it. Plain handlers, for Windows has no others; they wake the loop."""
    loop = asyncio.get_running_loop()

    def stop(*_: object) -> None:
        loop.call_soon_threadsafe(done.set)

    numbers = (signal.SIGTERM, signal.SIGINT)
    old = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, old, strict=True):
            signal.signal(number, handler)


def _follow_parent(board: Board, done: asyncio.Event) -> None:
    """End with the parent, which holds the other end of our stdin; a sibling may hold it open longer."""
    loop, pid = asyncio.get_running_loop(), os.getppid()

    def end() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    def read() -> None:
        for line in sys.stdin.buffer:
            _hear(board, line)
        end()

    def look() -> None:
        if os.getppid() != pid:
            done.set()
        loop.call_later(LOOK, look)

    threading.Thread(target=read, daemon=True).start()
    look()


def _hear(board: Board, line: bytes) -> None:
    try:
        said = msgspec.json.decode(line, type=Line)
    except msgspec.DecodeError:
        return  # half a line of a parent that has just ended
    if said.title is not None:
        board.entitle(said.title)
    for told in said.told:
        board.tell(told)
