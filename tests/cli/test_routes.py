"""`laco routes`: what it prints and writes, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Called = Callable[..., tuple[int, str, str]]


FILE = """<routes>
<route id="0" town="t_junction"><waypoint x="1.6" y="60" yaw="270"/><waypoint x="60" y="1.6" yaw="0"/></route>
<route id="1" town="roundabout"><waypoints><position x="60" y="-1.6"/><position x="-1.6" y="60"/></waypoints></route>
</routes>"""
ONE = '<routes><route id="0" town="{town}"><waypoint x="{x}" y="1.6"/><waypoint x="-60" y="1.6"/></route></routes>'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.xml"
    path.write_text(FILE)
    return path


def test_list_and_check(called, file: Path) -> None:
    status, out, _ = called("routes", "list", str(file), "--json")
    assert (status, [row["town"] for row in json.loads(out)]) == (0, ["t_junction", "roundabout"])
    status, out, _ = called("routes", "check", str(file), "--json")
    assert status == 0
    assert [(row["route"], row["map"], row["vehicles"]) for row in json.loads(out)] == [
        ("0", "t_junction", 2),
        ("1", "roundabout", 2),
    ]


def test_check_names_every_route_that_cannot_be_driven(called, file: Path) -> None:
    status, out, err = called("routes", "check", str(file), "--map", "highway", "--egos", "1")
    assert (status, out) == (2, "")
    assert [line.partition(", waypoint")[0] for line in err.splitlines()] == [
        f"laco: {file}: route {number}" for number in (0, 1)
    ]


def test_a_run_writes_langcoop_s_records_and_resumes(called, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("run", str(file), "--route", "0", "--egos", "1", "--driver", "expert", "--out", str(out), "--resume")
    status, shown, err = called("routes", *call)
    assert (status, err) == (0, "")
    assert "LangCoop's scores" in shown
    folder = out / "expert" / "0"
    assert sorted(path.name for path in folder.iterdir()) == ["ego_vehicle_0", "result.json"]
    (record,) = json.loads((folder / "ego_vehicle_0" / "results.json").read_text())["_checkpoint"]["records"]
    assert record["status"] == "Completed"
    stops = len(record["infractions"]["stop_infraction"])  # the expert knows no signs, but may stand for another reason
    assert record["scores"]["score_composed"] == pytest.approx(100.0 * 0.8**stops)
    total = json.loads((out / "summary.json").read_text())["channels"]["expert"]
    assert total["langcoop"]["all"]["driving"] == pytest.approx(100.0 * 0.8**stops)
    assert total["interdrive"]["all"]["success"] == 1.0  # which does not count the first vehicle's stop signs
    before = (folder / "result.json").stat().st_mtime_ns
    status, shown, _ = called("routes", *call, "--scoring", "interdrive", "--json")
    assert (status, json.loads(shown)["channels"]["expert"]) == (0, total)
    assert (folder / "result.json").stat().st_mtime_ns == before


def refused(called: Called, *arguments: str) -> str:
    status, _, err = called("routes", *arguments)
    assert status == 2
    assert err.startswith("laco: ")
    assert err.count("\n") == 1
    return err.removeprefix("laco: ").strip()


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("<routes>", (), "is not XML"),
        ("<routes/>", (), "no <route> in this file"),
        (FILE.replace('id="1"', 'id="0"'), (), "two routes have the id '0'"),
        (FILE, ("--route", "17"), "no route has the id '17'; there is 0, 1"),
        (ONE.format(town="Town05", x=60), (), "is made for Town05, which is not ours to ship: name a map with --map"),
        (ONE.format(town="", x=60), (), "does not say which map it is made for"),
        (ONE.format(town="t_junction", x=600), (), "waypoint 0 (600.0, 1.6) is 451 m from the nearest lane"),
        (ONE.format(town="t_junction", x=60), (), "no way leads from waypoint 0 (60.0, 1.6)"),
        (FILE, ("--map", "rondabout"), "no map is called 'rondabout'; did you mean 'roundabout'?"),
        (FILE, ("--map", "nowhere.xodr"), "cannot read map nowhere.xodr"),
        (FILE, ("--carla", "localhost"), "a server's address is HOST:PORT"),
        (FILE, ("--carla", "127.0.0.1:1", "--traffic", "5"), "are the embedded server's"),
        (FILE, ("--channel", "telepathy"), ""),
        (FILE, ("--radio", "pigeons"), "pigeons"),
    ],
)
def test_bad_input_is_one_line(text: str, arguments: tuple[str, ...], told: str, called, tmp_path: Path) -> None:
    path = tmp_path / "own.xml"
    path.write_text(text)
    out = ("--out", str(tmp_path / "out"))
    if "telepathy" in arguments:  # typer's own words
        assert called("routes", "run", str(path), *arguments, *out)[0] == 2
        return
    assert told in refused(called, "run", str(path), *arguments, *out)
