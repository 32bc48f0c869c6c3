"""What a decision costs per vehicle as the fleet grows.

Connected vehicles in a convoy on two lanes decide for some seconds of simulated time: views, beacons, sockets, the
driver and the `ideal` air, all on one host; no server. What limits the figures: everybody hears every beacon, but
speaks to no more than three partners, so a vehicle's own work ends growing with the third; the rest is one beacon
more per vehicle. Fleets of all sizes take turns, decision by decision; a decision costs the process time of host and
runner, divided by the vehicles. The goal: at 16 vehicles no more than 1.3 times that at 4.

    OMP_NUM_THREADS=1 python benchmarks/fleet_scale.py --sizes 2,4,8,16 --seconds 10

The last line of output is one JSON object.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import numpy as np

from laco.agents.drivers.profile import load
from laco.agents.fleet import Fleet
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import observe
from laco.agents.route import Route
from laco.comm.radio import Air, RadioSpec
from laco.scenarios.pilots import Connected

PERIOD, SPEED, LIMIT = 0.2, 10.0, 50 / 3.6  # [s], [m/s], [m/s]
LANES, GAP = (1.75, 5.25), 14.0  # [m] from the road's middle, from one vehicle to the next
GOAL, LARGE, SMALL = 1.3, 16, 4


@dataclass
class Convoy:
    """A fleet of one size. costs: process time per vehicle and decision [ms]; walls: the same by the clock."""

    size: int
    pilot: Connected
    fleet: Fleet
    costs: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, size: int, channel: str) -> "Convoy":
        fleet, profile = Fleet(hosts=1), load()
        fleet.setup([
            AgentSpec(name=f"V{i:02}", channel=channel, driver="vector", caution=profile.caution, codec=profile.codec,
                      laco=profile.laco)
            for i in range(size)
        ])  # fmt: skip
        return cls(size, Connected(fleet, Air(RadioSpec(), 0)), fleet)

    def decide(self, moment: float) -> None:
        """One decision of everybody."""
        views = self.views(moment)
        host = self.fleet.hosts[0].process.pid
        before, began = _spent(host), time.perf_counter()
        self.pilot.decide(moment, views)
        self.walls.append(1000 * (time.perf_counter() - began) / self.size)
        self.costs.append(1000 * (_spent(host) - before) / self.size)

    def views(self, moment: float) -> dict[str, Observation]:
        """What each sees: everybody who is not hidden."""
        bodies = [Body(GAP * (i // 2) + SPEED * moment, LANES[i % 2], 0.0, SPEED, 2.4, 1.0) for i in range(self.size)]
        everyone = [Actor(i, body) for i, body in enumerate(bodies)]
        return {f"V{i:02}": self._view(i, moment, bodies[i], everyone) for i in range(self.size)}

    def _view(self, number: int, moment: float, body: Body, everyone: Sequence[Actor]) -> Observation:
        others = [a for a in everyone if a.id != number]
        route = Route.through(np.array([[0.0, body.y], [4000.0, body.y]]))
        return observe(f"V{number:02}", moment, body, route, LIMIT, others, (), ())


def _spent(host: int | None) -> float:
    """Process time of the host and of this process [s]."""
    ticks = Path(f"/proc/{host}/stat").read_text().rpartition(")")[2].split()[11:13]  # user, system
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") + time.process_time()


def main() -> int:
    """Drive the convoys, then print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="2,4,8,16", help="vehicles, with commas between")
    parser.add_argument("--seconds", type=float, default=10.0, help="of simulated time")
    parser.add_argument("--channel", default="latent")
    options = parser.parse_args()
    sizes = [int(part) for part in options.sizes.split(",")]
    convoys = []
    try:
        for size in sizes:
            convoys.append(Convoy.start(size, options.channel))
        steps = math.ceil(options.seconds / PERIOD)
        for step in range(steps):
            for convoy in convoys:
                convoy.decide(step * PERIOD)
            print(f"\r{step + 1} of {steps}", end="", file=sys.stderr)
        print(file=sys.stderr)
    finally:
        for convoy in convoys:
            convoy.fleet.close()
    skip = steps // 10  # the first decisions compile and allocate
    found = {c.size: {"cpu_ms": fmean(c.costs[skip:]), "wall_ms": median(c.walls[skip:])} for c in convoys}
    for size, row in found.items():
        print(f"{size:3} vehicles: {row['cpu_ms']:.2f} ms of process time, {row['wall_ms']:.2f} ms by the clock, each")
    ratio = {k: found[LARGE][k] / found[SMALL][k] for k in found[LARGE]} if {LARGE, SMALL} <= found.keys() else {}
    print(json.dumps({"channel": options.channel, "per_vehicle": found, "ratio_16_to_4": ratio, "goal": GOAL,
                      "met": ratio.get("cpu_ms", math.inf) <= GOAL}))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
