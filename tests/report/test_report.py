"""Pictures, tables and files of a run, without a run."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from laco.agents.channels import CHANNEL_NAMES
from laco.agents.observation import Body
from laco.errors import ConfigError
from laco.report.files import prepare, write_bytes, write_json, write_lines
from laco.report.table import WIDTH, results
from laco.report.topdown import HEAD, PIXELS, render
from laco.scenarios.layout import Ego, Layout, Placement
from laco.scenarios.metrics import Drive
from laco.scenarios.runner import Record, Scene


def record(scenes: int) -> Record:
    ego = Ego(Placement("A", "vehicle.x", 0.0, 40.0, -90.0), np.array([[0.0, 40.0], [0.0, -40.0]]))
    made = Record(Layout("test-v1", 0, "crossing", 13.0, (ego,)), {"A": Drive(80.0)})
    for i in range(scenes):
        a = Body(0.0, 40.0 - 4 * i, -1.57, 8.0, 2.4, 0.9)
        hazard = Body(30.0 - 4 * i, 0.0, 3.14, 8.0, 2.4, 0.9)
        made.scenes.append(Scene(0.2 * i, [("A", a), ("hazard", hazard), ("", a), ("truck0", hazard)]))
    made.drives["A"].collide(0.1, 3, "vehicle.x")
    return made


def test_a_gif_is_as_long_as_the_longest_run() -> None:
    with Image.open(io.BytesIO(render({"silent": record(5), "latent": record(12)}))) as image:
        assert image.format == "GIF"
        assert image.n_frames == 12
        assert image.size == (2 * PIXELS + 4, PIXELS + HEAD)
        first = image.convert("RGB").tobytes()
        image.seek(11)
        assert image.convert("RGB").tobytes() != first


def figures(channel: str) -> dict[str, Any]:
    silent, encode = channel == "silent", {"p50": 3.0, "p90": 4.0}
    counted = {"payload": 1000, "metadata": 100, "framing": 20, "total": 1120}
    spread = {"count": 9, "p50": 0.2, "p90": 0.3, "p99": 0.4, "max": 0.4}
    delivery = {
        "messages_delivered": None if silent else 0.875,
        "chunks_delivered": None if silent else 0.9375,
        "messages_used": None if silent else 0.75,
        "deadline_missed": None if silent else 0.125,
        "inter_reception_gap_s": {"count": 0} if silent else spread,
        "age_at_use_s": {"count": 0} if silent else spread,
    }
    messages = {
        "count": 0 if silent else 10,
        "air_bytes_per_s": 0.0 if silent else 12345.0,
        "delivery": delivery,
        "air_bytes": {**counted, "framing": 0, "total": 1100},
        "socket_bytes": counted,
    }
    ego = {
        "driving_score": 60.0,
        "timely_driving_score": 55.5,
        "route_completion": 100.0,
        "infraction_penalty": 0.6,
        "collisions": 1,
        "time_s": 9.25,
    }
    return {
        "egos": {"A": ego},
        "fleet": ego | {"driving_score": 77.7},
        "latency_ms": {"infer": {"p50": 1.25, "p90": 2.5}} | ({} if silent else {"encode": encode}),
        "messages": messages,
        "beacons": messages | {"count": 20},
        "receipts": {"beacon": {"used": 19}} | ({} if silent else {channel: {"used": 9, "refused": 1}}),
        "foreign_tokens": 0 if silent else 321,
        "medium": {"channel_busy_ratio": None if silent else 0.321},
        "delivery": {"messages": trouble(0 if silent else 10), "beacons": trouble(20)},
    }


def trouble(messages: int) -> dict[str, Any]:
    return {
        "fragments": {"sent": 7 * messages, "lost": messages, "unsent": 0},
        "fragment_delivery": 6 / 7 if messages else None,
        "messages": messages,
        "message_delivery": 0.5 if messages else None,
        "used_whole": messages // 2,
        "used_in_part": messages // 5,
        "mean_share": 0.66 if messages else None,
        "air_lost": 3,
        "overtaken": 0,
        "too_old": 0,
        "still_queued": 0,
    }


def test_the_table_shows_every_channel_in_full() -> None:
    out = io.StringIO()
    console = Console(file=out, width=WIDTH)
    console.print(results({name: figures(name) for name in CHANNEL_NAMES}))
    lines = out.getvalue().splitlines()
    for name in CHANNEL_NAMES:
        assert sum(line.lstrip().startswith(name) for line in lines) >= 2, name
    text = out.getvalue()
    assert "…" not in text
    safety, volume, air = ("60.0", "55.5", "77.7", "0.60"), ("321", "110", "112"), ("93.8", "200 / 400", "12.3", "32.1")
    for figure in (*safety, *volume, *air, "(beacon)"):
        assert figure in text
    assert max(map(len, lines)) <= WIDTH


class TestFiles:
    def test_what_is_written_is_whole_and_alone(self, tmp_path: Path) -> None:
        write_json(tmp_path / "a.json", {"ü": 1})
        write_lines(tmp_path / "b.jsonl", [{"x": 1}, {"x": 2}])
        write_bytes(tmp_path / "c", b"old")
        write_bytes(tmp_path / "c", b"new")
        assert (tmp_path / "a.json").read_text() == '{\n  "ü": 1\n}\n'
        assert (tmp_path / "b.jsonl").read_text() == '{"x": 1}\n{"x": 2}\n'
        assert (tmp_path / "c").read_bytes() == b"new"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "b.jsonl", "c"]

    def test_a_write_that_fails_leaves_the_old_file_and_no_part(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "c"
        path.write_bytes(b"old")

        def fail(self: Path, target: Path) -> Path:
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            write_bytes(path, b"new")
        assert path.read_bytes() == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["c"]

    def test_preparing_makes_folders_and_leaves_nothing_in_them(self, tmp_path: Path) -> None:
        folder = prepare(tmp_path / "a" / "b")
        assert list(folder.iterdir()) == []
        assert prepare(folder) == folder

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(ConfigError, match="cannot write to output folder"):
            prepare(tmp_path / "a" / "b")
