"""The newest and nothing else; who may ask."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from laco.view.board import Board, Reader, Told, Update
from laco.view.guard import allowed, policy
from laco.view.snapshot import Cast, Picture


def update(frame: int, cast: Cast, scene: int = 1) -> Update:
    return Update("live", "", scene, 20.0, 1.0, cast=cast, picture=Picture(frame, frame / 20, [], []))


def on_board(script: Callable[[Board], Awaitable[None]]) -> None:
    async def run() -> None:
        await script(Board())

    asyncio.run(run())


def test_a_slow_reader_gets_the_newest_only() -> None:
    async def script(board: Board) -> None:
        reader, cast = Reader(), Cast(1, [], [])
        for frame in range(100):
            board.post(update(frame, cast))
        await asyncio.sleep(0)
        first = await board.newer(reader)
        assert first.picture is not None
        assert (first.picture.frame, first.cast) == (99, cast)
        board.post(update(100, cast))
        second = await board.newer(reader)
        assert second.picture is not None
        assert (second.picture.frame, second.cast) == (100, None)  # it knows the cast

    on_board(script)


def test_a_new_cast_or_map_tells_the_cast_again() -> None:
    async def script(board: Board) -> None:
        reader = Reader()
        for news in (
            update(1, Cast(1, [], [])),
            update(2, Cast(2, [], [])),
            update(3, Cast(2, [], []), scene=2),
        ):
            board.post(news)
            await asyncio.sleep(0)
            assert (await board.newer(reader)).cast == news.cast

    on_board(script)


def test_messages_are_told_once_to_each_reader() -> None:
    async def script(board: Board) -> None:
        first, second, cast = Reader(), Reader(), Cast(1, [], [])
        said = Told(3, 4, "latent", 6000)
        board.tell(said)
        board.post(update(1, cast))
        await asyncio.sleep(0)
        assert [told for _, told in (await board.newer(first)).told] == [said]
        assert [told for _, told in (await board.newer(second)).told] == [said]
        board.post(update(2, cast))
        await asyncio.sleep(0)
        assert (await board.newer(first)).told == []

    on_board(script)


@pytest.mark.parametrize(
    ("host", "origin", "may"),
    [
        ("127.0.0.1:8080", None, True),
        ("localhost:8080", "http://localhost:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:9999", False),  # another server's page on this machine
        ("127.0.0.1:8080", "http://evil.example", False),
        ("127.0.0.1:8080", "null", False),
        ("evil.example:8080", None, False),  # a name that points here
        ("evil.example:8080", "http://evil.example:8080", False),
        ("127.0.0.1.evil.example", None, False),
        ("localhost@evil.example", None, False),
        ("evil.example/@localhost", None, False),
        ("localhost:99999999", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_who_may_ask(host: str | None, origin: str | None, may: bool) -> None:
    assert allowed(host, origin) is may


def test_the_policy_allows_nothing_from_elsewhere() -> None:
    rules = policy("127.0.0.1:8080")["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in rules
    words = {word for rule in rules for word in rule.split()[1:]}
    assert words == {"'none'", "'self'", "data:", "ws://127.0.0.1:8080"}
