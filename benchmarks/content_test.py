"""Does a calibrated band carry what the same text in the prompt carries, and disturb less? Judged once, on set B.

The profile was calibrated on set A, whose templates, road users, events and receiver prompts are others. Every
scene is a pair: a road user in the receiver's way, or the same one out of it. Conditions: the calibrated profile,
through its codec; the same message as text in the prompt; the paper's recipe; silence.

    OMP_NUM_THREADS=1 python benchmarks/content_test.py --pairs 200 --out runs/content_test

Samples go to samples.jsonl as they are taken: a stopped test goes on where it was. Limits: AUC 0.5 is chance; what
text reaches is what this model understands at all. The last line of output is one JSON object; targets are the
bounds of the paired bootstrap over scene pairs: AUC difference above -0.05, drift ratio at most 0.6.

With `--codecs` the conditions are codecs instead: the calibrated profile's message goes through each of them on the
same scenes, and all are compared with the first. Target: AUC difference above -0.02.

    OMP_NUM_THREADS=1 python benchmarks/content_test.py --codecs fp16,transform --out runs/content_codecs
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from laco import Backbone
from laco.agents.drivers import profile as profiles
from laco.agents.drivers.lora_file import PLAIN, joined
from laco.config import LacoConfig
from laco.distill.calibration.candidates import PAPER
from laco.distill.calibration.measure import Bench, Sample
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import Scene, scenes
from laco.distill.calibration.statistics import Array, auc, bootstrap, interval, wins

CONDITIONS = ("calibrated", "text", "paper")
MARGIN, CODEC_MARGIN = 0.05, 0.02  # of AUC, that a condition may lose against text, and a codec against the first

Samples = dict[str, Sample]  # of one scene, by condition


def conditions(bench: Bench, config: LacoConfig, scene: Scene) -> Samples:
    """One scene through the calibrated profile, as text, and through the paper's recipe."""
    told = {steps: bench.tell(scene, steps) for steps in {0, PAPER.steps, config.steps}}
    return {
        "calibrated": bench.sample(told[config.steps], config),
        "text": bench.as_text(told[0]),
        "paper": bench.sample(told[PAPER.steps], PAPER),
    }


def by_codec(benches: Sequence[Bench], config: LacoConfig, scene: Scene) -> Samples:
    """One scene through the calibrated profile, by each bench's codec; the sender reads it once."""
    told = benches[0].tell(scene, config.steps)
    return {bench.codec: bench.sample(told, config) for bench in benches}


def samples(
    take: Callable[[Scene], Samples], header: dict[str, str], told: list[Scene], folder: Path
) -> Iterator[Samples]:
    """One per scene; those of an earlier call with the same settings are read back."""
    path = folder / "samples.jsonl"
    done = _read(path, header)
    yield from (done[scene.number] for scene in told if scene.number in done)
    with path.open("a", encoding="utf-8") as out:
        for scene in (one for one in told if one.number not in done):
            found = take(scene)
            line = {"scene": scene.number, "hazard": scene.hazard} | {name: asdict(s) for name, s in found.items()}
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(f"scene {scene.number + 1} of {len(told)}", file=sys.stderr, flush=True)
            yield found


def _read(path: Path, header: dict[str, str]) -> dict[int, Samples]:
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
    return {row.pop("scene"): {n: _sample(fields) for n, fields in row.items() if n != "hazard"} for row in rows}


def _sample(fields: dict[str, Any]) -> Sample:
    return Sample(**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})


def table(found: list[Samples], name: str, field: str) -> Array:
    """A field of every scene's sample [pairs, prompts]."""
    return np.array([getattr(row[name], field) for row in found])


def scores(found: list[Samples], name: str) -> tuple[Array, Array]:
    """Of hazards and of twins, each [pairs, prompts]."""
    return table(found, name, "hazard"), table(found, name, "twin")


