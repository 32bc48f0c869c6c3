"""Route files of our own making, on our own maps."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from laco.scenarios.routes.reading import Task, Via

Point = tuple[float, ...]
Write = Callable[..., Path]


def xml(*routes: str) -> str:
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<routes>\n{''.join(routes)}</routes>\n"


def route(points: Sequence[Point], id: str = "0", town: str = "t_junction") -> str:
    """Leaderboard 1.0: x, y and, where it is given, yaw."""
    rows = []
    for x, y, *yaw in points:
        heading = f' yaw="{yaw[0]}"' if yaw else ""
        rows.append(f'<waypoint x="{x}" y="{y}" z="0.0" pitch="0.0" roll="0.0"{heading}/>')
    return f'<route id="{id}" town="{town}"><weather cloudiness="5.0"/>{"".join(rows)}</route>\n'


def task(*ways: Sequence[Point], id: str = "0", town: str = "t_junction") -> Task:
    return Task(id, town, tuple(tuple(Via(p[0], p[1]) for p in way) for way in ways), Path("own.xml"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text to a file and return its path."""

    def written(text: str, name: str = "routes.xml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written
