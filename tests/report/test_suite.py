"""What `laco compare` prints of its table."""

import io

from rich.console import Console

from laco.report.suite import SHOWN, brief
from laco.report.table import WIDTH
from laco.scenarios.suite.tables import MAIN, Section

HEADS = ("setting", "baseline", *(column.head for column in MAIN))


def printed(*rows: dict[str, str]) -> list[str]:
    cells = tuple(tuple(row.get(head, "-") for head in HEADS) for row in rows)
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(brief(Section("All scenarios", HEADS, cells)))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_80_columns_hold_the_figures_whole() -> None:
    row = {head: f"{i}00.0" for i, head in enumerate(SHOWN)}
    row |= {"setting": "silent, caution 0.25, dsrc_6m, charged:50", "baseline": "best [a]"}
    row["A difference"] = "-15.81 [-115.62, +116.00]"
    lines = printed(row, {"setting": "best [a]"})
    text = "\n".join(lines)
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in text
    assert "-15.81 [-115.62, +116.00]" in text
    assert [f"{i}00.0" for i in (1, 3, 4, 5, 6) if f"{i}00.0" not in text] == []
    assert "difference to best [a]" in lines[0] + lines[1]


def test_alone_there_is_nothing_to_differ_from() -> None:
    assert "difference to" not in "\n".join(printed({"setting": "silent"}))
