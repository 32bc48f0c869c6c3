"""`laco scenarios`: what can be run."""

import json
from typing import Annotated

import typer


def scenarios(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the scenarios."""
    from laco.scenarios.catalog import SCENARIOS

    if as_json:
        typer.echo(json.dumps([{"id": s.id, "summary": s.summary} for s in SCENARIOS]))
        return
    for scenario in SCENARIOS:
        typer.echo(f"{scenario.id}  {scenario.summary}")
