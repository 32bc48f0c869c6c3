"""Pictures against numbers that a person can work out: with 320x240 pixels and 90 degrees the focal length is 160
pixels, so what is `a` to the right and `d` ahead lies at column 160 + 160 a / d."""

import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from laco.scenarios.maps import read_map
from laco.scenarios.server.actors import Actor
from laco.scenarios.server.blueprints import STRING, Attribute, Blueprint, Kind
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.lights.actors import TrafficLight
from laco.scenarios.server.lights.part import Lights
from laco.scenarios.server.poses import Pose, compose
from laco.scenarios.server.simulation import CLEAR_NOON, Simulation
from laco.scenarios.server.vehicle import Control
from laco.scenarios.server.world import World

pytest.importorskip("panda3d.core", reason="panda3d is not installed")

from laco.scenarios.server.sensors import panda
from laco.scenarios.server.sensors.base import Site
from laco.scenarios.server.sensors.camera import Camera, ColourCamera, InstanceCamera, SemanticCamera
from laco.scenarios.server.sensors.renderer import Lens, Renderer

LENS = Lens(320, 240, 90.0)
FOCAL = 160.0  # [pixels]
ROAD, BUILDING, TERRAIN, SKY, CAR, PROP, LINE = 1, 3, 10, 11, 14, 20, 24
EYE = Pose(20.0, 1.75, 1.6)  # on the crossing's eastern arm, looking along it
BLUE, GREEN, RED = 0, 1, 2  # channels
MODEL = "vehicle.tesla.model3"
Mask = NDArray[np.bool_]


class Set:
    """A world and what draws it."""

    def __init__(self, map: str = "crossing") -> None:
        self.world = World(read_map(map), map)
        self.renderer = Renderer(self.world)

    def labels(self, pose: Pose = EYE, lens: Lens = LENS) -> NDArray[np.uint8]:
        return self.renderer.labels(pose, lens)[..., RED]

    def colours(self, pose: Pose = EYE, lens: Lens = LENS, **weather: float) -> NDArray[np.int64]:
        """Red, green, blue as whole numbers; `weather` by name."""
        names = ("cloudiness", "precipitation", "_", "_", "azimuth", "altitude", "fog")
        values = list(CLEAR_NOON)
        for name, value in weather.items():
            values[names.index(name)] = value
        return self.renderer.colours(pose, lens, values)[..., [RED, GREEN, BLUE]].astype(np.int64)


@pytest.fixture
def scene() -> Iterator[Set]:
    made = Set()
    yield made
    made.renderer.close()


@pytest.fixture(scope="module")
def street() -> Iterator[tuple[Simulation, Renderer]]:
    """The grid with its lights and buildings."""
    simulation = Simulation({"grid": read_map("grid")}, "grid", 0, [Lights])
    renderer = Renderer(simulation.world)
    yield simulation, renderer
    renderer.close()


def ahead(distance: float, right: float = 0.0, up: float = 0.0) -> Pose:
    """A place in front of the camera at `EYE`, on the ground."""
    return Pose(EYE.x + distance, EYE.y + right, up)


