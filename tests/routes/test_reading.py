"""Route files in every form that is read, and every way in which they can be wrong."""

from pathlib import Path

import pytest

from laco.errors import ScenarioError
from laco.scenarios.routes.reading import Via, choose, read

from .conftest import Write, route, xml

WAY = ((1.6, 100.0, 270.0), (100.0, 1.6, 0.0))
NEWER = """<route id="24" town="Town12"><weathers><weather route_percentage="0"/></weathers>
<waypoints><position x="1.5" y="2" z="3"/><position x="4" y="5" z="6"/></waypoints>
<scenarios><scenario name="S" type="T"><trigger_point x="9" y="9" z="9" yaw="0"/></scenario></scenarios></route>"""


def test_leaderboard_1(write: Write) -> None:
    path = write(xml(route(WAY, "3"), route(WAY, "x 4", "Town05")))
    first, second = read(path)
    assert (first.id, first.town, first.source) == ("3", "t_junction", path)
    assert first.ways == ((Via(1.6, 100.0, 0.0, 270.0), Via(100.0, 1.6, 0.0, 0.0)),)
    assert (second.id, second.folder, second.town) == ("x 4", "x_4", "Town05")


def test_leaderboard_2_and_what_it_says_besides(write: Write) -> None:
    (found,) = read(write(xml(NEWER)))
    assert (found.id, found.town) == ("24", "Town12")
    assert found.ways == ((Via(1.5, 2.0, 3.0), Via(4.0, 5.0, 6.0)),)


def test_headings_that_are_all_zero_are_none(write: Write) -> None:
    (found,) = read(write(xml(route([(1.0, 2.0, 0.0), (3.0, 4.0, 0.0)]))))
    assert [via.yaw for via in found.ways[0]] == [None, None]


def interdrive(write: Write, name: str, numbers: tuple[int, ...], town: str = "grid") -> Path:
    paths = [write(xml(route(WAY, "0", town)), f"{name}/{name}_{number}.xml") for number in numbers]
    return paths[0].parent


def test_an_interdrive_folder_is_one_route_of_several_vehicles(write: Write) -> None:
    (found,) = read(interdrive(write, "r9_town06_ins_ss", (0, 1, 2)))
    assert (found.id, found.town, len(found.ways)) == ("r9_town06_ins_ss", "grid", 3)


def test_a_folder_of_such_folders_in_the_order_of_its_numbers(write: Write) -> None:
    for name in ("r10_a_ins_c", "r2_a_ins_c"):
        folder = interdrive(write, name, (0, 1))
    assert [task.id for task in read(folder.parent)] == ["r2_a_ins_c", "r10_a_ins_c"]


def test_a_folder_of_plain_files_has_what_they_have(write: Write) -> None:
    write(xml(route(WAY, "0")), "town05_short_r1.xml")
    path = write(xml(route(WAY, "0"), route(WAY, "7")), "town05_short_r_all.xml")
    assert [t.id for t in read(path.parent)] == ["town05_short_r1", "town05_short_r_all-0", "town05_short_r_all-7"]


def test_choosing(write: Write) -> None:
    tasks = read(write(xml(*(route(WAY, str(i)) for i in range(3)))))
    assert [t.id for t in choose(tasks, ())] == ["0", "1", "2"]
    assert [t.id for t in choose(tasks, ("2", "0", "2"))] == ["2", "0"]
    with pytest.raises(ScenarioError, match=r"^no route has the id '9'; there is 0, 1, 2$"):
        choose(tasks, ("9",))


TWICE = xml(route(WAY, "5"), route(WAY, "5"))
BAD = {
    "malformed": ("<routes><route", "is not XML: "),
    "empty": ("", "is not XML: no element found"),
    "encoding": ("<?xml version='1.0' encoding='klingon'?><routes/>", "is not XML: "),
    "other XML": ("<OpenDRIVE/>", "is not a route file: its root element is <OpenDRIVE>, not <routes>"),
    "no route": ("<routes></routes>", "no <route> in this file"),
    "no id": ("<routes><route town='x'/></routes>", "<route> number 0 has no id"),
    "no waypoint": ("<routes><route id='1'/></routes>", "route 1 has 0 waypoints; it takes two"),
    "one waypoint": (xml(route(WAY[:1])), "route 0 has 1 waypoints; it takes two"),
    "no number": (xml(route([("a", 1), WAY[0]])), "route 0, waypoint 0: x='a' is not a number"),
    "infinite": (xml(route([WAY[0], (1, "inf")])), "route 0, waypoint 1: y='inf' is not a number"),
    "no y": ("<routes><route id='1'><waypoint x='1'/><waypoint x='1'/></route></routes>", "waypoint 0 has no y"),
    "twice": (TWICE, "two routes have the id '5'"),
    "one folder for two": (xml(route(WAY, "a b"), route(WAY, "a_b")), "two routes have the id 'a_b'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_that_names_it(name: str, write: Write) -> None:
    text, told = BAD[name]
    path = write(text)
    with pytest.raises(ScenarioError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_folders(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cannot read .*: No such file"):
        read(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ScenarioError, match="no route files"):
        read(tmp_path / "bare")
    with pytest.raises(ScenarioError, match=r"vehicle 1 of 2 has no file \.\.\._1\.xml"):
        read(interdrive(write, "gap", (0, 2)))
    interdrive(write, "towns", (0,), "grid")
    with pytest.raises(ScenarioError, match="are on different towns: crossing, grid"):
        read(interdrive(write, "towns", (1,), "crossing"))
    two = write(TWICE.replace('"5"', '"6"', 1), "many/many_0.xml")
    with pytest.raises(ScenarioError, match="2 routes where one vehicle's is expected"):
        read(two.parent)
