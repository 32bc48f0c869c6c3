"""What it saves to let the vehicles of a host speak side by side: one batched decode against one after the other.

Every vehicle goes on behind its own context (of its own length; two in three have heard a peer in some layers) by the same
number of tokens. One after the other reads all weights for each token of each vehicle; a batch reads them once for all, and
does the same arithmetic. So where reading the weights is the limit (a GPU, or one row on a fast processor), N vehicles cost
about as much as one and the ratio tends to 1 / N; where arithmetic is, to 1. On one core the small matrix products of a batch
lie in between. The ratio also holds what a batch spares in copies: it has room for what is to come, where `generate`
copies a row's cache for each token; and what it adds: padding, masks.

Both take turns in one process, so that what else the machine does hits both; the ratio is the median of the turns' ratios. Both
must say the same words, or the benchmark fails. The last line is one JSON object.

    python benchmarks/batched_decode.py [--model smollm2|FOLDER] [--tokens 300] [--limit 32] [--vehicles 1 2 4 8]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from laco import Backbone, deliberate, infer, share
from laco.method.continuation import generate, generate_many
from laco.method.fusion import Inference

Said = list[list[int]]


def tiny() -> Backbone:
    """Random weights, for what is not arithmetic."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=512,
    )  # fmt: skip
    return Backbone(LlamaForCausalLM(config).eval())


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


def timed(call: Callable[[], Said]) -> tuple[float, Said]:
    """Duration [s] and result."""
    began = time.perf_counter()
    said = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began, said


def turn(backbone: Backbone, outs: list[Inference], limit: int, batched_first: bool) -> tuple[float, float]:
    """Both ways once: durations one after the other and batched [s]."""
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
    alone, batched = (statistics.median(column) for column in zip(*turns, strict=True))
    ratios = [b / a for a, b in turns]
    return {
        "vehicles": vehicles,
        "alone_s": round(alone, 4),
        "batched_s": round(batched, 4),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a built-in name or a folder; the tiny random model is always measured")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--limit", type=int, default=32)
    parser.add_argument("--vehicles", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    made = {"tiny": lambda: tiny()}
    if options.model:
        made[options.model] = lambda: Backbone.load(options.model, device=options.device)
    figures: dict[str, list[dict[str, float]]] = {}
    for name, make in made.items():
        backbone = make()
        figures[name] = []
        for vehicles in options.vehicles:
            row = measured(backbone, options, vehicles)
            figures[name].append(row)
            print(f"{name}: {vehicles} vehicles, {row['alone_s']} s one after the other, {row['batched_s']} s batched: {row['ratio']}")
    print(json.dumps({"tokens": options.tokens, "limit": options.limit, "turns": options.turns, "threads": options.threads, "device": options.device, "models": figures}))


if __name__ == "__main__":
    main()