def extent(mask: Mask) -> tuple[int, int, int, int]:
    """First and last row, first and last column."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_road_below_and_sky_above(scene: Set) -> None:
    labels = scene.labels()
    assert (labels[:115] == SKY).all()  # the land reaches up to the horizon, at row 120
    assert (labels[125:, 160] == ROAD).sum() > 90
    assert set(np.unique(labels).tolist()) == {ROAD, 2, TERRAIN, SKY, LINE}


def test_cone_is_where_the_pinhole_puts_it(scene: Set) -> None:
    scene.world.spawn("static.prop.trafficcone01", ahead(10.0, right=1.0))
    top, bottom, left, right = extent(scene.labels() == PROP)
    assert (left + right + 1) / 2 == pytest.approx(160 + FOCAL * 1.0 / 10.0, abs=1.0)
    assert right + 1 - left == pytest.approx(FOCAL * 0.42 / 10.0, abs=1.5)
    assert bottom + 1 == pytest.approx(120 + FOCAL * EYE.z / (10.0 - 0.21), abs=1.0)  # its foot's near edge
    assert top == pytest.approx(120 + FOCAL * (EYE.z - 0.70) / 10.0, abs=1.0)


def test_field_of_view_is_horizontal(scene: Set) -> None:
    scene.world.spawn("static.prop.trafficcone01", ahead(10.0, right=1.0))
    lens = Lens(200, 300, 40.0)
    _, _, left, right = extent(scene.labels(lens=lens) == PROP)
    focal = 100 / np.tan(np.radians(20.0))
    assert (left + right + 1) / 2 == pytest.approx(100 + focal / 10.0, abs=1.0)


@pytest.mark.parametrize(("side", "columns"), [(4.0, slice(160, None)), (-4.0, slice(None, 160))])
def test_a_car_on_the_right_appears_on_the_right(scene: Set, side: float, columns: slice) -> None:
    scene.world.spawn(MODEL, ahead(15.0, right=side))
    cars = scene.labels() == CAR
    assert cars.sum() > 100
    assert cars[:, columns].sum() == cars.sum()


@pytest.mark.parametrize(
    ("yaw", "x", "y"), [(0.0, 12.0, 0.0), (90.0, 0.0, 12.0), (180.0, -12.0, 0.0), (-90.0, 0.0, -12.0)]
)
def test_yaw_turns_clockwise_from_above(scene: Set, yaw: float, x: float, y: float) -> None:
    scene.world.spawn("static.prop.vendingmachine", Pose(x, y))
    _, _, left, right = extent(scene.labels(Pose(0.0, 0.0, 1.6, 0.0, yaw)) == PROP)
    assert (left + right + 1) / 2 == pytest.approx(160.0, abs=1.0)


def test_pitch_lifts_the_view(scene: Set) -> None:
    assert (scene.labels(EYE._replace(pitch=60.0)) == SKY).all()
    scene.world.spawn("static.prop.box01", ahead(4.0, right=2.0))
    top, bottom, left, right = extent(scene.labels(EYE._replace(z=10.0, pitch=-90.0)) == PROP)
    assert (top + bottom + 1) / 2 == pytest.approx(120 - FOCAL * 4.0 / 10.0, abs=3.0)  # ahead is up
    assert (left + right + 1) / 2 == pytest.approx(160 + FOCAL * 2.0 / 10.0, abs=3.0)


def test_roll_lowers_the_right_side(scene: Set) -> None:
    labels = scene.labels(EYE._replace(roll=90.0))
    assert (labels[:, :155] == SKY).all()
    assert not (labels[:, 170:] == SKY).any()


def test_instance_is_label_and_id(scene: Set) -> None:
    scene.world.next_id = 0x1234
    car = scene.world.spawn(MODEL, ahead(10.0))
    image = scene.renderer.labels(EYE, LENS)
    seen = image[image[..., RED] == CAR]
    assert len(seen) > 500
    assert set(map(tuple, seen[:, :2].tolist())) == {(0x12, 0x34)}  # blue, green
    assert car.id == 0x1234
    assert not image[image[..., RED] != CAR][:, :2].any()


def test_near_hides_far(scene: Set) -> None:
    near = scene.world.spawn("vehicle.carlamotors.firetruck", ahead(10.0))
    scene.world.spawn(MODEL, ahead(30.0))
    ids = scene.renderer.labels(EYE, LENS)[..., GREEN]
    assert set(np.unique(ids).tolist()) == {0, near.id}


def test_a_body_is_seen_from_outside_only(scene: Set) -> None:
    car = scene.world.spawn(MODEL, ahead(10.0))
    seat = scene.labels(compose(car.pose, Pose(0.2, 0.0, 1.2))) == CAR
    assert seat[200:].any()  # the bonnet
    assert not seat[:120].any()
    roof = scene.labels(compose(car.pose, Pose(-1.0, 0.0, 2.4, -30.0)))
    assert (roof[-1] == CAR).any()  # its bonnet, at the bottom
    assert not (roof[:100] == CAR).any()


def test_camera_follows_its_car(scene: Set) -> None:
    world = scene.world
    car = world.spawn(MODEL, Pose(20.0, 1.75))
    eye = world.spawn("sensor.other.collision", Pose(1.5, 0.0, 2.0), parent=car.id)
    world.spawn("static.prop.vendingmachine", Pose(60.0, 1.75))
    before = (scene.labels(eye.pose) == PROP).sum()
    world.apply_control(car.id, Control(throttle=1.0))
    for _ in range(40):
        world.step(0.05)
    assert eye.x == pytest.approx(car.x + 1.5, abs=1e-6)
    assert (scene.labels(eye.pose) == PROP).sum() > 1.3 * before


def test_pictures_follow_the_world(scene: Set) -> None:
    car = scene.world.spawn(MODEL, ahead(15.0, right=-3.0))
    first = extent(scene.labels() == CAR)
    scene.world.teleport(car.id, ahead(15.0, right=3.0))
    scene.world.step(0.05)
    assert extent(scene.labels() == CAR)[2] > first[3]
    scene.world.destroy(car.id)
    assert not (scene.labels() == CAR).any()


def test_two_sizes_take_turns(scene: Set) -> None:
    scene.world.spawn(MODEL, ahead(7.0, right=2.0))
    small = Lens(64, 48, 90.0)
    first, other = scene.labels(), scene.labels(lens=small)
    assert other.shape == (48, 64)
    assert (scene.labels() == first).all()
    assert (scene.labels(lens=small) == other).all()
    assert (other == CAR).mean() == pytest.approx((first == CAR).mean(), rel=0.2)


def test_poses_of_the_past_are_let_go(scene: Set) -> None:
    for step in range(300):
        scene.labels(EYE._replace(yaw=0.5 * step), Lens(16, 12, 90.0))
    assert panda.core().TransformState.getNumStates() < 500  # each picture makes about four


def test_every_label_and_id_byte_is_exact() -> None:
    node = panda.core().NodePath("any")
    for value in range(256):
        panda.paint(node, value, value << 8 | 255 - value)
        colour = node.getColor()
        assert [int(part * 255) for part in (colour[0], colour[1], colour[2])] == [value, 255 - value, value]


def test_colours_read_as_a_street(scene: Set) -> None:
    labels, picture = scene.labels(), scene.colours()
    road, sky, land = picture[labels == ROAD], picture[labels == SKY], picture[labels == TERRAIN]
    assert np.ptp(road, axis=1).max() < 15  # grey
    assert (sky[:, 2] > sky[:, 0]).all()  # blue
    assert (land[:, 1] > land[:, 0]).all()  # green
    assert picture[labels == LINE].min() > 200  # white
    assert 60 < road.mean() < 130


def test_paint_and_brake_lamps_show(scene: Set) -> None:
    car = scene.world.spawn(MODEL, ahead(9.0), {"color": "20,20,220"})
    dark = scene.colours()
    body = dark[scene.labels() == CAR]
    assert np.median(body[:, 2]) > 100 > np.median(body[:, 0])
    scene.world.apply_control(car.id, Control(brake=1.0))
    scene.world.step(0.05)
    lit = scene.colours()
    bright = (lit[..., 0] > 230) & (lit[..., 1] < 80)
    assert bright.sum() >= 10
    assert not ((dark[..., 0] > 230) & (dark[..., 1] < 80)).any()


def before_light(light: TrafficLight, distance: float) -> Pose:
    """A driver's eye that far before the stop line."""
    line = light.signal.approach
    return compose(Pose(line.x, line.y, line.z, 0.0, line.yaw), Pose(-distance, 0.0, 1.5))


