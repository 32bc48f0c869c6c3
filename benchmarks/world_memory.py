"""Whether the embedded world's memory stays flat: 50 vehicles, 100,000 ticks through the real client.

Resident memory [MB] of the server's process after 10,000 ticks and after all, and what it grew by in between.
Nothing is kept per tick: what grows is the allocator's slack, below a megabyte however many ticks follow. The last
line is one JSON object.

    python benchmarks/world_memory.py [--ticks 100000] [--vehicles 50]
"""

import argparse
import json
import sys
from pathlib import Path

from laco.scenarios.server.launch import WorldProcess

sys.path.insert(0, str(Path(__file__).parent))
from world_ticks import connect, prepare, rate, spawn

SETTLED = 0.1  # share of the ticks after which memory has to be as it will stay


def resident(pid: int) -> float:
    """Resident memory of a process [MB]; Linux only."""
    (line,) = [
        text for text in Path(f"/proc/{pid}/status").read_text().splitlines() if text.startswith("VmRSS")
    ]
    return int(line.split()[1]) / 1024


def measure(ticks: int, vehicles: int) -> tuple[float, float]:
    """Resident memory [MB] when settled and at the end."""
    with WorldProcess() as server:
        client, _ = connect(server.port)
        world = prepare(client)
        driven = spawn(world, vehicles)
        first = int(ticks * SETTLED)
        rate(world, first)
        settled = resident(server.pid)
        rate(world, ticks - first)
        end = resident(server.pid)
        del driven, world, client
    return settled, end


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ticks", type=int, default=100_000)
    parser.add_argument("--vehicles", type=int, default=50)
    options = parser.parse_args()
    settled, end = measure(options.ticks, options.vehicles)
    line = {
        "ticks": options.ticks,
        "vehicles": options.vehicles,
        "rss_mb": [round(settled, 2), round(end, 2)],
    }
    print(json.dumps({**line, "growth_mb": round(end - settled, 2)}, separators=(",", ":")))


if __name__ == "__main__":
    main()
