"""Which steps, kept share and layer band suit the built-in driver? Open loop, on development seeds only.

Ego A's target speed after hearing a message is compared with what it decides when it reads the same view as tokens
(the `observation` channel, which a full-depth cache without latent steps equals up to the codec), and with what
it decides on the hazard twin's message. Limits: error 0 is the observation's own decision; a message that says
nothing leaves the silent decision.

    python benchmarks/calibrate_driver.py --seeds 1000-1009

The last line of output is one JSON object.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.comm import air_bytes
from laco.config import LacoConfig
from laco.distill.rollout import Rollout
from laco.distill.scenes import FIRST_SEED, all_approaches
from laco.scenarios.catalog.occluded_crossing import layout

STEPS = (0, 1, 2, 5, 10)
KEEPS = (1.0, 0.7, 0.5, 0.3)
BANDS = ((0,), (0, 1), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (2, 3, 4, 5), (4, 5))
Moment = tuple[Observation, Observation, tuple[int, ...]]  # A's view, B's view, the hazard's id


def moments(seeds: range, every: int = 3) -> list[Moment]:
    """Views on the way to the crossing, driven by the expert with what A sees itself."""
    known = all_approaches()
    lanes = {"A": known["A", "straight"], "B": known["B", "straight"]}
    found: list[Moment] = []
    for seed in seeds:
        rollout = Rollout(layout(seed), lanes)
        hazard = (len(rollout.cars()) - 1,)

        def policy(views: Mapping[str, Observation], hazard: tuple[int, ...] = hazard) -> Mapping[str, Plan]:
            joined = {n: with_beacons(v, [o.beacon("") for m, o in views.items() if m != n]) for n, v in views.items()}
            found.append((joined["A"], joined["B"], hazard))
            return {n: decide(v, 0.25) for n, v in joined.items()}

        rollout.run(policy, 6.0)
    return found[::every]


def speed(plan: Plan) -> float:
    """What the plan wants in the end [m/s]."""
    return plan.speed[-1]


class Judge:
    """Decisions of ego A at some moments, by channel."""

    def __init__(self, driver: VectorDriver, caution: float, at: list[Moment]) -> None:
        self.driver, self.caution, self.at = driver, caution, at
        silent, read = Silent(driver, caution), ObservationList(driver, caution)
        self.silent = np.array([speed(silent.hear(a, []).plan) for a, _, _ in at])
        self.read = np.array([speed(read.hear(a, [read.say(b, a.beacon(""), {})]).plan) for a, b, _ in at])

    def row(self, config: LacoConfig, codec: str) -> dict[str, Any]:
        """Error against reading, content against the twin's message, and bytes."""
        channel = Latent(self.driver, self.caution, config, codec)
        true, twin, size = [], [], []
        meta = {"fingerprint": self.driver.fingerprint}
        for a, b, hazard in self.at:
            said = channel.say(b, a.beacon(""), meta)
            without = msgspec.structs.replace(b, actors=tuple(x for x in b.actors if x.id not in hazard))
            true.append(speed(channel.hear(a, [said]).plan))
            twin.append(speed(channel.hear(a, [channel.say(without, a.beacon(""), meta)]).plan))
            size.append(air_bytes(said).total)
        moved = np.abs(self.read - self.silent).mean()
        error = np.abs(np.array(true) - self.read).mean()
        return {
            "steps": config.steps,
            "keep": config.keep,
            "layers": list(config.layers or ()),
            "codec": codec,
            "error_mps": round(float(error), 3),
            "recovered": round(float(1.0 - error / moved), 3),
            "content_mps": round(float(np.abs(np.array(true) - np.array(twin)).mean()), 3),
            "bytes": round(float(np.mean(size))),
        }


def grid() -> list[tuple[LacoConfig, str]]:
    """One option at a time around everything, then the paper's own."""
    every = BANDS[5]

    def config(steps: int = 0, keep: float = 1.0, layers: tuple[int, ...] = every) -> LacoConfig:
        return LacoConfig(steps=steps, keep=keep, layers=layers, realign="identity")

    chosen = [(config(steps=s), "int8") for s in STEPS]
    chosen += [(config(keep=k), "int8") for k in KEEPS[1:]] + [(config(steps=2, keep=k), "int8") for k in KEEPS[1:]]
    chosen += [(config(layers=band), "int8") for band in BANDS if band != every]
    chosen += [(config(), codec) for codec in ("fp16", "fp32")]
    return [*chosen, (config(steps=10, keep=0.3, layers=(0,)), "int8")]


def main() -> None:
    """Print a row per configuration, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000-1009", help="FIRST-LAST, development seeds")
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--caution", type=float, default=0.25)
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split("-"))
    if first < FIRST_SEED:
        parser.error(f"seeds below {FIRST_SEED} belong to the tests")
    torch.set_num_threads(1)
    judge = Judge(VectorDriver.load(args.weights), args.caution, moments(range(first, last + 1)))
    print(f"{len(judge.at)} moments; reading moves the decision by {np.abs(judge.read - judge.silent).mean():.2f} m/s")
    print("| steps | keep | layers | codec | error m/s | recovered | content m/s | air bytes |\n|" + "---|" * 8)
    rows = []
    for config, codec in grid():
        row = judge.row(config, codec)
        rows.append(row)
        print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
    print(json.dumps({"moments": len(judge.at), "rows": rows}))


if __name__ == "__main__":
    main()
