"""The viewer as a process: starting, waiting for its server, ending."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import aiohttp
import pytest

from laco.cli.main import main
from laco.errors import ConfigError, WorldError
from laco.scenarios.server.launch import WorldProcess
from laco.view import extra
from laco.view.launch import ViewProcess

SAFE = {**os.environ, "PYTHONSAFEPATH": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_it_says_where_the_server_is_before_during_and_after() -> None:
    async def states(url: str, port: int) -> None:
        async with aiohttp.ClientSession(url) as session, session.ws_connect("/stream") as page:

            async def reach(state: str, detail: str = "") -> None:
                """Before its first try has failed, "waiting" has nothing to add: then there is more to come."""
                async with asyncio.timeout(20):
                    while True:
                        await page.send_str("next")
                        update = await page.receive_json()
                        if update["state"] == state and update["detail"].startswith(detail):
                            return

            silence = f"no CARLA server answers at 127.0.0.1:{port}"
            await reach("waiting", silence)
            for _ in range(2):
                with await asyncio.to_thread(WorldProcess, port=port):
                    await reach("live")
                await reach("gone", silence)

    port = free_port()
    with ViewProcess("127.0.0.1", port) as viewer:
        asyncio.run(states(viewer.url, port))


def test_close_ends_it_with_a_page_open_and_may_be_called_again() -> None:
    async def closed_under(viewer: ViewProcess) -> int:
        async with aiohttp.ClientSession(viewer.url) as session, session.ws_connect("/stream") as page:
            await page.send_str("next")
            await page.receive()
            closing = asyncio.create_task(asyncio.to_thread(viewer.close))
            await page.receive()
            await closing
            return page.close_code or 0

    viewer = ViewProcess("127.0.0.1", free_port())
    assert asyncio.run(closed_under(viewer)) == aiohttp.WSCloseCode.GOING_AWAY
    viewer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(viewer.pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_at_a_signal_without_a_word(number: signal.Signals) -> None:
    code = "import sys; from laco.cli.main import main; sys.argv[0] = 'laco'; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "view",
        "--carla",
        f"127.0.0.1:{free_port()}",
        "--port",
        "0",
        "--no-open",
    ]
    viewer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=SAFE, text=True)
    assert viewer.stdout is not None
    assert viewer.stdout.readline().startswith("view: http://127.0.0.1:")
    viewer.send_signal(number)
    assert viewer.communicate(timeout=10) == ("", "")
    assert viewer.returncode == 0


def test_a_busy_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            WorldError, match=f"^the viewer did not start: cannot show a page on 127.0.0.1:{port}: "
        ):
            ViewProcess("127.0.0.1", 2000, port)


def test_without_the_extra_it_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'laco-driving\[view\]'"):
        ViewProcess("127.0.0.1", 2000)
    for command in (["view"], ["run", "occluded-crossing", "--view"]):
        monkeypatch.setattr(sys, "argv", ["laco", *command])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        assert (
            capsys.readouterr().err == "laco: the live view needs aiohttp: pip install 'laco-driving[view]'\n"
        )
