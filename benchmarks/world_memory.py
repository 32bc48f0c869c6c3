"""Whether the embedded world's memory stays flat: its resident size while a client ticks it 100,000 times.

Fifty cars circle, one of them is destroyed and spawned anew every hundred ticks, and a collision sensor listens. What
could grow is what is kept per tick, per actor that is gone, or per message: nothing should be. The ratio compares the
size at the end with the size after a tenth of the way. Linux only (/proc). The last line is one JSON object.

    python benchmarks/world_memory.py [--ticks 100000]
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

CARS = 50
RENEW = 100  # ticks


def resident(pid: int) -> float:
    """Resident size of a process [MiB]."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) / 1024


def spawn(world: Any, index: int) -> Any:
    """A circling car with a collision sensor that listens."""
    import carla

    library = world.get_blueprint_library()
    where = carla.Location(x=12.0 * (index % 10), y=12.0 * (index // 10), z=0.5)
    car = world.spawn_actor(library.find("vehicle.tesla.model3"), carla.Transform(where))
    car.apply_control(carla.VehicleControl(throttle=0.3, steer=1.0))
    sensor = world.spawn_actor(library.find("sensor.other.collision"), carla.Transform(), attach_to=car)
    sensor.listen(lambda event: None)
    return car, sensor


def main() -> None:
    """Tick and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ticks", type=int, default=100_000)
    ticks = parser.parse_args().ticks
    import carla

    from laco.scenarios.server.launch import WorldProcess

    with WorldProcess() as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(20.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        cars = [spawn(world, index) for index in range(CARS)]
        sizes = {0: resident(server.pid)}
        for tick in range(1, ticks + 1):
            world.tick()
            if tick % RENEW == 0:
                index = tick // RENEW % CARS
                car, sensor = cars[index]
                sensor.stop(), sensor.destroy(), car.destroy()
                world.tick()
                cars[index] = spawn(world, index)
            if tick % max(1, ticks // 10) == 0:
                sizes[tick] = resident(server.pid)
                print(f"{tick:7d} ticks: {sizes[tick]:.1f} MiB", flush=True)
        for _, sensor in cars:
            sensor.stop()
    early, late = sizes[max(1, ticks // 10)], sizes[ticks]
    line = {"ratio": round(late / early, 4), "mib": {str(k): round(v, 1) for k, v in sizes.items()}}
    print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main()