def figures(found: list[Samples], name: str) -> dict[str, Any]:
    """AUC, wins, drift and bytes of one condition."""
    hazard, twin = scores(found, name)
    by_prompt = zip(hazard.T, twin.T, strict=True)
    return {
        "auc": round(auc(hazard, twin), 4),
        "auc_by_prompt": [round(auc(h[:, None], t[:, None]), 4) for h, t in by_prompt],
        "wins": round(wins(hazard, twin), 4),
        "idle_drift": round(float(table(found, name, "idle").mean()), 5),
        "message_drift": round(float(table(found, name, "moved").mean()), 5),
        "bytes": round(float(np.mean([row[name].nbytes for row in found])), 1),
    }


def auc_difference(found: list[Samples], name: str, reference: str, draws: int) -> tuple[float, float, float]:
    """AUC of a condition minus the reference's, and its 95 % interval by a paired bootstrap over scene pairs."""
    above = [np.sign(h[:, None] - t[None]).mean(2) for h, t in (scores(found, n) for n in (name, reference))]
    twice = above[0] - above[1]  # the AUC difference, by pair of pairs

    def difference(index: Any) -> float:
        return float(0.5 * twice[np.ix_(index, index)].mean())

    return difference(np.arange(len(found))), *interval(bootstrap(difference, len(found), draws))


def drift_ratio(found: list[Samples], name: str, reference: str, draws: int) -> tuple[float, float, float]:
    """Drift on a message without news against the reference's, and its 95 % interval."""
    idle = [table(found, n, "idle").mean(1) for n in (name, reference)]

    def ratio(index: Any) -> float:
        return float(idle[0][index].mean() / idle[1][index].mean())

    return ratio(np.arange(len(found))), *interval(bootstrap(ratio, len(found), draws))


def judged(found: list[Samples], draws: int = 2000) -> dict[str, Any]:
    """Every condition, and the two comparisons of the calibrated one with text."""
    both = "calibrated", "text"
    difference, ratio = auc_difference(found, *both, draws), drift_ratio(found, *both, draws)
    return {
        "pairs": len(found),
        "conditions": {name: figures(found, name) for name in CONDITIONS},
        "silent": {"auc": 0.5, "idle_drift": 0.0, "bytes": 0},
        "auc_difference": [round(x, 4) for x in difference],
        "drift_ratio": [round(x, 4) for x in ratio],
        "not_inferior": difference[1] > -MARGIN,
        "calmer": ratio[2] <= 0.6,
    }


def codecs_judged(found: list[Samples], codecs: Sequence[str], draws: int = 2000) -> dict[str, Any]:
    """Every codec, and its comparison with the first."""
    reference, *others = codecs
    rows = {name: figures(found, name) for name in codecs}
    for name in others:
        difference = auc_difference(found, name, reference, draws)
        rows[name] |= {
            "auc_difference": [round(x, 4) for x in difference],
            "not_inferior": difference[1] > -CODEC_MARGIN,
            "times_smaller": round(rows[reference]["bytes"] / rows[name]["bytes"], 2),
        }
    return {"pairs": len(found), "reference": reference, "conditions": rows}


def main() -> None:
    """Print a table of the conditions, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--calibration", type=Path, help="the laco.yaml that is judged (default: the model's own)")
    parser.add_argument("--codecs", help="compare these codecs, comma-separated, instead of text and the paper")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/content_test"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    profile = profiles.of("llm", joined(args.model, PLAIN), args.calibration)
    config, backbone = profile.laco, Backbone.load(args.model)
    codecs = args.codecs.split(",") if args.codecs else [profile.codec]
    benches = [Bench(backbone, PROMPTS["B"], codec) for codec in codecs]
    take = partial(by_codec, benches, config) if args.codecs else partial(conditions, benches[0], config)
    header = {"fingerprint": backbone.fingerprint, "codec": ",".join(codecs), "laco": repr(config)}
    found = list(samples(take, header, scenes("B", args.pairs, args.seed), args.out))
    result = codecs_judged(found, codecs) if args.codecs else judged(found)
    print("| condition | AUC | paired wins | drift, nothing new | drift, news | bytes |\n|" + "---|" * 6)
    for name, row in result["conditions"].items():
        shown = (row["auc"], row["wins"], row["idle_drift"], row["message_drift"], row["bytes"])
        print(f"| {name} | " + " | ".join(map(str, shown)) + " |")
    print(json.dumps({"model": args.model, "laco": asdict(config), "codec": header["codec"], **result}))


if __name__ == "__main__":
    main()
