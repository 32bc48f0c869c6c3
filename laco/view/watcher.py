"""The client's thread: connect, read what is there, look at the newest snapshot twenty times a second, start over
when the server has gone or has loaded another map.

It polls instead of listening to every tick: a world may run thousands of ticks a second, a person sees twenty.
"""

import contextlib
import threading
import time
from typing import Any

from laco.view.board import Board, State, Update
from laco.view.lifeline import Lifeline
from laco.view.rate import Rate
from laco.view.scene import read_scene
from laco.view.snapshot import Gallery

PERIOD = 0.05  # [s] of wall-clock time between pictures
RETRY = 0.5  # [s] until the next attempt to reach a server
QUIET = 1.0  # [s] without a frame after which a world counts as paused
AGAIN = 0.5  # [s] after which a world that stands still is told again
TIMEOUT = 10.0  # [s] for an answer of the server


class Watcher:
    """Keeps a board up to date with the server at host:port; `run` until `stop`."""

    def __init__(self, board: Board, host: str, port: int) -> None:
        self._board, self._host, self._port = board, host, port
        self._stopping = threading.Event()
        self._scenes = 0

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()

    def run(self) -> None:
        """Watch one connection after the other."""
        state: State = "waiting"
        while not self._stopping.is_set():
            detail = f"no CARLA server answers at {self._host}:{self._port}"
            try:
                with Lifeline(self._host, self._port) as line:
                    self._watch(line)
                state = "gone"
            except OSError:
                pass
            except RuntimeError as error:  # the client's word for everything
                detail = " ".join(str(error).split())
            if not self._stopping.is_set():
                self._say(state, detail)
                self._stopping.wait(RETRY)

    def _watch(self, line: Lifeline) -> None:
        """One server: episode after episode, until it has gone. Each gets a client of its own, for a client may go
        on giving the map it knows for a moment after another was loaded."""
        while line.alive and not self._stopping.is_set():
            self._watch_episode(_connected(self._host, self._port).get_world(), line)

    def _watch_episode(self, world: Any, line: Lifeline) -> None:
        self._scenes += 1
        self._board.unveil(read_scene(world, self._scenes))
        look = Look(world, self._scenes)
        while line.alive and not self._stopping.wait(PERIOD):
            try:
                if look.over:
                    return
                if self._board.readers and (update := look.update()) is not None:
                    self._board.post(update)
            except RuntimeError:
                if not line.alive or not look.over:
                    raise
                return

    def _say(self, state: State, detail: str) -> None:
        self._board.post(Update(state, detail, self._scenes, 0.0, 0.0))


def _connected(host: str, port: int) -> Any:
    """A client. Raises `RuntimeError` when the server has another version, as the client itself does for the rest."""
    import carla

    client = carla.Client(host, port)
    client.set_timeout(TIMEOUT)
    theirs, ours = client.get_server_version(), client.get_client_version()
    if theirs != ours:
        raise RuntimeError(f"the server has version {theirs}, this client needs {ours}")
    return client


class Look:
    """One episode, looked at again and again."""

    def __init__(self, world: Any, scene: int) -> None:
        self._world, self._scene = world, scene
        self._episode = world.id
        self._gallery, self._rate = Gallery(world), Rate()
        self._frame, self._moved = -1, time.monotonic()
        self._said = 0.0

    @property
    def over(self) -> bool:
        """Whether the server has begun another episode."""
        with contextlib.suppress(RuntimeError):
            return bool(self._world.get_snapshot().id != self._episode)
        return True

    def update(self) -> Update | None:
        """The newest moment; None while there is none, but now and then the same again: somebody may have come
        to look. Raises `RuntimeError` as the client does."""
        snapshot, now = self._world.get_snapshot(), time.monotonic()
        if snapshot.frame != self._frame:
            self._frame, self._moved = snapshot.frame, now
        elif now - self._said < AGAIN:
            return None
        self._said = now
        self._rate.note(now, snapshot.frame, snapshot.timestamp.elapsed_seconds)
        picture = self._gallery.picture(snapshot)
        state: State = "live" if now - self._moved < QUIET else "paused"
        detail = "" if state == "live" else "no ticks: a synchronous server waits for its client"
        ticks, pace = round(self._rate.ticks, 1), round(self._rate.pace, 3)
        return Update(state, detail, self._scene, ticks, pace, cast=self._gallery.cast, picture=picture)
