"""What it saves to let the vehicles of a host speak in one batch, against one after the other.

Every vehicle goes on behind its own context (of its own length; two in three have heard a peer in half of the layers)
by the same number of tokens. One after the other reads all weights for each token of each vehicle; a batch reads them
once for all, and does the same arithmetic. So where reading the weights is the limit (a GPU; one row on a processor,
too), N vehicles cost about as much as one and the ratio tends to 1 / N; where arithmetic is, to 1. The ratio also holds
what a batch spares in copies: it has room for what is to come, where `generate` copies a row's cache for each token;
and what it adds: padding, masks.

Both take turns in one process, so that what else the machine does hits both; the ratios are medians of the turns'
ratios, of wall time and of processor time. Both must say the same words, or the benchmark fails. The last line is one
JSON object.

    python benchmarks/batched_decode.py [--model smollm2|FOLDER] [--tokens 300] [--limit 32] [--vehicles 1 2 4 8]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from laco import Backbone, deliberate, infer, share
from laco.method.continuation import generate, generate_many
from laco.method.fusion import Inference

Said = list[list[int]]


def tiny(device: str) -> Backbone:
    """Random weights, for what is not arithmetic."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=512,
    )  # fmt: skip
    return Backbone(LlamaForCausalLM(config).eval().to(device))


def contexts(backbone: Backbone, vehicles: int, tokens: int) -> list[Inference]:
    """What the vehicles go on from: random ids, up to a tenth fewer than `tokens`."""
    chance = torch.Generator().manual_seed(0)
    words = backbone.num_embeddings or 1
    outs = []
    for number in range(vehicles):
        count = tokens - int(torch.randint(tokens // 10 + 1, (1,), generator=chance))
        ids = torch.randint(words, (count,), generator=chance)
        trace = deliberate(backbone, ids[:40], 2, realign="identity")
        peers = [share(trace, range(12), layers=range(backbone.num_layers // 2))] if number % 3 else []
        outs.append(infer(backbone, ids, peers, tail=True))
    return outs


class Took(NamedTuple):
    """What a call took [s]."""

    wall: float
    processor: float


def timed(call: Callable[[], Said]) -> tuple[Took, Said]:
    """What a call took, and its result (which is on the processor: a device has finished)."""
    wall, processor = time.perf_counter(), time.process_time()
    said = call()
    return Took(time.perf_counter() - wall, time.process_time() - processor), said


def turn(backbone: Backbone, outs: list[Inference], limit: int, batched_first: bool) -> tuple[Took, Took]:
    """Both ways once: one after the other, and batched."""
    ways: dict[bool, Callable[[], Said]] = {
        False: lambda: [generate(backbone, out, limit, ()) for out in outs],
        True: lambda: generate_many(backbone, outs, limit, ()),
    }
    found = {way: timed(ways[way]) for way in sorted(ways, reverse=batched_first)}
    if found[False][1] != found[True][1]:
        raise SystemExit("a batch said other words than its rows do alone")
    return found[False][0], found[True][0]


def measured(backbone: Backbone, options: argparse.Namespace, vehicles: int) -> dict[str, float]:
    """Medians over the turns; the first one warms up."""
    outs = contexts(backbone, vehicles, options.tokens)
    turns = [turn(backbone, outs, options.limit, bool(number % 2)) for number in range(options.turns + 1)][1:]
    ratios = [batched.wall / alone.wall for alone, batched in turns]
    figures = {
        "alone_s": statistics.median(alone.wall for alone, _ in turns),
        "batched_s": statistics.median(batched.wall for _, batched in turns),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "processor_ratio": statistics.median(batched.processor / alone.processor for alone, batched in turns),
    }
    return {"vehicles": vehicles, **{name: round(value, 4) for name, value in figures.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a built-in name or a folder, measured beside the tiny random one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--limit", type=int, default=32)
    parser.add_argument("--vehicles", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    models: dict[str, Callable[[], Backbone]] = {"tiny": lambda: tiny(options.device)}
    if options.model:
        models[options.model] = lambda: Backbone.load(options.model, device=options.device)
    figures: dict[str, list[dict[str, float]]] = {}
    for name, make in models.items():
        backbone, figures[name] = make(), []
        for vehicles in options.vehicles:
            row = measured(backbone, options, vehicles)
            figures[name].append(row)
            times = f"{row['alone_s']:.3f} s one after the other, {row['batched_s']:.3f} s batched"
            print(f"{name}, {vehicles} vehicle(s): {times}, ratio {row['ratio']:.2f}", flush=True)
    asked = {name: getattr(options, name) for name in ("tokens", "limit", "turns", "threads", "device")}
    print(json.dumps({**asked, "models": figures}, separators=(",", ":")))


if __name__ == "__main__":
    main()
