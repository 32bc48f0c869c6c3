"""The table as one HTML file that needs nothing else; a click on a head sorts by its column, figures that are missing
last. A wide table is scrolled beside its first column."""

from collections.abc import Sequence
from html import escape

from laco.scenarios.suite.tables import NOTE, Section

STYLE = """
body { font: 13px/1.4 system-ui, sans-serif; margin: 2em; color: #1b1f24; background: #fff; }
table { border-collapse: collapse; margin: 0.5em 0 2em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25em 0.5em; text-align: right; white-space: nowrap; border-bottom: 1px solid #d8dee4; }
th { cursor: pointer; white-space: normal; vertical-align: bottom; border-bottom: 2px solid #57606a; }
th[data-turn="1"]::after { content: " \\25BE"; }
th[data-turn="-1"]::after { content: " \\25B4"; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
th:first-child, td:first-child { position: sticky; left: 0; background: #fff; }
tbody tr:hover td { background: #f0f4f8; }
div { overflow-x: auto; }
p { max-width: 60em; }
"""
SCRIPT = """
function figure(cell) {
  const found = parseFloat(cell.textContent);
  return isNaN(found) ? null : found;
}
function compare(a, b, turn) {
  const x = figure(a), y = figure(b);
  if (x === null && y === null) return turn * a.textContent.localeCompare(b.textContent);
  if (x === null || y === null) return x === null ? 1 : -1;
  return turn * (y - x);
}
for (const head of document.querySelectorAll("th")) {
  head.addEventListener("click", () => {
    const column = head.cellIndex, body = head.closest("table").tBodies[0];
    const turn = head.dataset.turn === "1" ? -1 : 1;
    for (const other of head.parentNode.cells) delete other.dataset.turn;
    head.dataset.turn = turn;
    const rows = [...body.rows].sort((r, s) => compare(r.cells[column], s.cells[column], turn));
    body.append(...rows);
  });
}
"""


def page(title: str, shown: Sequence[Section]) -> str:
    """The whole file."""
    tables = "".join(map(_section, shown))
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = f"<h1>{escape(title)}</h1><p>{escape(NOTE)}</p>{tables}<script>{SCRIPT}</script>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _section(section: Section) -> str:
    heads = _row("th", section.heads)
    rows = "".join(_row("td", cells) for cells in section.rows)
    table = f"<table><thead>{heads}</thead><tbody>{rows}</tbody></table>"
    return f"<h2>{escape(section.heading)}</h2><div>{table}</div>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