@pytest.mark.parametrize("state", [0, 1, 2])
def test_a_light_shows_its_state(street: tuple[Simulation, Renderer], state: int) -> None:
    simulation, renderer = street
    light = next(actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight))
    light.show(state)
    simulation.world.frame += 1
    pose = before_light(light, 8.0)
    head = renderer.labels(pose, LENS)
    mine = (head[..., RED] == 7) & (head[..., GREEN] == light.id & 0xFF)
    pixels = renderer.colours(pose, LENS, list(CLEAR_NOON))[mine][:, :3].astype(int)
    bright = pixels[pixels.max(axis=1) > 200]
    assert len(bright) >= 5
    blue, green, red = bright.mean(axis=0)
    assert (red > 1.5 * green, green > 1.5 * red) == (state == 0, state == 2)
    assert blue < max(red, green)


def test_street_has_its_parts(street: tuple[Simulation, Renderer]) -> None:
    simulation, renderer = street
    light = next(actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight))
    labels = renderer.labels(before_light(light, 15.0), Lens(640, 480, 90.0))[..., RED]
    shares = {label: float((labels == label).mean()) for label in (ROAD, 2, BUILDING, 7, SKY, LINE)}
    assert min(shares.values()) > 0.0002
    assert shares[ROAD] > 0.2
    assert shares[BUILDING] > 0.02


