"""What each channel costs a language model, stage by stage: one row per channel, all in one run.

B tells A what it sees, at moments on the way to the occluded crossing. Every moment goes through all channels before
the next one does, so a busy machine slows all of them alike; figures are medians over the moments. Stages:

- prefill: the speaker's model reads its prompt, up to the end of the first forward pass. `language` reads once for
  its three questions; `latent` reads the decision prompt. Channels that only send what was observed read nothing.
- speak: what comes behind it: words for `language` and `conclusion`, m latent steps with their saliency for `latent`,
  embedding lookups for `visual`.
- encode: choosing what is shared, and bytes. decode: bytes to what the receiver's model takes; recipes are computed
  here.
- air: air bytes at 6 and 25 Mb/s, nothing else on the channel.
- attach: how much longer the receiver's pass takes than that of `silent`, measured just before at the same moment.

What limits it: on a processor both a word and a latent step read all weights once, so latent's speaking should take
m / tokens of language's; the last line tells the ratio of the two (the target is at most 1.15). Words also pay for the
output matrix and for reading the questions, so it can be below 1.

    python benchmarks/channels.py --model smollm2 --moments 6

The last line of output is one JSON object.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

from laco.agents.channels.base import Channel
from laco.agents.channels.build import build
from laco.agents.drivers.expert import decide
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.profile import Profile
from laco.agents.drivers.profile import of as profile_of
from laco.agents.messages import AgentSpec
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.comm import air_bytes
from laco.config import LacoConfig
from laco.distill.rollout import PERIOD, Rollout
from laco.distill.seeds import FIRST_SEED
from laco.profiling.spans import recording
from laco.scenarios.catalog.occluded_crossing import layout

RATES = (6, 25)  # [Mb/s]
APART = 1.0  # [s] between two moments of a seed: the driver's decision period
UNTIL = 6.0  # [s] of a seed that are used
TARGET = 1.15
PAPER = "latent, the paper's recipe"
STAGES = ("prefill", "speak", "encode", "decode", "attach")
Moment = tuple[Observation, Observation]  # A's view, B's view


@dataclass
class Row:
    """One channel: a list of milliseconds per stage, and per message bytes and words or latent steps."""

    times: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    sizes: list[int] = field(default_factory=list)
    generated: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Medians [ms], their sums with the air, mean bytes and tokens."""
        found = {stage: round(median(values), 2) for stage, values in self.times.items()}
        size = sum(self.sizes) / len(self.sizes)
        air = {f"air_{rate}": round(size * 8e-3 / rate, 2) for rate in RATES}
        ends = {f"total_{rate}": round(sum(found.values()) + air[f"air_{rate}"], 2) for rate in RATES}
        tokens = round(sum(self.generated) / len(self.generated), 1)
        return {**found, **air, **ends, "bytes": round(size), "tokens": tokens}


