"""What `--help` shows is what was written."""

import re
from collections.abc import Iterator

import click
import typer

from laco.cli.main import app

MARKUP = re.compile(r"(?<!\\)\[[a-z/]+\]")  # rich takes a unit for a style, and shows nothing


def helps(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    """Of a command, its options and those below it."""
    yield path, command.help or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {name}")


def test_no_unit_is_taken_for_a_style() -> None:
    found = dict(helps(typer.main.get_command(app), "laco"))
    assert len(found) > 100
    assert {path: text for path, text in found.items() if MARKUP.search(text)} == {}
