"""SUMO's own tools, called for the same bytes every time."""

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from laco.errors import ScenarioError

Row = Mapping[str, object]
WHEN = re.compile(r"<!-- generated on.*?-->\s*", re.DOTALL)  # a date, a version and file names
NORMAL = (
    "--offset.disable-normalization", "--no-turnarounds", "--precision=3", "--junctions.internal-link-detail=24",
)  # fmt: skip


def netgenerate(*options: str) -> str:
    """The network that `netgenerate` makes, as text."""
    return _call("netgenerate", *NORMAL, *options)


def netconvert(nodes: Sequence[Row], edges: Sequence[Row], links: Sequence[Row] = (), *options: str) -> str:
    """The network of plain nodes, edges and connections, as text. An edge's `lanes` are rows of their own."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for kind, tag, rows in (("node", "nod", nodes), ("edge", "edg", edges), ("connection", "con", links)):
            path = Path(folder, f"plain.{tag}.xml")
            path.write_bytes(ET.tostring(_rows(kind, rows)))
            files += [f"--{kind}-files", str(path)]
        return _call("netconvert", *files, *NORMAL, *options)


def node(id: str, x: float, y: float, **more: object) -> Row:
    """A plain node [m]."""
    return {"id": id, "x": x, "y": y, **more}


def edge(source: str, target: str, speed: float, priority: int, **more: object) -> Row:
    """A one-way edge, of one lane unless `lanes` says more."""
    lanes = more.get("lanes")
    count = len(lanes) if isinstance(lanes, list) else 1
    return {
        "id": f"{source}_{target}", "from": source, "to": target, "numLanes": count, "speed": speed,
        "priority": priority, **more,
    }  # fmt: skip


def both_ways(outer: str, inner: str, speed: float, priority: int, **more: object) -> list[Row]:
    """The edge from the outer node to the inner one, and its counterpart."""
    return [edge(outer, inner, speed, priority, **more), edge(inner, outer, speed, priority, **more)]


def link(source: str, target: str, from_lane: int, to_lane: int, **more: object) -> Row:
    """A plain connection from lane to lane, counted from the right."""
    return {"from": source, "to": target, "fromLane": from_lane, "toLane": to_lane, **more}


def _rows(kind: str, rows: Sequence[Row]) -> ET.Element:
    root = ET.Element(f"{kind}s")
    for row in rows:
        item = ET.SubElement(root, str(row.get("tag", kind)))
        for key, value in row.items():
            if isinstance(value, list):
                for index, lane in enumerate(value):
                    ET.SubElement(
                        item, "lane", {"index": str(index), **{str(k): str(v) for k, v in lane.items()}}
                    )
            elif key != "tag":
                item.set(key, str(value))
    return root


def _call(tool: str, *options: str) -> str:
    try:
        import sumo
    except ImportError:
        message = "making maps needs SUMO's tools: pip install 'laco-driving[maps]'"
        raise ScenarioError(message) from None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "net.xml")
        command = [str(Path(sumo.SUMO_HOME, "bin", tool)), *options, "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not out.exists():
            raise ScenarioError(f"{tool}: {' '.join(done.stderr.split()) or 'no network'}")
        return WHEN.sub("", out.read_text(encoding="utf-8"))
