"""The site of a running viewer, as a browser and as an attacker meet it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import carla
import pytest

from laco.view.launch import ViewProcess

Talk = Callable[[Callable[[], Awaitable[dict[str, Any]]]], Awaitable[None]]


def visit(url: str, script: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(20)) as session:
            await script(session)

    asyncio.run(run())


def listen(url: str, script: Talk) -> None:
    """Runs a script with a function that asks the stream for the next update."""

    async def on_socket(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect("/stream") as socket:

            async def next_update() -> dict[str, Any]:
                await socket.send_str("next")
                return dict(await socket.receive_json(timeout=10))

            await script(next_update)

    visit(url, on_socket)


async def reach(
    next_update: Callable[[], Awaitable[dict[str, Any]]], test: Callable[[Any], bool]
) -> dict[str, Any]:
    """The first update that passes a test."""
    async with asyncio.timeout(20):
        while not test(update := await next_update()):
            pass
        return update


def shows(frame: int, update: dict[str, Any]) -> bool:
    return update["picture"] is not None and update["picture"]["frame"] == frame


def test_the_stream_follows_the_frames(viewer: ViewProcess, world: carla.World) -> None:
    async def script(next_update: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        for _ in range(3):
            frame = world.tick()
            update = await reach(next_update, partial(shows, frame))
            assert update["picture"]["time"] == round(world.get_snapshot().timestamp.elapsed_seconds, 3)

    listen(viewer.url, script)


def test_who_asks_late_gets_the_newest_first(viewer: ViewProcess, world: carla.World) -> None:
    async def script(next_update: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        await reach(next_update, lambda u: u["picture"] is not None)
        for _ in range(200):
            last = world.tick()
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.5)  # several looks of the viewer
        assert (await next_update())["picture"]["frame"] == last

    listen(viewer.url, script)


def test_a_world_that_nobody_ticks_is_paused_and_then_live(viewer: ViewProcess, world: carla.World) -> None:
    async def script(next_update: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        await reach(next_update, lambda u: u["state"] == "paused")
        world.tick()
        await reach(next_update, lambda u: u["state"] == "live")

    listen(viewer.url, script)


def test_another_map_is_another_scene(viewer: ViewProcess, client: carla.Client, world: carla.World) -> None:
    async def scene() -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{viewer.url}/scene") as answer:
            found = await answer.json()
            return found["number"], found["map"]

    async def script(next_update: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        async def named(name: str) -> int:
            async with asyncio.timeout(20):
                while True:
                    update = await reach(next_update, lambda u: u["picture"] is not None)
                    if await scene() == (update["scene"], name):
                        return int(update["scene"])

        first = await named("crossing")
        client.load_world("grid")
        assert await named("grid") > first

    listen(viewer.url, script)


def test_the_viewer_changes_nothing(viewer: ViewProcess, world: carla.World) -> None:
    before, frame = world.get_settings(), world.get_snapshot().frame

    async def script(next_update: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        for _ in range(5):
            await next_update()

    listen(viewer.url, script)
    assert world.get_settings() == before
    assert world.get_snapshot().frame == frame


def test_only_pages_of_this_machine_may_ask(viewer: ViewProcess) -> None:
    async def script(session: aiohttp.ClientSession) -> None:
        for headers, status in (
            ({}, 200),
            ({"Host": "evil.example"}, 403),
            ({"Origin": "http://evil.example"}, 403),
        ):
            for path in ("/", "/app.js", "/scene"):
                async with session.get(path, headers=headers) as answer:
                    assert answer.status == status, (path, headers)
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect("/stream", headers=headers)

    visit(viewer.url, script)


def test_nothing_can_be_written_or_found_beside_the_page(viewer: ViewProcess) -> None:
    async def script(session: aiohttp.ClientSession) -> None:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            async with session.request(method, "/scene") as answer:
                assert answer.status == 405
        for path in ("/server.py", "/../server.py", "/%2e%2e/server.py", "/static/app.js"):
            async with session.get(path) as answer:
                assert answer.status == 404
        async with session.get("/") as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    visit(viewer.url, script)
