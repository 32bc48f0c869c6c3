"""The page, the map and the stream, by aiohttp, on 127.0.0.1 only. Everything is read, nothing can be written."""

from collections.abc import Awaitable, Callable
from importlib import resources

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from laco.view.board import Board, Reader
from laco.view.guard import allowed, policy

HERE = "127.0.0.1"
MAX_ASKED = 64  # bytes of what a page may say
BEAT = 20.0  # [s] between signs of life that a page must answer
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
BOARD = web.AppKey("board", Board)
SOCKETS = web.AppKey[set[web.WebSocketResponse]]("sockets")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(board: Board) -> web.Application:
    """The site of a board: `/` and its files, `/scene`, `/stream`."""
    app = web.Application(middlewares=[_guarded])
    app[BOARD], app[SOCKETS] = board, set()
    app.on_shutdown.append(_part)
    app.router.add_get("/", _page)
    app.router.add_get("/scene", _scene)
    app.router.add_get("/stream", _stream)
    for entry in resources.files("laco.view").joinpath("static").iterdir():
        if entry.name.rpartition(".")[2] in TYPES:
            app.router.add_get(f"/{entry.name}", _file(entry.name))
    return app


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    host = request.headers.get("Host")
    if host is None or not allowed(host, request.headers.get("Origin")):
        return web.Response(status=403, text="this page is for this machine only\n")
    request["policy"] = policy(host)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(request["policy"])
    return response


def _read(name: str) -> web.Response:
    body = resources.files("laco.view").joinpath("static", name).read_bytes()
    return web.Response(body=body, content_type=TYPES[name.rpartition(".")[2]], charset="utf-8")


async def _page(request: web.Request) -> web.Response:
    return _read("index.html")


def _file(name: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return _read(name)

    return answer


async def _scene(request: web.Request) -> web.Response:
    """The map as it is now; 503 while there is none."""
    scene = request.app[BOARD].scene
    if scene is None:
        return web.Response(status=503, text="no map yet\n")
    return web.Response(body=msgspec.json.encode(scene), content_type="application/json")


async def _stream(request: web.Request) -> web.WebSocketResponse:
    """One update for each message of the page: a page asks for the next when it has used the last."""
    board, reader = request.app[BOARD], Reader()
    socket = web.WebSocketResponse(heartbeat=BEAT, max_msg_size=MAX_ASKED)
    await socket.prepare(request)
    sockets = request.app[SOCKETS]
    sockets.add(socket)
    board.readers = len(sockets)
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            update = await board.newer(reader)
            await socket.send_str(msgspec.json.encode(update).decode())
    except ConnectionError:
        pass  # the page has gone
    finally:
        sockets.discard(socket)
        board.readers = len(sockets)
    return socket


async def _part(app: web.Application) -> None:
    """Say goodbye to every page: the site would wait for them."""
    sockets = app[SOCKETS]
    for socket in tuple(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY)
