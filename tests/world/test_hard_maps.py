"""OpenDRIVE documents that are odd or broken: they work, or are refused with their reason in one line."""

import subprocess
import sys
from pathlib import Path

import carla
import pytest

from laco.errors import ConfigError, ScenarioError, WorldError
from laco.scenarios.maps import read_map
from laco.scenarios.maps.save import save_map
from laco.scenarios.server import opendrive
from laco.scenarios.server.launch import WorldProcess
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.soundness import admit

STRAIGHT = '<geometry s="0" x="0" y="0" hdg="0" length="200"><line/></geometry>'
FLAT = '<laneOffset s="0" a="0" b="0" c="0" d="0"/>'
CENTRE = '<center><lane id="0" type="none" level="false"/></center>'


def lane(id: int, kind: str = "driving") -> str:
    return f'<lane id="{id}" type="{kind}" level="false"><link/><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'


def document(
    geometry: str = STRAIGHT,
    right: str = lane(-1),
    left: str = "",
    offset: str = FLAT,
    elevation: str = "",
    more: str = "",
    rest: str = "",
    road: str = 'length="200" id="1" junction="-1"',
    root: str = "",
) -> str:
    sides = (f"<left>{left}</left>" if left else "") + CENTRE + (f"<right>{right}</right>" if right else "")
    return f"""<OpenDRIVE{root}><header revMajor="1" revMinor="4"/><road {road}>
        <planView>{geometry}</planView><elevationProfile>{elevation}</elevationProfile>
        <lanes>{offset}<laneSection s="0">{sides}</laneSection></lanes>{more}</road>{rest}</OpenDRIVE>"""


def curve(shape: str, x: str = "0", y: str = "0") -> str:
    return f'<geometry s="0" x="{x}" y="{y}" hdg="0" length="200">{shape}</geometry>'


POLY = 'aU="0" bU="200" cU="0" dU="0" aV="0" bV="0" cV="20" dV="0"'
USABLE = {
    "spiral": document(curve('<spiral curvStart="0" curvEnd="0.05"/>')),
    "spiral without a bend": document(curve('<spiral curvStart="0" curvEnd="0"/>')),
    "arc without a bend": document(curve('<arc curvature="0"/>')),
    "poly3": document(curve('<poly3 a="0" b="0" c="0.001" d="0"/>')),
    "paramPoly3": document(curve(f'<paramPoly3 pRange="normalized" {POLY}/>')),
    "lane offset": document(offset='<laneOffset s="0" a="1" b="0.01" c="0" d="0"/>'),
    "late lane offset": document(offset='<laneOffset s="50" a="1" b="0" c="0" d="0"/>'),
    "late elevation": document(elevation='<elevation s="50" a="0" b="0.1" c="0" d="0"/>'),
    "left-hand traffic": document(road='length="200" id="1" junction="-1" rule="LHT"', left=lane(1)),
    "UTM": document(curve("<line/>", "450000", "5400000")),
    "namespace": document(root=' xmlns="http://code.asam.net/simulation/standard/opendrive_schema"'),
}
CROSSWALK = '<objects><object type="crosswalk" id="1" s="900" t="0"/></objects>'
BROKEN = {
    "geometry": (document(""), "road 1: no <geometry> at its start"),
    "shape": (document(curve("<nurbs/>")), "no known shape"),
    "nowhere": (document(curve("<line/>", "nan")), "x='nan', not a number"),
    "far": (document(curve("<line/>", "1e12")), "out of this world"),
    "length": (document(road='length="0" id="1" junction="-1"'), "its length is '0'"),
    "lanes": (document(right=lane(-1) + lane(-3)), "lanes of a section are -3, -1, 0"),
    "signal": (
        document(more='<signals><signalReference s="10" t="-4" id="77" orientation="+"/></signals>'),
        "names signal 77",
    ),
    "controller": (
        document(rest='<controller id="1"><control signalId="5"/></controller>'),
        "names signal 5",
    ),
    "junction": (
        document(rest='<junction id="5"><connection id="0" incomingRoad="9" connectingRoad="1"/></junction>'),
        "names road 9",
    ),
    "crosswalk": (document(more=CROSSWALK), "crosswalk 1 is not on it"),
    "object": (
        document(more='<objects><object type="building" id="7" s="10" t="9" length="1e9"/></objects>'),
        "object 7 is larger than",
    ),
    "point": (document(curve('<paramPoly3 pRange="normalized"/>')), "lead to nowhere|cannot use it"),
}


