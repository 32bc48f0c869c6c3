"""What saliency costs: prefill and latent steps with it, against the same without.

Saliency is one softmax row per layer and latent step, of the last query only; that row then *is* the step's
attention, so what is added is keeping it and a maximum over layers and heads. Nothing grows with T squared. The limit
is the memory that a step reads, weights and cache, in both cases; the target is a ratio of at most 1.15.

Both run in turns in one process, so that what else the machine does hits both; the ratio is the median of the turns'
ratios. Peak memory is that of a process of its own for each (resident set at its highest, less what the process held
before the first pass). The model is SmolLM2-135M where a name or folder is given, else random weights of its shape: the
cost is the same. The last line is one JSON object.

    python benchmarks/saliency_cost.py [--model smollm2|FOLDER] [--tokens 500] [--steps 10] [--turns 15]
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers.cache_utils import Cache

from laco import Backbone, Context, deliberate
from laco.method.attention import ReservedLayer
from laco.method.lending import lent

TARGET = 1.15
MIB = 1 << 20


def smollm2(model: str | None) -> Backbone:
    """SmolLM2-135M, or random weights of its shape."""
    if model is not None:
        return Backbone.load(model)
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        vocab_size=49152, tie_word_embeddings=True,
    )  # fmt: skip
    return Backbone(LlamaForCausalLM(config).eval())


def with_saliency(backbone: Backbone, ids: torch.Tensor, steps: int) -> None:
    """As the method does it."""
    deliberate(backbone, ids, steps, realign="identity")


@torch.no_grad()
def without(backbone: Backbone, ids: torch.Tensor, steps: int) -> None:
    """The same prefill and steps; nobody looks at the attention."""
    length = ids.shape[0]
    cache = Cache(layers=[ReservedLayer(length + steps) for _ in range(backbone.num_layers)])
    positions = torch.arange(length + steps)
    with lent(backbone.decoder, ours=True, evaluate=True):
        hidden = backbone.forward(Context(ids=ids), positions[:length], cache)[-1]
        for place in range(length, length + steps):
            thought = Context(embeds=backbone.realigned(hidden, "identity")[None])
            hidden = backbone.forward(thought, positions[place : place + 1], cache)[0]


VARIANTS: dict[str, Callable[[Backbone, torch.Tensor, int], None]] = {"with": with_saliency, "without": without}


def peak(options: argparse.Namespace, variant: str, answer: Any) -> None:
    """In a process of its own: how much the highest resident set grows [bytes]."""
    torch.set_num_threads(options.threads)
    backbone, ids = smollm2(options.model), tokens(options.tokens)
    VARIANTS[variant](backbone, ids[:8], 1)  # what is loaded once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    VARIANTS[variant](backbone, ids, options.steps)
    answer.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def tokens(count: int) -> torch.Tensor:
    """Random ids [count]."""
    return torch.randint(49152, (count,), generator=torch.Generator().manual_seed(0))


def memory(options: argparse.Namespace, variant: str) -> float:
    """Peak memory of a variant [MiB]."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=peak, args=(options, variant, there))
    process.start()
    grown: int = here.recv()
    process.join()
    return grown / MIB


def timed(backbone: Backbone, ids: torch.Tensor, steps: int, variant: str) -> float:
    """One pass [s]."""
    start = time.perf_counter()
    VARIANTS[variant](backbone, ids, steps)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peaks = {variant: memory(options, variant) for variant in VARIANTS}
    backbone, ids = smollm2(options.model), tokens(options.tokens)
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for turn in range(options.turns + 1):
        # Each goes first in half of the turns; the first turn warms up.
        for variant in sorted(VARIANTS, reverse=bool(turn % 2)):
            seconds[variant].append(timed(backbone, ids, options.steps, variant))
    ratios = [a / b for a, b in list(zip(seconds["with"], seconds["without"], strict=True))[1:]]
    medians = {variant: statistics.median(times[1:]) for variant, times in seconds.items()}
    print(f"{options.tokens} tokens and {options.steps} steps, {options.threads} thread(s)")
    for variant, median in medians.items():
        print(f"{variant:>8} saliency: {median:.3f} s, peak memory above the weights {peaks[variant]:.0f} MiB")
    result = {
        "ratio": round(statistics.median(ratios), 4), "target": TARGET, "met": statistics.median(ratios) <= TARGET,
        "ratio_quartiles": [round(q, 4) for q in statistics.quantiles(ratios, n=4)],
        "with_s": round(medians["with"], 4), "without_s": round(medians["without"], 4),
        "peak_with_mib": round(peaks["with"], 1), "peak_without_mib": round(peaks["without"], 1),
        "tokens": options.tokens, "steps": options.steps, "turns": options.turns, "threads": options.threads,
        "model": options.model or "random weights of SmolLM2's shape",
    }  # fmt: skip
    print(json.dumps(result, separators=(",", ":")))


if __name__ == "__main__":
    main()
