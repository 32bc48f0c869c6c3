"""The calls of the real client: episodes, batches, clients, streams, faults."""

import socket
import struct
import time
from collections.abc import Callable, Iterator

import carla
import msgpack
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.launch import WorldProcess

Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]
command = carla.command


@pytest.fixture
def raw(server: WorldProcess) -> Iterator[Callable[..., list[object]]]:
    """Calls methods without the client library: `raw(method, *arguments)` answers `[error, result]`."""
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        unpacker = msgpack.Unpacker(raw=False)

        def call(method: str, *arguments: object, fire: bool = False) -> list[object]:
            sock.sendall(msgpack.packb([0, 7, method, [[fire], *arguments]]))
            while True:
                unpacker.feed(sock.recv(1 << 16))
                for kind, number, error, result in unpacker:
                    assert (kind, number) == (1, 7)
                    return [error, result]

        yield call


def test_versions_agree_and_maps_are_listed(client: carla.Client) -> None:
    assert client.get_server_version() == client.get_client_version() == "0.9.16"
    assert "/Game/Carla/Maps/crossing" in client.get_available_maps()


def test_every_tick_is_one_frame(world: carla.World) -> None:
    first = world.get_snapshot()
    frames = [world.tick() for _ in range(10)]
    assert frames == list(range(first.frame + 1, first.frame + 11))
    assert world.get_snapshot().timestamp.elapsed_seconds == pytest.approx(
        first.timestamp.elapsed_seconds + 0.5
    )


def test_actors_are_listed_found_and_destroyed(world: carla.World, spawn: Spawn) -> None:
    car, cone = spawn(), spawn("static.prop.trafficcone01", x=20.0)
    assert {actor.id for actor in world.get_actors()} >= {car.id, cone.id, world.get_spectator().id}
    assert [actor.id for actor in world.get_actors().filter("vehicle.*")] == [car.id]
    assert world.get_actor(car.id).attributes["base_type"] == "car"
    assert car.destroy()
    world.tick()
    assert car.id not in {actor.id for actor in world.get_actors()}


def test_ids_that_are_gone_are_answered_benignly(
    client: carla.Client, world: carla.World, raw: Callable[..., list[object]]
) -> None:
    gone = 987654
    assert raw("get_actor_bounding_box", gone)[0] is None
    assert raw("get_physics_control", gone)[1][0][0] == 1  # type: ignore[index]
    assert raw("get_vehicle_light_state", gone) == [None, [[1, [0]]]]
    assert raw("get_actors_by_id", [gone]) == [None, [[1, []]]]
    assert raw("apply_control_to_vehicle", gone, [1.0, 0.0, 0.0, False, False, False, 0], fire=True) == [
        None,
        [[False]],
    ]
    assert raw("destroy_actor", gone)[1][0][0] == 0  # type: ignore[index]
    (answer,) = client.apply_batch_sync([command.DestroyActor(gone)])
    assert answer.error


def test_a_batch_spawns_and_then_drives_what_it_spawned(client: carla.Client, world: carla.World) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    where = [carla.Transform(carla.Location(y=10.0 * i)) for i in (0, 0, 1)]
    batch = [
        command.SpawnActor(blueprint, place).then(
            command.ApplyTargetVelocity(command.FutureActor, carla.Vector3D(x=5.0))
        )
        for place in where
    ]
    frame = world.get_snapshot().frame
    answers = client.apply_batch_sync(batch, True)
    assert [bool(answer.error) for answer in answers] == [False, True, False]
    assert "collision" in answers[1].error
    assert world.get_snapshot().frame == frame + 1
    cars = world.get_actors([answer.actor_id for answer in answers if not answer.error])
    assert [round(car.get_velocity().x, 1) for car in cars] == [5.0, 5.0]


