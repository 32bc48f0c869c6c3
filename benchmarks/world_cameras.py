"""How fast the embedded world runs with cameras: 20 Hz simulation, traffic, 320x240 pictures at 5 Hz.

Everything goes through the real `carla` client in synchronous mode: a tick, and every fourth tick one colour picture
of each camera, waited for. Cameras ride on vehicles of their own. Drawing limits the number: the server does it
between two ticks, in its only thread, at a cost that grows with the triangles in view (the transformation of corners
comes first, filling pixels second), then the copy of 300 kB per picture into the socket and the client's own copy out
of it. `ms_per_image` is what a picture adds to the time of a tick: the time with cameras less the time without, by
picture. The last line is one JSON object.

    python benchmarks/world_cameras.py [--map grid] [--cameras 4] [--vehicles 20] [--traffic 0] [--seconds 60]
"""

import argparse
import json
import queue
import statistics
import sys
import time
from typing import Any, NamedTuple

DT = 0.05  # [s]
EVERY = 4  # ticks from picture to picture
WARM_UP = 40  # ticks
MODELS = ("vehicle.tesla.model3", "vehicle.audi.a2", "vehicle.mercedes.sprinter", "vehicle.bh.crossbike")


class Camera:
    """One camera and its pictures."""

    def __init__(self, world: Any, vehicle: Any, size: tuple[int, int]) -> None:
        import carla

        plan = world.get_blueprint_library().find("sensor.camera.rgb")
        for name, value in (
            ("image_size_x", size[0]),
            ("image_size_y", size[1]),
            ("sensor_tick", EVERY * DT),
        ):
            plan.set_attribute(name, str(value))
        mount = carla.Transform(carla.Location(x=1.5, z=2.0))
        self.sensor = world.spawn_actor(plan, mount, attach_to=vehicle)
        self.images: queue.Queue[Any] = queue.Queue()

    def wait(self) -> None:
        """For one more picture; reading it is part of the price."""
        image = self.images.get(timeout=20.0)
        assert len(image.raw_data) == 4 * image.width * image.height


class Result(NamedTuple):
    """What was measured."""

    simulated: float  # [s]
    bare: float  # [s] taken without cameras
    taken: float  # [s] taken with them
    images: int


def prepare(client: Any, vehicles: int) -> tuple[Any, list[Any]]:
    """A synchronous episode and its driving vehicles."""
    import carla

    world = client.reload_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DT
    world.apply_settings(settings)
    library, spawned = world.get_blueprint_library(), []
    for index, point in enumerate(world.get_map().get_spawn_points()):
        if len(spawned) == vehicles:
            break
        vehicle = world.try_spawn_actor(library.find(MODELS[index % len(MODELS)]), point)
        if vehicle is not None:
            steer = 1.0 if index % 2 else -1.0  # in circles: nobody leaves the map
            vehicle.apply_control(carla.VehicleControl(throttle=0.25, steer=steer))
            spawned.append(vehicle)
    world.tick()
    return world, spawned


def run(world: Any, cameras: list[Camera], ticks: int) -> tuple[float, int]:
    """Seconds taken and pictures had by `ticks` ticks, which begin right after a picture."""
    start, images = time.perf_counter(), 0
    for number in range(1, ticks + 1):
        world.tick()
        if number % EVERY == 0:
            for camera in cameras:
                camera.wait()
                images += 1
    return time.perf_counter() - start, images


def align(world: Any, cameras: list[Camera]) -> None:
    """Listen, and tick until every camera is heard in one and the same frame."""
    for camera in cameras:
        camera.sensor.listen(camera.images.put)
    while True:
        frame = world.tick()
        time.sleep(0.1)
        newest = [camera.images.queue[-1].frame if camera.images.qsize() else -1 for camera in cameras]
        if all(number == frame for number in newest):
            break
    for camera in cameras:
        while not camera.images.empty():
            camera.images.get()


def measure(options: argparse.Namespace) -> Result:
    """Without cameras, then with them, in one server."""
    import carla

    from laco.scenarios.server.launch import WorldProcess

    with WorldProcess(map=options.map, seed=1, traffic=options.traffic) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(60.0)
        world, vehicles = prepare(client, max(options.vehicles, options.cameras))
        ticks = EVERY * max(1, round(options.seconds / DT / EVERY))
        run(world, [], WARM_UP)
        bare, _ = run(world, [], ticks)
        cameras = [
            Camera(world, vehicle, (options.width, options.height)) for vehicle in vehicles[: options.cameras]
        ]
        align(world, cameras)
        run(world, cameras, WARM_UP)
        taken, images = run(world, cameras, ticks)
        for camera in cameras:
            camera.sensor.stop()
            camera.sensor.destroy()
        del world, client
    return Result(ticks * DT, bare, taken, images)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--map", default="grid")
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument(
        "--vehicles", type=int, default=20, help="that the client spawns and drives in circles"
    )
    parser.add_argument("--traffic", type=int, default=0, help="vehicles that SUMO drives besides")
    parser.add_argument("--seconds", type=float, default=60.0, help="of simulated time")
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--turns", type=int, default=3, help="whole measurements; the median one counts")
    options = parser.parse_args()
    results = sorted((measure(options) for _ in range(options.turns)), key=lambda result: result.taken)
    for r in results:
        print(
            f"{r.simulated / r.taken:5.1f} times real time, {r.simulated / r.bare:5.1f} without cameras",
            file=sys.stderr,
        )
    middle = results[len(results) // 2]
    line = {
        "times_real_time": round(middle.simulated / middle.taken, 2),
        "without_cameras": round(middle.simulated / middle.bare, 2),
        "images": middle.images,
        "ms_per_image": round(1e3 * statistics.median((r.taken - r.bare) / r.images for r in results), 2),
        "size": [options.width, options.height],
        "cameras": options.cameras,
        "vehicles": options.vehicles + options.traffic,
    }
    print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main()
