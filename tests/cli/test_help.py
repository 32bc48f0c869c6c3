"""The help of every subcommand: nothing in it is taken for markup and lost."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from laco.cli.main import app


def commands(command: Any, *names: str) -> Iterator[Any]:
    """Every command below, as (name, command)."""
    yield pytest.param(command, id=" ".join(names) or "laco")
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *names, name)


ALL = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("command", ALL)
def test_brackets_are_shown(command: Any) -> None:
    """`[m]` would be a style named m: it has to be `\\[m]`."""
    texts = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
    assert [text for text in texts if re.search(r"(?<!\\)\[[a-z@#/]", text)] == []


@pytest.mark.parametrize("command", ALL)
def test_every_option_says_what_it_does(command: Any) -> None:
    assert command.help
    assert [p.name for p in command.params if not (getattr(p, "help", None) or p.name == "seed")] == []