def test_every_command_that_python_can_send_is_answered(
    client: carla.Client, world: carla.World, spawn: Spawn
) -> None:
    car, walker = spawn(), spawn("walker.pedestrian.0001", x=30.0)
    push, place = carla.Vector3D(x=1.0), carla.Transform(carla.Location(x=-20.0))
    commands = [
        command.ApplyVehicleControl(car, carla.VehicleControl(brake=0.5)),
        command.ApplyVehicleAckermannControl(car, carla.VehicleAckermannControl(speed=1.0)),
        command.ApplyWalkerControl(walker, carla.WalkerControl(speed=1.0)),
        command.ApplyVehiclePhysicsControl(car, car.get_physics_control()),
        command.ApplyTransform(car, place),
        command.ApplyWalkerState(walker, carla.Transform(carla.Location(x=31.0)), 0.0),
        command.ApplyTargetVelocity(car, push),
        command.ApplyTargetAngularVelocity(car, push),
        command.ApplyImpulse(car, push),
        command.ApplyForce(car, push),
        command.ApplyAngularImpulse(car, push),
        command.ApplyTorque(car, push),
        command.SetSimulatePhysics(car, True),
        command.SetEnableGravity(car, True),
        command.SetVehicleLightState(car, carla.VehicleLightState.Fog),
    ]
    answers = client.apply_batch_sync(commands, True)
    assert [answer.error for answer in answers] == [""] * len(commands)
    assert car.get_location().x == pytest.approx(-20.0, abs=0.5)
    # The 0.9.16 wheel sends a truth value for the flags of this command, whatever they are.
    assert car.get_light_state() != carla.VehicleLightState.NONE
    client.apply_batch([command.DestroyActor(car), command.DestroyActor(walker)])
    world.tick()
    assert len(world.get_actors().filter("*.*.*")) == 0


def test_an_attached_actor_follows(world: carla.World, spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(yaw=90.0)
    blueprint = world.get_blueprint_library().find("sensor.other.lane_invasion")
    sensor = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=2.0, z=1.0)), attach_to=car)
    car.enable_constant_velocity(carla.Vector3D(x=10.0))
    ticks(20)
    assert sensor.parent.id == car.id
    assert sensor.get_location().distance(carla.Location(x=0.0, y=12.0, z=1.0)) < 1e-3
    assert car.destroy()
    ticks(2)
    assert sensor.get_location().y == pytest.approx(12.0, abs=1e-3)


def test_reload_starts_over(client: carla.Client, world: carla.World, spawn: Spawn) -> None:
    spawn()
    again = client.reload_world(False)
    assert again.id != world.id
    assert again.get_map().name.endswith("crossing")
    assert again.get_settings().synchronous_mode  # kept, as asked
    assert [actor.type_id for actor in again.get_actors()] == ["spectator"]


def test_generate_opendrive_world(client: carla.Client, world: carla.World) -> None:
    text = read_map("crossing")
    made = client.generate_opendrive_world(text, carla.OpendriveGenerationParameters())
    assert made.get_map().name.endswith("OpenDriveMap")
    assert made.get_map().to_opendrive() == text
    assert len(made.get_map().get_spawn_points()) >= 10


def test_a_bad_map_is_refused_and_the_old_world_stays(
    client: carla.Client, world: carla.World, spawn: Spawn, raw: Callable[..., list[object]]
) -> None:
    car = spawn()
    parameters = [2.0, 50.0, 1.0, 0.6, True, True, True]
    ((failed, _),) = raw("copy_opendrive_to_file", "<OpenDRIVE/>", parameters)[1]  # type: ignore[misc]
    assert failed
    with pytest.raises(RuntimeError, match="Map 'Atlantis' not found"):
        client.load_world("Atlantis")
    assert world.tick() > 0
    assert car.is_alive


def test_weather_and_spectator_are_kept(world: carla.World, ticks: Ticks) -> None:
    world.set_weather(carla.WeatherParameters.HardRainNoon)
    assert world.get_weather().precipitation == carla.WeatherParameters.HardRainNoon.precipitation
    place = carla.Transform(carla.Location(x=1.0, y=2.0, z=30.0), carla.Rotation(pitch=-90.0))
    world.get_spectator().set_transform(place)
    ticks(1)
    assert world.get_spectator().get_transform().location.z == pytest.approx(30.0)
    assert world.get_spectator().get_transform().rotation.pitch == pytest.approx(-90.0)