def test_night_is_dark_but_lamps_shine(street: tuple[Simulation, Renderer]) -> None:
    simulation, renderer = street
    light = next(actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight))
    pose, night = before_light(light, 8.0), list(CLEAR_NOON)
    night[5] = -30.0
    noon_picture = renderer.colours(pose, LENS, list(CLEAR_NOON))[..., :3]
    dark = renderer.colours(pose, LENS, night)[..., :3]
    assert dark.mean() < 0.35 * noon_picture.mean()
    assert dark.max() > 230


def test_weather_changes_the_sky(scene: Set) -> None:
    looks = [
        scene.colours(**weather)[20:60].mean(axis=(0, 1))
        for weather in ({}, {"cloudiness": 100.0}, {"altitude": 2.0}, {"altitude": -40.0}, {"fog": 100.0})
    ]
    for i, first in enumerate(looks):
        for second in looks[i + 1 :]:
            assert np.abs(first - second).max() > 10.0
    grey = looks[1]
    assert np.ptp(grey) < 25.0 < np.ptp(looks[0])


def test_labels_know_no_weather(scene: Set) -> None:
    scene.world.spawn(MODEL, ahead(12.0))
    clear = scene.renderer.labels(EYE, LENS)
    scene.colours(altitude=-40.0, fog=100.0)
    assert (scene.renderer.labels(EYE, LENS) == clear).all()


@pytest.mark.parametrize("map", ["crossing", "hill"])
def test_fog_grows_with_distance_on_the_ground(map: str) -> None:
    made = Set(map)
    try:
        clear, foggy = made.colours(), made.colours(fog=80.0)
    finally:
        made.renderer.close()
    # Rows below the horizon at which the ground is 4, 12 and 60 m away.
    lost = [
        abs(
            int(foggy[120 + round(FOCAL * EYE.z / d), 160, 0])
            - int(clear[120 + round(FOCAL * EYE.z / d), 160, 0])
        )
        for d in (4.0, 12.0, 60.0)
    ]
    assert lost[0] < 0.3 * lost[2]
    assert lost[0] < lost[1] < lost[2]


def test_fog_hides_what_is_far(scene: Set) -> None:
    scene.world.spawn("vehicle.carlamotors.firetruck", ahead(12.0, right=-4.0))
    scene.world.spawn("vehicle.carlamotors.firetruck", ahead(100.0, right=3.0))
    image = scene.renderer.labels(EYE, LENS)
    near, far = ((image[..., RED] == 15) & (image[..., GREEN] == id) for id in (2, 3))
    clear, foggy = scene.colours(), scene.colours(fog=80.0)

    def redness(picture: NDArray[np.int64], mask: Mask) -> float:
        return float((picture[mask][:, 0] - picture[mask][:, 2]).mean())

    assert redness(foggy, near) > 0.6 * redness(clear, near)
    assert redness(foggy, far) < 0.25 * redness(clear, far)


def test_road_stays_visible_on_a_hill() -> None:
    made = Set("hill")
    try:
        for x in (90.0, 180.0, 290.0):
            pose = made.world.roads.map.get_waypoint_xodr(1, -1, x).transform
            eye = Pose(x, 1.75, pose.location.z + 1.6, pose.rotation.pitch)
            labels = made.labels(eye)
            assert np.isin(labels[140:, 160], (ROAD, LINE)).all()
            assert (labels[:100] == SKY).all()
    finally:
        made.renderer.close()


def test_switched_off_things_vanish(street: tuple[Simulation, Renderer]) -> None:
    simulation, renderer = street
    world = simulation.world
    pose, everything = (
        before_light(next(a for a in world.actors.values() if isinstance(a, TrafficLight)), 15.0),
        world.level,
    )
    assert (renderer.labels(pose, LENS)[..., RED] == BUILDING).any()
    world.level, world.level_revision = [], world.level_revision + 1
    try:
        assert not (renderer.labels(pose, LENS)[..., RED] == BUILDING).any()
    finally:
        world.level, world.level_revision = everything, world.level_revision + 1


