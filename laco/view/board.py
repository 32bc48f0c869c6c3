"""The newest of everything, between the client's thread and the pages: whoever asks gets what is newest then, so a
slow reader never builds a queue."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from laco.view.scene import Scene
from laco.view.snapshot import Cast, Picture

BEAT = 1.0  # [s] after which a reader is answered even when nothing is new
TOLD = 64  # messages between vehicles kept for readers
T = TypeVar("T")
State = Literal["waiting", "live", "paused", "gone"]


class Told(msgspec.Struct, frozen=True):
    """A message that went from one actor to another: their ids, what it was, its bytes, whether it was used."""

    sender: int
    listener: int
    kind: str
    bytes: int = 0
    used: bool = True


class Update(msgspec.Struct, frozen=True):
    """What a page is told: the newest picture, the cast when it is new to the page, how fast the world runs."""

    state: State
    detail: str
    scene: int
    ticks: float
    pace: float
    title: str = ""
    cast: Cast | None = None
    picture: Picture | None = None
    told: list[tuple[int, Told]] = []  # msgspec copies it for each instance


class Board:
    """Written by the client's thread, read by the event loop `loop`; made within it."""

    def __init__(self) -> None:
        self.readers = 0
        self.scene: Scene | None = None
        self.title = ""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._serial = 0
        self._told: deque[tuple[int, Told]] = deque(maxlen=TOLD)
        self._told_count = 0
        self._latest = Update("waiting", "", 0, 0.0, 0.0)
        self._cast: Cast | None = None

    def post(self, update: Update) -> None:
        """Put up what is newest, with the whole cast. For any thread."""
        self._call(self._put, update)

    def unveil(self, scene: Scene) -> None:
        """Put up a new map. For any thread."""
        self._call(self._set_scene, scene)

    def tell(self, told: Told) -> None:
        """A message has been exchanged. For any thread."""
        self._call(self._note, told)

    def entitle(self, title: str) -> None:
        """What is going on, in a few words. For any thread."""
        self._call(self._set_title, title)

    async def newer(self, reader: "Reader") -> Update:
        """The newest update, as soon as there is one that this reader has not had, or after a second."""
        if reader.serial == self._serial:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), BEAT)
        latest, cast = self._latest, self._cast
        key = None if cast is None else (latest.scene, cast.revision)
        fresh = [(n, told) for n, told in self._told if n > reader.told]
        news = msgspec.structs.replace(
            latest, title=self.title, cast=cast if key != reader.cast else None, told=fresh
        )
        reader.serial, reader.cast, reader.told = self._serial, key, self._told_count
        return news

    def _call(self, what: Callable[[T], None], value: T) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
            self._loop.call_soon_threadsafe(what, value)

    def _put(self, update: Update) -> None:
        self._latest, self._cast = update, update.cast
        self._serial += 1
        self._news.set()
        self._news = asyncio.Event()

    def _set_scene(self, scene: Scene) -> None:
        self.scene = scene

    def _set_title(self, title: str) -> None:
        self.title = title

    def _note(self, told: Told) -> None:
        self._told_count += 1
        self._told.append((self._told_count, told))


class Reader:
    """What one page has had so far."""

    def __init__(self) -> None:
        self.serial = -1
        self.cast: tuple[int, int] | None = None
        self.told = 0
