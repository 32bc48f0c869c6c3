"""The page in headless Chromium: it draws, counts, follows, redraws, and says when the world has gone."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import carla
from PIL import Image

from laco.view.launch import ViewProcess

Opened = Callable[[str], AbstractAsyncContextManager[Any]]
TEXT = "document.getElementById({!r}).textContent"


@contextmanager
def ticking(world: carla.World) -> Iterator[None]:
    """A world that moves while the page is looked at."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.05):
            world.tick()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def colors(picture: bytes) -> int:
    with Image.open(io.BytesIO(picture)) as image:
        return len(image.convert("RGB").getcolors(1 << 24))


def share_of(picture: bytes, wanted: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(picture)) as image:
        return sum(n for n, color in image.convert("RGB").getcolors(1 << 24) if color == wanted)


def test_a_person_sees_the_world_move(
    viewer: ViewProcess, grid: carla.World, spawn: Callable[..., carla.Actor], opened: Opened, tmp_path: Path
) -> None:
    point = grid.get_map().get_spawn_points()[0]
    at, yaw = point.location, point.rotation.yaw
    hero = spawn(grid, "vehicle.tesla.model3", "hero", at.x, at.y, yaw)
    hero.apply_control(carla.VehicleControl(throttle=0.4))

    async def script() -> None:
        async with opened(viewer.url) as page:
            await page.until(f"{TEXT.format('map')} === 'grid' && {TEXT.format('vehicles')} === '1'")
            frame = int(await page.value(TEXT.format("frame")))
            await page.until(f"Number({TEXT.format('frame')}) > {frame + 5}")
            light = await page.picture(tmp_path / "light.png")
            assert colors(light) > 50
            assert share_of(light, (139, 145, 154)) > 500  # the road's grey
            await page.press("f")
            await page.until("!document.getElementById('facts').hidden")
            assert await page.value(TEXT.format("fact-type")) == "vehicle.tesla.model3"
            await page.until(f"parseFloat({TEXT.format('fact-speed')}) > 1")
            close = await page.picture(tmp_path / "follow.png")
            assert share_of(close, (214, 51, 108)) > 500  # the ego's red
            await page.dark(True)
            await asyncio.sleep(0.2)
            dark = await page.picture(tmp_path / "dark.png")
            assert share_of(dark, (139, 145, 154)) == 0
            assert share_of(dark, (52, 58, 66)) > 500
            assert page.problems == []

    with ticking(grid):
        asyncio.run(script())


def test_the_page_redraws_itself_for_another_map_and_says_when_all_is_over(
    client: carla.Client, viewer: ViewProcess, world: carla.World, opened: Opened
) -> None:
    async def script() -> None:
        async with opened(viewer.url) as page:
            await page.until(f"{TEXT.format('map')} === 'crossing'")
            client.load_world("grid")
            await page.until(f"{TEXT.format('map')} === 'grid'")
            viewer.close()
            await page.until(f"{TEXT.format('state')}.startsWith('the viewer has ended')")

    asyncio.run(script())
