"""What `laco compare` prints: of the whole table the columns that 80 take; the files have all of them."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from laco.report.table import new_table
from laco.scenarios.suite.tables import NOTHING, Section

# Heads of a section, and what they are called where there is little room.
SHOWN = {
    "setting": "setting",
    "A timely DS": "A\ntimely",
    "A difference": "A difference\n[95 % interval]",
    "all timely DS": "all\ntimely",
    "collisions per vehicle": "hit",
    "success %": "success\n%",
    "air B per message": "air B per\nmessage",
}


def brief(section: Section) -> Table:
    """The section's best known columns, under its heading and what its lines are held against."""
    places = [section.heads.index(head) for head in SHOWN]
    against = ", ".join(_named(row[section.heads.index("baseline")] for row in section.rows))
    title = f"{section.heading}: timely driving score" + (f", difference to {against}" if against else "")
    table = new_table(title, *SHOWN.values())
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for row in section.rows:
        table.add_row(*(escape(row[place]) for place in places))
    return table


def _named(baselines: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(baselines) if name != NOTHING]