def camera(make: type[Camera], simulation: Any, **attributes: str) -> Camera:
    """A camera as the server makes it."""
    values = {"image_size_x": "32", "image_size_y": "20", "fov": "90", "sensor_tick": "0.0", **attributes}
    names = {
        ColourCamera: "rgb",
        SemanticCamera: "semantic_segmentation",
        InstanceCamera: "instance_segmentation",
    }
    listed = tuple(Attribute(name, STRING, value) for name, value in values.items())
    plan = Blueprint(f"sensor.camera.{names[make]}", Kind.SENSOR, attributes=listed, streams=True)
    rows = [[name, STRING, value] for name, value in values.items()]
    return make(Site(simulation), Actor(0, plan, EYE, rows))


@pytest.fixture
def simulation() -> Any:
    return Simulation({"crossing": read_map("crossing")}, "crossing")


@pytest.mark.parametrize("make", [ColourCamera, SemanticCamera, InstanceCamera])
def test_message_is_size_angle_and_pixels(simulation: Any, make: type[Camera]) -> None:
    simulation.world.spawn(MODEL, ahead(8.0))
    sensor = camera(make, simulation)
    (body,) = sensor.measure(0.05)
    assert struct.unpack_from("<IIf", body) == (32, 20, 90.0)
    pixels = np.frombuffer(body, np.uint8, offset=12).reshape(20, 32, 4)
    assert (pixels[..., 3] == 255).all()
    if make is SemanticCamera:
        assert not pixels[..., :2].any()
        assert (pixels[..., RED] == CAR).any()
    if make is InstanceCamera:
        assert (pixels[..., GREEN] == 2).any()
    sensor.site.close()


def test_nothing_is_sent_without_rendering(simulation: Any) -> None:
    sensor = camera(ColourCamera, simulation)
    simulation.settings[1] = True
    assert list(sensor.measure(0.05)) == []
    simulation.settings[1] = False
    assert len(list(sensor.measure(0.05))) == 1
    sensor.site.close()


@pytest.mark.parametrize(
    ("name", "value"), [("image_size_x", "0"), ("image_size_y", "1e9"), ("fov", "180"), ("fov", "wide")]
)
def test_senseless_settings_are_refused(simulation: Any, name: str, value: str) -> None:
    with pytest.raises(RefusedError, match=name):
        camera(ColourCamera, simulation, **{name: value})


def test_missing_package_is_named(simulation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    panda.core.cache_clear()
    monkeypatch.setitem(sys.modules, "panda3d", None)
    try:
        with pytest.raises(RefusedError, match=r"laco-driving\[sensors\]") as refusal:
            camera(ColourCamera, simulation)
        assert "\n" not in str(refusal.value)
    finally:
        panda.core.cache_clear()


def picture_digest() -> str:
    """Of pictures of a short drive with lights and two weathers."""
    simulation = Simulation({"grid": read_map("grid")}, "grid", 3, [Lights])
    world = simulation.world
    cars = [world.spawn(MODEL, pose) for pose in world.roads.spawn_points[:6]]
    renderer, digest = Renderer(world), hashlib.sha256()
    for car in cars:
        world.apply_control(car.id, Control(throttle=0.6, steer=0.1))
    for frame in range(12):
        simulation.tick()
        if frame % 4 == 0:
            eye, weather = compose(cars[0].pose, Pose(1.5, 0.0, 2.0)), list(CLEAR_NOON)
            weather[0], weather[6] = 40.0, 10.0 * frame
            digest.update(renderer.colours(eye, LENS, weather).tobytes())
            digest.update(renderer.labels(eye, LENS).tobytes())
    renderer.close()
    return digest.hexdigest()


def test_same_seed_same_pictures_in_another_process() -> None:
    command = [sys.executable, "-c", f"import runpy; print(runpy.run_path({__file__!r})['picture_digest']())"]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "7"}
    other = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert other.stdout.split()[-1] == picture_digest()
