"""Does a calibrated band carry what the same text in the prompt carries, and disturb less? Judged once, on set B.

The profile was calibrated on set A, whose templates, road users, events and receiver prompts are others. Every
scene is a pair: a road user in the receiver's way, or the same one out of it. Conditions: the calibrated profile,
through its codec; the same message as text in the prompt; the paper's recipe; silence.

    OMP_NUM_THREADS=1 python benchmarks/content_test.py --pairs 200 --out runs/content_test

Samples go to samples.jsonl as they are taken: a stopped test goes on where it was. Limits: AUC 0.5 is chance; what
text reaches is what this model understands at all. The last line of output is one JSON object; targets are the
bounds of the paired bootstrap over scene pairs: AUC difference above -0.05, drift ratio at most 0.6.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from laco import Backbone
from laco.agents.drivers import profile as profiles
from laco.config import LacoConfig
from laco.distill.calibration.candidates import PAPER
from laco.distill.calibration.measure import Bench, Sample
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import Scene, scenes
from laco.distill.calibration.statistics import Array, auc, bootstrap, interval, wins

CONDITIONS = ("calibrated", "text", "paper")


def sample(bench: Bench, scene: Scene, config: LacoConfig) -> dict[str, Sample]:
    """All conditions of one scene."""
    told = {steps: bench.tell(scene, steps) for steps in {0, PAPER.steps, config.steps}}
    return {
        "calibrated": bench.sample(told[config.steps], config),
        "text": bench.as_text(told[0]),
        "paper": bench.sample(told[PAPER.steps], PAPER),
    }


def samples(bench: Bench, config: LacoConfig, told: list[Scene], folder: Path) -> Iterator[dict[str, Sample]]:
    """One per scene; those of an earlier call with the same settings are read back."""
    header = {"fingerprint": bench.backbone.fingerprint, "codec": bench.codec, "laco": repr(config)}
    path = folder / "samples.jsonl"
    done = _read(path, header)
    yield from (done[scene.number] for scene in told if scene.number in done)
    with path.open("a", encoding="utf-8") as out:
        for scene in (one for one in told if one.number not in done):
            found = sample(bench, scene, config)
            line = {"scene": scene.number, "hazard": scene.hazard} | {name: asdict(s) for name, s in found.items()}
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(f"scene {scene.number + 1} of {len(told)}", file=sys.stderr, flush=True)
            yield found


def _read(path: Path, header: dict[str, str]) -> dict[int, dict[str, Sample]]:
    """What a file holds already; a new file gets the header. Exits for a file of other settings."""
    if not path.exists():
        path.write_text(json.dumps(header) + "\n", encoding="utf-8")
        return {}
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if json.loads(first) != header:
        sys.exit(f"{path} holds samples of other settings: give another --out")
    whole = [line for line in rest if line.endswith("\n")]
    if len(whole) < len(rest):  # a killed call's last line
        path.write_text("".join([first, *whole]), encoding="utf-8")
    rows = map(json.loads, whole)
    return {row["scene"]: {name: _sample(row[name]) for name in CONDITIONS} for row in rows}


def _sample(fields: dict[str, Any]) -> Sample:
    return Sample(**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})


def table(found: list[dict[str, Sample]], name: str, field: str) -> Array:
    """A field of every scene's sample [pairs, prompts]."""
    return np.array([getattr(row[name], field) for row in found])


def by_prompt(hazard: Array, twin: Array) -> Iterator[tuple[Array, Array]]:
    """The scores [pairs] of each prompt."""
    return zip(hazard.T, twin.T, strict=True)


def judged(found: list[dict[str, Sample]], draws: int = 2000) -> dict[str, Any]:
    """AUC, wins and drift by condition, and the two comparisons with their 95 % intervals."""
    scores = {name: (table(found, name, "hazard"), table(found, name, "twin")) for name in CONDITIONS}
    idle = {name: table(found, name, "idle").mean(1) for name in CONDITIONS}
    above = {name: np.sign(h[:, None] - t[None]).mean(2) for name, (h, t) in scores.items()}
    difference = above["calibrated"] - above["text"]  # twice the AUC difference, by pair of pairs

    def auc_difference(index: Any) -> float:
        return float(0.5 * difference[np.ix_(index, index)].mean())

    def drift_ratio(index: Any) -> float:
        return float(idle["calibrated"][index].mean() / idle["text"][index].mean())

    everything = np.arange(len(found))
    rows = {
        name: {
            "auc": round(auc(*scores[name]), 4),
            "auc_by_prompt": [round(auc(h[:, None], t[:, None]), 4) for h, t in by_prompt(*scores[name])],
            "wins": round(wins(*scores[name]), 4),
            "idle_drift": round(float(idle[name].mean()), 5),
            "message_drift": round(float(table(found, name, "moved").mean()), 5),
            "bytes": round(float(np.mean([row[name].nbytes for row in found])), 1),
        }
        for name in CONDITIONS
    }
    low, high = interval(bootstrap(auc_difference, len(found), draws))
    ratio_low, ratio_high = interval(bootstrap(drift_ratio, len(found), draws))
    return {
        "pairs": len(found),
        "conditions": rows,
        "silent": {"auc": 0.5, "idle_drift": 0.0, "bytes": 0},
        "auc_difference": [round(x, 4) for x in (auc_difference(everything), low, high)],
        "drift_ratio": [round(x, 4) for x in (drift_ratio(everything), ratio_low, ratio_high)],
        "not_inferior": low > -0.05,
        "calmer": ratio_high <= 0.6,
    }


def main() -> None:
    """Print a table of the conditions, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--calibration", type=Path, required=True, help="the laco.yaml that is judged")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/content_test"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    profile = profiles.load(args.calibration)
    bench = Bench(Backbone.load(args.model), PROMPTS["B"], profile.codec)
    found = list(samples(bench, profile.laco, scenes("B", args.pairs, args.seed), args.out))
    result = judged(found)
    print("| condition | AUC | paired wins | drift, nothing new | drift, news | bytes |\n|" + "---|" * 6)
    for name, row in result["conditions"].items():
        shown = (row["auc"], row["wins"], row["idle_drift"], row["message_drift"], row["bytes"])
        print(f"| {name} | " + " | ".join(map(str, shown)) + " |")
    print(json.dumps({"model": args.model, "laco": asdict(profile.laco), "codec": profile.codec, **result}))


if __name__ == "__main__":
    main()
