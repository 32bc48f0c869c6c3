"""A server and a client on it, and headless Chromium by its DevTools protocol, over aiohttp's client."""

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import carla
import pytest

from laco.scenarios.server.launch import WorldProcess
from laco.view.launch import ViewProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--mute-audio",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--remote-debugging-port=0", "--window-size=1280,800",
)  # fmt: skip


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session, self._id = socket, session, 0
        self.problems: list[str] = []  # what its console and its exceptions said

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        self._id += 1
        await self._socket.send_json({"id": self._id, "method": method, "params": params, "sessionId": self._session})
        while True:
            said = await self._socket.receive_json(timeout=30)
            if said.get("id") == self._id:
                assert "error" not in said, said
                return dict(said["result"])
            self._note(said)

    async def value(self, script: str) -> Any:
        """What a piece of script comes to."""
        return (await self.do("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    async def until(self, script: str, limit: float = 20.0) -> Any:
        """The first true value of a piece of script."""
        async with asyncio.timeout(limit):
            while not (value := await self.value(script)):
                await asyncio.sleep(0.05)
            return value

    async def press(self, key: str) -> None:
        """A key, wherever the focus is."""
        event = f"new KeyboardEvent('keydown', {{key: {key!r}, bubbles: true}})"
        await self.value(f"document.body.dispatchEvent({event})")

    async def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def dark(self, on: bool) -> None:
        feature = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        await self.do("Emulation.setEmulatedMedia", features=[feature])

    async def picture(self, path: Path) -> bytes:
        data = base64.b64decode((await self.do("Page.captureScreenshot", format="png"))["data"])
        path.write_bytes(data)
        return data

    def _note(self, said: dict[str, Any]) -> None:
        if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.problems.append(str(said["params"]))


@asynccontextmanager
async def _opened(url: str, folder: Path) -> AsyncIterator[Page]:
    """A browser with its own profile in `folder`, on a page."""
    path = next(path for name in BROWSERS if (path := shutil.which(name)))
    process = await asyncio.create_subprocess_exec(
        path, *OPTIONS, f"--user-data-dir={folder}", "about:blank",
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            address = await _address(process)
        async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
            target = await _ask(socket, "Target.createTarget", url="about:blank")
            session = await _ask(socket, "Target.attachToTarget", targetId=target["targetId"], flatten=True)
            page = Page(socket, session["sessionId"])
            for domain in ("Page", "Runtime", "Log"):
                await page.do(f"{domain}.enable")
            await page.do("Page.navigate", url=url)
            yield page
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on " in line:
            return line.decode().split(" on ", 1)[1].strip()
    raise RuntimeError("the browser ended")


async def _ask(socket: aiohttp.ClientWebSocketResponse, method: str, **params: Any) -> dict[str, Any]:
    await socket.send_json({"id": 0, "method": method, "params": params})
    while (said := await socket.receive_json(timeout=30)).get("id") != 0:
        pass
    return dict(said["result"])


Opened = Callable[[str], AbstractAsyncContextManager[Page]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens an address in a browser; skips where there is none."""
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip("no Chromium on PATH (apt-get install chromium)")
    return lambda url: _opened(url, tmp_path / "profile")


@pytest.fixture(scope="module")
def viewer(server: WorldProcess) -> Iterator[ViewProcess]:
    with ViewProcess("127.0.0.1", server.port) as process:
        yield process


@pytest.fixture
def world(client: carla.Client) -> carla.World:
    """An empty, synchronous episode on the crossing, already ticked once."""
    return fresh(client, "crossing")


@pytest.fixture
def grid(client: carla.Client) -> carla.World:
    """The same on the grid, which has lights, crosswalks and buildings."""
    return fresh(client, "grid")


def fresh(client: carla.Client, name: str) -> carla.World:
    world = client.load_world(name)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    world.tick()
    return world


@pytest.fixture
def spawn() -> Callable[..., carla.Actor]:
    """Puts an actor on the ground and ticks, so that its state can be read."""

    def put(world: carla.World, name: str, role: str, x: float, y: float, yaw: float = 0.0) -> carla.Actor:
        blueprint = world.get_blueprint_library().find(name)
        blueprint.set_attribute("role_name", role)
        where = carla.Transform(carla.Location(x=x, y=y, z=0.3), carla.Rotation(yaw=yaw))
        actor = world.spawn_actor(blueprint, where)
        world.tick()
        return actor

    return put
