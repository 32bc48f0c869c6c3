"""`laco profile`: each command once through, its table, its JSON, its files, and bad input."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from laco.profiling.ledger import FILE, Heard, Line, Split

Called = Callable[..., tuple[int, str, str]]


def told(called: Called, *arguments: str) -> dict:
    """What `--json` prints, and nothing else on either stream."""
    status, out, errors = called("profile", *arguments, "--json")
    assert (status, errors) == (0, "")
    return json.loads(out)


def is_plot(path: Path) -> None:
    """A picture in which something is drawn."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.format == "PNG"
        assert image.width > 800
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run, as `laco run` leaves it."""
    folder = tmp_path / "run"
    folder.mkdir()
    air = Split(1000, 100, 0, 1100)
    lines = [
        Line("latent", kind, "A", "", n, 0.2 * n, 0.2 * n, (1100,), air, air,
             (Heard("B", "used", 0.2 * (n % 3), "", 0.2 * n + 0.05, 1),))
        for n in range(20) for kind in ("beacon", "latent")
    ]  # fmt: skip
    (folder / FILE).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    ms = {"count": 20, "p50": 3.0, "p90": 5.0, "p99": 7.0, "max": 9.0}
    spans = dict.fromkeys(("deliberate", "share", "encode", "publish", "receive", "decode", "infer"), ms)
    channels = {
        "silent": {"latency_ms": {"infer": {**ms, "p50": 2.0}}, "egos": {"A": {"time_s": 4.0}}},
        "latent": {"latency_ms": {**spans, "phase speak": ms}, "egos": {"A": {"time_s": 4.0}}},
    }
    (folder / "result.json").write_text(json.dumps({"channels": channels, "options": {"radio": {"preset": "dsrc_6m"}}}))
    return folder


def test_codecs(called, tmp_path: Path, llm_folder: Path) -> None:
    out = tmp_path / "out"
    model = ("--model", str(llm_folder), "--samples", "1")
    found = told(called, "codecs", *model, "--out", str(out))
    assert [row["codec"] for row in found["codecs"]][:3] == ["fp32", "fp16", "fp8"]
    assert all(row["kl"] is not None for row in found["codecs"][:3])
    assert json.loads((out / "codecs.json").read_text()) == found
    is_plot(out / "codecs.png")
    status, shown, _ = called("profile", "codecs", "--model", "vector", "--samples", "2", "--codec", "int8")
    assert status == 0
    assert "int8" in shown
    assert "fp16" not in shown


def test_decision_of_a_run(called, tmp_path: Path, run: Path) -> None:
    out = tmp_path / "out"
    found = told(called, "decision", str(run), "--out", str(out))["channels"]
    names = [row["stage"] for row in found["latent"]["stages"]]
    assert names == ["deliberate", "share", "encode", "publish", "queue + air", "receive", "decode", "infer"]
    air = found["latent"]["stages"][4]
    assert air["simulated"] is True
    assert air["p50"] == pytest.approx(50.0)
    assert found["latent"]["attach_ms"] == pytest.approx(1.0)
    is_plot(out / "decision.png")
    status, shown, _ = called("profile", "decision", str(run))
    assert status == 0
    assert "+1.00 ms" in shown


def test_radio_of_a_run_and_of_a_load(called, tmp_path: Path, run: Path) -> None:
    out = tmp_path / "out"
    found = told(called, "radio", str(run), "--out", str(out))["runs"]["latent"]
    assert found["messages"]["count"] == found["beacons"]["count"] == 20
    assert found["medium"]["air_bits_per_s"] == 8 * 40 * 1100 / 4.0
    assert found["messages"]["delivery"]["age_at_use_s"]["max"] == pytest.approx(0.4)
    for name in ("ages", "load"):
        is_plot(out / f"{name}.png")
    small = ("--vehicles", "3", "--bytes", "500", "--hz", "10", "--seconds", "1")
    load = told(called, "radio", "--radio", "ideal", *small)["runs"]["load"]
    assert load["messages"]["delivery"]["deliveries"] == 3 * 2 * 10
    assert called("profile", "radio", str(run))[0] == 0


def test_transport(called, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = told(called, "transport", "--size", "2000", "--turns", "2", "--out", str(out))
    assert [row["case"] for row in found["rows"]] == ["pyzmq", "raw", "float32", "checksum", "chunked"]
    is_plot(out / "transport.png")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("codecs", "--codec", "zip"), "unknown codec 'zip'"),
        (("codecs", "--model", "no/such/folder"), "no model 'no/such/folder'"),
        (("decision", "nowhere"), "nowhere is no folder of a run: result.json cannot be read"),
        (("radio", "nowhere"), "nowhere is no folder of a run: result.json cannot be read"),
        (("radio", "--radio", "telepathy"), "unknown radio 'telepathy'"),
        (("decision", "--channel", "telepathy"), "unknown channel 'telepathy'"),
    ],
)
def test_bad_input_is_one_clear_line(called, arguments: tuple[str, ...], line: str) -> None:
    status, _, errors = called("profile", *arguments)
    assert status == 2
    assert errors.startswith(f"laco: {line}")
    assert errors.count("\n") == 1


def test_a_result_that_is_none(called, run: Path) -> None:
    (run / "result.json").write_text("[]")
    status, _, errors = called("profile", "decision", str(run))
    assert (status, errors) == (2, f"laco: {run / 'result.json'} is not what `laco run` writes\n")
