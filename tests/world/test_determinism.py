"""The same calls in two server processes: the same bits."""

import random

import carla

from laco.scenarios.server.launch import WorldProcess

Row = tuple[float, ...]


def drive(port: int) -> list[Row]:
    """200 ticks of six cars with random pedals, near enough to crash; every number clients can read."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(10.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    draw = random.Random(7)
    blueprints = sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda b: b.id)
    cars = []
    for i in range(6):
        where = carla.Transform(
            carla.Location(x=12.0 * (i % 3), y=8.0 * (i // 3)), carla.Rotation(yaw=60.0 * i)
        )
        cars.append(world.spawn_actor(draw.choice(blueprints), where))
    rows = []
    for tick in range(200):
        if tick % 10 == 0:
            for car in cars:
                car.apply_control(
                    carla.VehicleControl(
                        draw.random(), draw.uniform(-1, 1), draw.random() ** 8, reverse=draw.random() < 0.2
                    )
                )
        world.tick()
        rows += [numbers(car) for car in cars]
    return rows


def numbers(car: carla.Vehicle) -> Row:
    where, vectors = (
        car.get_transform(),
        (car.get_velocity(), car.get_acceleration(), car.get_angular_velocity()),
    )
    place, turn = where.location, where.rotation
    return (
        place.x,
        place.y,
        place.z,
        turn.pitch,
        turn.yaw,
        turn.roll,
        *(n for v in vectors for n in (v.x, v.y, v.z)),
    )


def test_two_servers_agree_bit_for_bit() -> None:
    runs = []
    for _ in range(2):
        with WorldProcess(seed=3) as server:
            runs.append(drive(server.port))
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1000  # something happened
