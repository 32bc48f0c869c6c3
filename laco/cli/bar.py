"""A progress bar over many runs, with the time that is left."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LEFT = "left"


class Bar:
    """On a terminal a bar for each kind of work; elsewhere only what is said."""

    def __init__(self, quiet: bool = False) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description:>16}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
        hidden = quiet or not console.is_terminal
        self._console = Console(stderr=True, quiet=quiet)
        self._progress = Progress(*columns, TextColumn("{task.fields[left]}"), console=console, disable=hidden)
        self._tasks: dict[str, TaskID] = {}

    def told(self, what: str, done: int, total: int, left: float | None) -> None:
        """A piece of work is done; left: [s], None where nobody knows."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, left="")
        text = "" if left is None else f"{left // 60:.0f}:{left % 60:02.0f} left"
        self._progress.update(self._tasks[what], completed=done, left=text)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text) if not self._progress.disable else self._console.print(text)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