def test_rays_meet_cars_and_the_ground(world: carla.World, spawn: Spawn) -> None:
    spawn(x=20.0)
    hits = world.cast_ray(carla.Location(z=1.0), carla.Location(x=50.0, z=1.0))
    assert [hit.label for hit in hits] == [carla.CityObjectLabel.Car]
    assert hits[0].location.x == pytest.approx(20.0 - 2.45, abs=1e-3)
    below = world.ground_projection(carla.Location(x=-40.0, y=1.75, z=3.0), 10.0)
    assert below.location.z == pytest.approx(0.0, abs=1e-4)
    assert below.label == carla.CityObjectLabel.Roads
    assert world.ground_projection(carla.Location(z=30.0), 10.0) is None


def test_asynchronous_mode_runs_by_itself(client: carla.Client) -> None:
    world = client.load_world("crossing")
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.tesla.model3"), carla.Transform(carla.Location(y=40.0))
    )
    car.set_target_velocity(carla.Vector3D(x=5.0))
    frames = [world.wait_for_tick(5.0).frame for _ in range(5)]
    assert frames == sorted(set(frames))
    assert car.get_location().x > 0.0


def test_a_second_client_sees_the_same_world_while_nobody_ticks(
    server: WorldProcess, world: carla.World, spawn: Spawn
) -> None:
    car = spawn(x=7.0)
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(5.0)
    seen = other.get_world()
    deadline = time.monotonic() + 5.0
    while car.id not in {actor.id for actor in seen.get_actors()} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen.get_actor(car.id).get_location().x == pytest.approx(7.0)
    frame = world.tick()
    while seen.get_snapshot().frame < frame and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen.get_snapshot().frame == frame


def test_a_listener_that_never_reads_stops_nobody(
    world: carla.World, ticks: Ticks, raw: Callable[..., list[object]]
) -> None:
    """In synchronous mode it finds every frame, in order, when it reads at last."""
    token = raw("get_sensor_token", 1)[1][0][1][0]  # type: ignore[index]
    stream_id, port = struct.unpack_from("<IH", token)
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(struct.pack("<I", stream_id))
        time.sleep(0.1)
        first = world.get_snapshot().frame
        ticks(3000)  # several times what the kernel's buffers hold
        last = world.get_snapshot().frame
        assert last == first + 3000
        lazy.settimeout(5.0)
        frames = []
        with lazy.makefile("rb") as stream:
            while not frames or frames[-1] < last:
                (size,) = struct.unpack("<I", stream.read(4))
                frames.append(struct.unpack_from("<QQ", stream.read(size))[1])
    assert frames == list(range(first, last + 1))


def test_unknown_methods_and_wrong_types_are_answered(raw: Callable[..., list[object]]) -> None:
    assert raw("no_such_thing", 1, fire=True) == [None, [[False]]]
    error, result = raw("no_such_thing", 1)
    assert "could not find function 'no_such_thing'" in str(error)
    assert result is None
    assert raw("spawn_actor", "what")[0] is not None
    assert raw("get_actors_by_id", 5)[0] is not None
    assert raw("version") == [None, [[1, "0.9.16"]]]


@pytest.mark.parametrize(
    "rubbish", [b"\xc1\xc1\xc1", b"\x01\x02\x03", msgpack.packb([0, 1]), msgpack.packb({1: 2})]
)
def test_rubbish_closes_one_connection_only(server: WorldProcess, rubbish: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.settimeout(5.0)
        sock.sendall(rubbish)
        assert sock.recv(10) == b""
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(msgpack.packb([0, 1, "version", [[False]]]))
        assert msgpack.unpackb(sock.recv(100)) == [1, 1, None, [[1, "0.9.16"]]]


def test_values_that_are_no_numbers_do_no_harm(world: carla.World, spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    nan = float("nan")
    car.apply_control(carla.VehicleControl(throttle=nan, steer=nan, brake=nan))
    car.set_target_velocity(carla.Vector3D(x=nan))
    car.set_location(carla.Location(x=float("inf")))
    car.add_force(carla.Vector3D(x=nan))
    ticks(5)
    assert car.get_location().distance(carla.Location()) < 1e-3
