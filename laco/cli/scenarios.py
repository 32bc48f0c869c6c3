"""`laco scenarios`: what can be run, and whether it is fit to be."""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from laco.distill.trial import Verdict
    from laco.scenarios.catalog import Scenario


def scenarios(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help="These alone; without -vN the newest version.", show_default="all"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Look at their layouts and drive them; status 1 if one is not fit.")
    ] = False,
    seeds: Annotated[str, typer.Option(metavar="A-B", help="Seeds to check.")] = "1000-1009",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the scenarios, or check them."""
    from laco.scenarios.catalog import SCENARIOS, find

    chosen = [find(name) for name in names or ()] or list(SCENARIOS)
    if check:
        _check(chosen, _range(seeds), as_json)
    elif as_json:
        typer.echo(json.dumps([{"id": s.id, "summary": s.summary} for s in chosen]))
    else:
        for scenario in chosen:
            typer.echo(f"{scenario.id}  {scenario.summary}")


def _range(text: str) -> range:
    """A-B, or one seed."""
    from laco.errors import ConfigError

    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    found = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not found:
        raise ConfigError(f"seeds are A-B with A not above B, not {text!r}")
    return found


def _check(chosen: "Sequence[Scenario]", seeds: range, as_json: bool) -> None:
    """Raises: typer.Exit, with status 1 if a scenario is not fit."""
    from rich.progress import track

    from laco.distill.trial import judge

    console = _console(stderr=True)
    steps = track(chosen, "checking", console=console, transient=True, disable=not console.is_terminal)
    verdicts = [judge(scenario, seeds) for scenario in steps]
    complaints = {v.scenario.id: v.complaints() for v in verdicts}
    if as_json:
        typer.echo(json.dumps([{**_row(v), "complaints": complaints[v.scenario.id]} for v in verdicts]))
    else:
        _table(verdicts, complaints)
    if any(complaints.values()):
        raise typer.Exit(1)


def _row(verdict: "Verdict") -> dict[str, Any]:
    """Leads are None where A never sees the hazard, or no peer does."""
    lead = verdict.lead if abs(verdict.lead) < 1e6 else None
    return {
        "id": verdict.scenario.id,
        "seeds": [t.seed for t in verdict.trials],
        "vehicles": verdict.vehicles,
        "faultless": verdict.faultless,
        "lead_s": lead,
        "in_time": 1.0 - len(verdict.late) / len(verdict.trials),
        "matters": verdict.mattering,
        "completes": verdict.clean,
    }


def _table(verdicts: "Sequence[Verdict]", complaints: dict[str, list[str]]) -> None:
    from rich.table import Table

    table = Table("scenario", "vehicles", "layouts", "a peer sees it before A", "matters", "expert", "", box=None)
    for verdict in verdicts:
        row, bad = _row(verdict), complaints[verdict.scenario.id]
        lead = "A never sees it" if row["lead_s"] is None else f"{row['lead_s']:.1f} s"
        table.add_row(
            row["id"], str(row["vehicles"]), "ok" if row["faultless"] else "faulty",
            f"{lead}, {row['in_time']:.0%} in time", f"{row['matters']:.0%}", f"{row['completes']:.0%}",
            "NOT FIT" if bad else "fit",
        )  # fmt: skip
    _console().print(table)
    for id, lines in complaints.items():
        for line in lines:
            typer.echo(f"{id}: {line}")


def _console(stderr: bool = False) -> Any:
    """A console that is wide enough for the table where it is no terminal."""
    from rich.console import Console

    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=120)
