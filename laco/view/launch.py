"""The viewer in a child process, for whoever has a world to show."""

from collections.abc import Sequence

import msgspec

from laco.child import ChildProcess
from laco.view.extra import require


class ViewProcess(ChildProcess):
    """A running viewer of the server at host:port: `.url`, `.pid`; ends with `close`, with the `with` block, and
    with this process.

    The server need not be there yet: the page waits for it, and says so. Raises `ConfigError` without the
    `[view]` extra and `WorldError`, with the viewer's last words, when it does not start.
    """

    def __init__(self, host: str, port: int, view_port: int = 0) -> None:
        require()
        options = ["--host", host, "--port", str(port), "--view-port", str(view_port)]
        super().__init__("viewer", "laco.view", options, "viewing on ")
        self.url = self.ready

    def entitle(self, title: str) -> None:
        """Say on the page what is going on."""
        self._show({"title": title})

    def tell(self, told: Sequence[dict[str, object]]) -> None:
        """Show messages that went between actors, each with the fields of `board.Told`."""
        if told:
            self._show({"told": list(told)})

    def _show(self, line: dict[str, object]) -> None:
        self.say(msgspec.json.encode(line))
