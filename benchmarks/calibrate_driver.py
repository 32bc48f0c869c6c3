"""Which steps, kept share and layer band suit the built-in driver? The table behind `laco calibrate --model vector`.

Limits: error 0 is the decision of a vehicle that reads the peer's view as tokens; a message that says nothing leaves
the silent decision. Development seeds only (laco.distill.calibration.driver measures).

    python benchmarks/calibrate_driver.py --seeds 1000-1009

The last line of output is one JSON object.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from laco.agents.channels.observation import ObservationList
from laco.agents.drivers.vector import VectorDriver
from laco.distill.calibration.driver import Judge, Row, grid, moments
from laco.distill.seeds import FIRST_SEED


def shown(row: Row) -> dict[str, Any]:
    """A row of the table."""
    return {
        "steps": row.config.steps,
        "keep": row.config.keep,
        "layers": list(row.config.layers or ()),
        "codec": row.codec,
        "error_mps": round(row.error, 3),
        "recovered": round(row.recovered, 3),
        "content_mps": round(row.content, 3),
        "drift_mps": round(row.drift, 3),
        "bytes": round(row.nbytes),
    }


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
    vector = VectorDriver.load(args.weights)
    at = moments(range(first, last + 1))
    judge = Judge(vector, args.caution, at, ObservationList(vector, args.caution))
    print(f"{len(judge.at)} moments; reading moves the decision by {judge.moved:.2f} m/s")
    print(
        "| steps | keep | layers | codec | error m/s | recovered | content m/s | drift m/s | air bytes |\n|"
        + "---|" * 9
    )
    rows = []
    for config, codec in grid():
        row = shown(judge.row(config, codec))
        rows.append(row)
        print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
    print(json.dumps({"moments": len(judge.at), "rows": rows}))


if __name__ == "__main__":
    main()
