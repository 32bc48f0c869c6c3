"""Bytes of messages coded against earlier ones, beside their keyframes.

B tells A what it sees, decision after decision, on the way to the occluded crossing; every message is acknowledged
before the next one, as on an ideal radio. Rows are codecs; figures are means over all messages but the first of each
seed. `error` is the root mean square of what A decodes, relative to that of what B thought. `encode_ms` contains the
keyframe's encoding and one decoding, by which the sender learns what the receiver will have; `decode_ms` is the
receiver's.

What limits it: the entropy of the change at the quantiser's step. `relative_change` (root mean square of the change
of tokens at the same position, relative to theirs) says how much there is to save: at 1 a message resembles its
predecessor no more than a stranger, and log2 of it is about the bits per number that coding the change saves. Of a
language model's prompt only the tokens before the first changed word are the same; behind it every layer but the
first has changed with what it attends to.

    python benchmarks/delta.py [--driver vector|llm] [--model smollm2|FOLDER] [--seeds 3] [--moments 30]

The last line of output is one JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import torch

from laco.agents.channels import DELTAS
from laco.agents.channels.deltas import LEVELS
from laco.agents.channels.latent import Latent
from laco.agents.drivers import facts
from laco.agents.drivers.base import Driver
from laco.agents.drivers.expert import decide
from laco.agents.drivers.load import load
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.profile import of as profile_of
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.comm import Chunk, air_bytes, decode, encode, parse
from laco.comm.delta import Kept, Said
from laco.distill.rollout import PERIOD, Rollout
from laco.distill.seeds import FIRST_SEED
from laco.method.cache import KVCache
from laco.scenarios.catalog.occluded_crossing import layout

META: dict[str, Any] = {"sender": "B", "addressee": "A", "fingerprint": "0" * 32}
Drive = list[KVCache]


def views(seed: int, period: float, count: int) -> list[tuple[Observation, Observation]]:
    """What A and B see, once per decision period."""
    found = []

    def policy(seen: Mapping[str, Observation]) -> Mapping[str, Plan]:
        joined = {n: with_beacons(v, [o.beacon("") for m, o in seen.items() if m != n]) for n, v in seen.items()}
        if round(joined["A"].time / PERIOD) % round(period / PERIOD) == 0:
            found.append((joined["A"], joined["B"]))
        return {n: decide(v, 0.25) for n, v in joined.items()}

    Rollout.of(layout(seed)).run(policy, period * count)
    return found[:count]


def drives(driver: Driver, model: str, seeds: int, count: int) -> Iterator[Drive]:
    """Of every seed what B would tell A, moment after moment, with the driver's own settings."""
    profile = profile_of(driver.name, model)
    channel = Latent(driver, profile.caution, profile.laco)
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        moments = views(seed, driver.period, count)
        yield [channel.think(b, a.beacon(driver.fingerprint)) for a, b in moments]
        print(f"seed {seed}: {len(moments)} messages", file=sys.stderr, flush=True)


def stacked(cache: KVCache) -> torch.Tensor:
    """Keys and values, [2, layers, kv_heads, tokens, head_dim]."""
    return torch.stack([torch.stack([layer[i].float().cpu() for layer in cache.layers]) for i in (0, 1)])


def change(before: KVCache, after: KVCache) -> float:
    """Of tokens at the same positions, relative to their size."""
    columns = {int(p): i for i, p in enumerate(before.positions[0])}
    pairs = [(columns[int(p)], i) for i, p in enumerate(after.positions[0]) if int(p) in columns]
    found = zip((before, after), zip(*pairs, strict=True), strict=True)
    old, new = (stacked(cache)[..., list(index), :] for cache, index in found)
    return float((new - old).norm() / new.norm())


class Row:
    """One codec over all drives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sizes: list[int] = []
        self.errors: list[float] = []
        self.times: list[tuple[float, float]] = []  # encode, decode [s]
        self.keyframes = 0

    def drive(self, caches: Drive) -> None:
        said, kept = Said(levels=LEVELS.get(self.name, 1)), Kept()
        for seq, cache in enumerate(caches):
            began = time.perf_counter()
            chunks = self.encoded(said, cache, seq)
            between = time.perf_counter()
            header = parse(chunks[0].header)
            found = decode(chunks, reference=kept.reference(header))
            ended = time.perf_counter()
            kept.keep(header, found)
            said.note("A", [number for _, number in kept.held])
            if seq:
                thought = stacked(cache)
                self.sizes.append(air_bytes(chunks).total)
                self.errors.append(float((stacked(found) - thought).norm() / thought.norm()))
                self.times.append((between - began, ended - between))
                self.keyframes += header.base < 0

    def encoded(self, said: Said, cache: KVCache, seq: int) -> list[Chunk]:
        if self.name in DELTAS:
            return said.encode(cache, ["A"], **META, seq=seq)
        return encode(cache, self.name, **META, seq=seq)

    def figures(self) -> dict[str, Any]:
        encoding, decoding = (1e3 * fmean(values) for values in zip(*self.times, strict=True))
        return {
            "bytes": round(fmean(self.sizes)),
            "error": round(fmean(self.errors), 5),
            "keyframes": self.keyframes,
            "encode_ms": round(encoding, 2),
            "decode_ms": round(decoding, 2),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--driver", choices=("vector", "llm"), default="vector")
    parser.add_argument("--model", default="smollm2", help="of the llm driver")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--moments", type=int, default=30, help="messages of a seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = options.model if facts(options.driver).model is not None else ""
    driver = load(options.driver, model)
    rows = [Row(name) for name in ("fp16", "int8", *DELTAS)]
    changes = []
    for caches in drives(driver, model, options.seeds, options.moments):
        changes += [change(a, b) for a, b in pairwise(caches)]
        for row in rows:
            row.drive(caches)
    result = {row.name: row.figures() for row in rows}
    for name, found in result.items():
        found["ratio_to_int8"] = round(result["int8"]["bytes"] / found["bytes"], 2)
        print(f"{name:>14}  " + "  ".join(f"{key} {value}" for key, value in found.items()))
    about = {"driver": options.driver, "messages": len(changes), "relative_change": round(fmean(changes), 3)}
    print(json.dumps({**about, "codecs": result}, separators=(",", ":")))


if __name__ == "__main__":
    main()
