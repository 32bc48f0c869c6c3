"""`laco run` once through, and what it writes; `laco scenarios`."""

import json
from pathlib import Path

from PIL import Image

from laco.scenarios.catalog import SCENARIOS


def test_scenarios(called) -> None:
    status, out, _ = called("scenarios")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [s.id for s in SCENARIOS]
    status, out, _ = called("scenarios", "--json")
    assert [row["id"] for row in json.loads(out)] == [s.id for s in SCENARIOS]


def test_a_run_writes_and_prints_what_happened(called, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    arguments = ("run", "occluded-crossing", "--seed", "1003", "--channel", "silent", "--out", str(out))
    status, shown, errors = called(*arguments)
    assert (status, errors) == (0, "")
    assert "occluded-crossing-v1  seed 1003" in shown
    assert "silent" in shown
    assert sorted(p.name for p in out.iterdir()) == ["messages.jsonl", "result.json", "run.gif"]
    result = json.loads((out / "result.json").read_text())
    assert (result["scenario"], result["seed"], result["twin"]) == ("occluded-crossing-v1", 1003, False)
    figures = result["channels"]["silent"]
    assert figures["egos"].keys() == {"A", "B"}
    lines = [json.loads(line) for line in (out / "messages.jsonl").read_text().splitlines()]
    assert len(lines) == figures["beacons"]["count"]
    with Image.open(out / "run.gif") as image:
        assert image.n_frames > 10


def test_json_is_all_that_is_printed(called, tmp_path: Path) -> None:
    options = ("--seed", "1003", "--channel", "silent", "--twin", "--json", "--no-gif")
    status, shown, errors = called("run", "occluded-crossing", *options, "--out", str(tmp_path))
    assert (status, errors) == (0, "")
    assert json.loads(shown) == json.loads((tmp_path / "result.json").read_text())
    assert json.loads(shown)["twin"] is True
    assert not (tmp_path / "run.gif").exists()


def test_a_lossy_radio_is_recorded_and_reported(called, tmp_path: Path) -> None:
    scenario = ("run", "occluded-crossing", "--seed", "1003", "--channel", "latent", "--no-gif")
    radio = ("--radio", "dsrc_6m", "--loss", "gilbert:0.05,0.2", "--range", "300")
    status, shown, errors = called(*scenario, *radio, "--out", str(tmp_path))
    assert (status, errors) == (0, "")
    assert "What the air did, per listener" in shown
    result = json.loads((tmp_path / "result.json").read_text())
    radio = result["options"]["radio"]
    assert (radio["preset"], radio["range"], radio["loss"]["p"]) == ("dsrc_6m", 300.0, 0.05)
    assert result["channels"]["latent"]["delivery"]["messages"]["used_in_part"] > 0


def test_a_budget_is_kept_and_what_was_chosen_is_told(called, tmp_path: Path) -> None:
    options = ("--channel", "latent", "--codec", "auto", "--budget", "2500", "--no-gif")
    status, _, errors = called("run", "occluded-crossing", "--seed", "1003", *options, "--out", str(tmp_path))
    assert (status, errors) == (0, "")
    figures = json.loads((tmp_path / "result.json").read_text())["channels"]["latent"]
    lines = [json.loads(line) for line in (tmp_path / "messages.jsonl").read_text().splitlines()]
    said = [line for line in lines if line["kind"] == "latent"]
    assert all(line["air_bytes"]["total"] <= 2500 for line in said)
    assert all({"codec", "keep", "layers"} <= line.keys() for line in said)
    unspoken = figures["receipts"]["latent"].get("unspoken", 0)
    assert sum(way["count"] for way in figures["ways"]) == len(said) > 0
    assert len(said) + unspoken > 20
    assert sum(way["air_bytes"] for way in figures["ways"]) == figures["messages"]["air_bytes"]["total"]