def moments(count: int) -> list[Moment]:
    """Views of A and B on the way to the crossing, driven by the expert on what each sees itself."""
    found: list[Moment] = []

    def policy(views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        joined = {n: with_beacons(v, [o.beacon("") for m, o in views.items() if m != n]) for n, v in views.items()}
        if round(joined["A"].time / PERIOD) % round(APART / PERIOD) == 0:
            found.append((joined["A"], joined["B"]))
        return {n: decide(v, 0.25) for n, v in joined.items()}

    seed = FIRST_SEED
    while len(found) < count:
        Rollout.of(layout(seed)).run(policy, UNTIL)
        seed += 1
    return found[:count]


def channels(driver: LLMDriver, profile: Profile) -> dict[str, Channel]:
    """All of them; `latent` as the paper has it, as the model's profile has it, and that by recipe instead of cache."""

    def made(channel: str, laco: LacoConfig, codec: str) -> Channel:
        return build(AgentSpec("A", channel, driver="llm", laco=laco, codec=codec), driver, {})

    plain = ("observation", "language", "conclusion", "visual")
    return {
        **{name: made(name, profile.laco, profile.codec) for name in plain},
        PAPER: made("latent", LacoConfig(), profile.codec),
        "latent, the profile": made("latent", profile.laco, profile.codec),
        "latent, the profile by recompute": made("latent", profile.laco, "recompute"),
    }


def measure(driver: LLMDriver, made: Mapping[str, Channel], at: Sequence[Moment]) -> dict[str, Row]:
    """A row per channel."""
    rows = {name: Row() for name in made}
    silent = build(AgentSpec("A", "silent", driver="llm"), driver, {})
    for number, (a, b) in enumerate(at):
        for name, channel in made.items():
            note(rows[name], channel, silent, a, b)
        print(f"moment {number + 1} of {len(at)}", file=sys.stderr, flush=True)
    return rows


def note(row: Row, channel: Channel, silent: Channel, a: Observation, b: Observation) -> None:
    """One message from B to A. What A's pass takes without it is measured just before the one with it."""
    meta = {"sender": "B", "addressee": "A", "fingerprint": channel.driver.fingerprint}
    with recording() as spans:
        said = channel.say(b, a.beacon(""), meta)
        if said is None:
            raise RuntimeError(f"{channel.name} said nothing")
        with recording() as alone:
            silent.hear(a, [])
        heard = channel.hear(a, [said])
    if heard.refused:
        raise RuntimeError(heard.refused[0])
    times = {
        "prefill": total(spans, "prefill"),
        "speak": total(spans, "speak", "embed"),
        "encode": total(spans, "share", "encode"),
        "decode": total(spans, "decode"),
        "attach": total(spans, "infer") - total(alone, "infer"),
    }
    for stage, value in times.items():
        row.times[stage].append(value)
    row.sizes.append(air_bytes(said).total)
    row.generated.append(channel.generated)


def total(spans: Mapping[str, Sequence[float]], *names: str) -> float:
    """Milliseconds in some spans."""
    return 1e3 * sum(sum(spans.get(name, ())) for name in names)


def ratio(rows: Mapping[str, Row]) -> float:
    """Latent's speaking over (m / tokens) x language's, the median over the moments."""
    latent, language = rows[PAPER], rows["language"]
    pairs = zip(
        latent.times["speak"], language.times["speak"], latent.generated, language.generated, strict=True
    )
    return median(a / (b * m / tokens) for a, b, m, tokens in pairs if m and tokens)


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown."""
    heads = ["channel", *(f"{stage} ms" for stage in STAGES[:3]), *(f"air {r} Mb/s ms" for r in RATES)]
    heads += [*(f"{stage} ms" for stage in STAGES[3:]), *(f"sum, {r} Mb/s ms" for r in RATES), "bytes", "tokens"]
    keys = [*STAGES[:3], *(f"air_{r}" for r in RATES), *STAGES[3:], *(f"total_{r}" for r in RATES)]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, found in figures.items():
        cells = [*(f"{found[key]:.1f}" for key in keys), f"{found['bytes']:,.0f}", f"{found['tokens']:.1f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, then print the table and one JSON line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", default="smollm2", help="a built-in name, a folder or a hub id")
    parser.add_argument("--calibration", type=Path, default=None, help="a laco.yaml instead of the model's own")
    parser.add_argument("--moments", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    driver = LLMDriver.load(args.model)
    profile = profile_of("llm", args.model, args.calibration)
    at = moments(args.moments)
    made = channels(driver, profile)
    driver.backbone.realigned(torch.zeros(driver.backbone.width), LacoConfig().realign)  # solved once, not timed
    measure(driver, made, at[:1])  # warm-up
    rows = measure(driver, made, at)
    figures: dict[str, Any] = {name: row.figures() for name, row in rows.items()}
    found = ratio(rows)
    print(table(figures), end="\n\n")
    print(f"Latent (paper) speaks {found:.2f} times as long as language per step; the target is at most {TARGET}.")
    about = {"model": args.model, "moments": len(at), "threads": args.threads}
    print(json.dumps({**about, "channels": figures, "speak_ratio": round(found, 3), "within_target": found <= TARGET}))


if __name__ == "__main__":
    main()
