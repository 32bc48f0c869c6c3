"""The server in a child process, for whoever needs a world: it must not live in the client's (the client
blocks it)."""

from laco.child import ChildProcess
from laco.scenarios.server.options import WorldOptions


class WorldProcess(ChildProcess):
    """A running server: `.port`, `.pid`; ends with `close`, with the `with` block, and with this process.

    Raises `WorldError`, with the server's last words, when it does not listen within 20 s.
    """

    def __init__(
        self, map: str = "crossing", seed: int = 0, port: int = 0, *, traffic: int = 0, walkers: int = 0
    ) -> None:
        options = WorldOptions(map=map, seed=seed, port=port, traffic=traffic, walkers=walkers)
        super().__init__("world server", "laco.scenarios.server", options.arguments(), "listening on ")
        self.port = int(self.ready.split(",")[0].rsplit(":", 1)[1])