@pytest.mark.parametrize("text", USABLE.values(), ids=USABLE)
def test_odd_maps_work(text: str) -> None:
    admitted = Roads(admit(text, "odd"), "odd")
    assert admitted.spawn_points
    for point in admitted.spawn_points:
        waypoint = admitted.map.get_waypoint(carla.Location(point.x, point.y, 0.0))
        assert waypoint.transform.location.distance(carla.Location(point.x, point.y, point.z)) < 1.0


def test_what_was_mended_means_what_it_meant() -> None:
    late = Roads(admit(USABLE["late elevation"], "odd"), "odd")
    assert [round(late.ground(x, 1.75), 2) for x in (40.0, 60.0, 100.0)] == [0.0, 1.0, 5.0]
    offset = Roads(admit(USABLE["late lane offset"], "odd"), "odd").map
    assert [round(offset.get_waypoint_xodr(1, -1, s).transform.location.y, 2) for s in (20.0, 80.0)] == [
        1.75,
        0.75,
    ]


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_maps_are_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ScenarioError, match=reason) as caught:
        admit(text, "broken")
    assert "\n" not in str(caught.value)


def test_traffic_that_keeps_left_starts_with_room_ahead() -> None:
    left = Roads(admit(USABLE["left-hand traffic"], "odd"), "odd")
    assert left.spawn_points
    for point in left.spawn_points:
        lane = left.map.get_waypoint(carla.Location(point.x, point.y, 0.0))
        assert lane.next(7.0)
        assert lane.previous(7.0)


def test_things_of_one_name_get_names_of_their_own() -> None:
    house = '<object type="building" name="house" s="{}" t="20" length="4" width="4" height="4"/>'
    text = document(more=f"<objects>{house.format(10)}{house.format(50)}{house.format(90)}</objects>")
    assert [thing.name for thing in opendrive.things(opendrive.parse(text))] == [
        "house",
        "house_2",
        "house_3",
    ]


def test_a_client_cannot_bring_the_server_down_with_a_map(client: carla.Client, world: carla.World) -> None:
    with pytest.raises(RuntimeError, match="no <geometry>"):
        client.generate_opendrive_world(document(""))
    assert client.get_world().get_map().name.endswith("crossing")


def test_a_file_without_a_long_enough_lane_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "walk.xodr"
    path.write_text(document(right=lane(-1, "sidewalk")), encoding="utf-8")
    with pytest.raises(WorldError, match="no driving lane is long enough"):
        WorldProcess(map=str(path))


def test_save_map_gives_back_the_same_text(server: WorldProcess, world: carla.World, tmp_path: Path) -> None:
    path = tmp_path / "saved.xodr"
    saved = save_map("127.0.0.1", server.port, path)
    assert path.read_text(encoding="utf-8") == read_map("crossing")
    assert (saved.name, saved.size, saved.roads) == ("crossing", path.stat().st_size, 16)
    with pytest.raises(ConfigError, match="--force overwrites it"):
        save_map("127.0.0.1", server.port, path)
    path.write_text("old", encoding="utf-8")
    save_map("127.0.0.1", server.port, path, force=True)
    assert path.stat().st_size == saved.size
    with pytest.raises(ConfigError, match="cannot write"):
        save_map("127.0.0.1", server.port, tmp_path / "no" / "folder.xodr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved.xodr"]


def test_save_map_on_the_command_line(server: WorldProcess, world: carla.World, tmp_path: Path) -> None:
    start = [sys.executable, "-c", "from laco.cli.main import main; main()"]
    command = [*start, "world", "save-map", "--carla", f"127.0.0.1:{server.port}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("crossing: 16 roads, 28,883 bytes, saved as crossing.xodr")
    assert (tmp_path / "crossing.xodr").read_text(encoding="utf-8") == read_map("crossing")
