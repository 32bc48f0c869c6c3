"""The entropy coder of `entropy` and `transform`: its rate, and what it takes above the entropy of its symbols.

A language model's real cache is quantised once; then the coder alone, and the whole codec, encode and decode it in
turn, on one thread. Rates are 10^6 bytes of the cache as float16 per second. The empirical entropy is that of the
symbols in each of the coder's classes: no coder with those classes goes below it.

    OMP_NUM_THREADS=1 python benchmarks/entropy_stage.py --model smollm2

What limits the rate: one table lookup, one multiplication and a hardly predictable jump per symbol when decoding.
Targets: at most 3 % above the entropy, at least 100 MB/s each way. The last line of output is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from laco import Backbone
from laco.comm.codecs import Origin, ans, entropy, find, sinks, table
from laco.comm.codecs.transform import Transform, _symbols
from laco.distill.codec_table.sensitivity import reading
from laco.distill.codec_table.texts import passages
from laco.method.cache import KVCache

CODECS = ("transform", "transform-coarse", "entropy")
Stage = tuple[ans.Ints, ans.Ints, ans.Models]  # rows, their classes, the models


def stages(name: str, keys: torch.Tensor, values: torch.Tensor, origin: Origin) -> list[Stage]:
    """What the codec gives its coder, one or two times per cache."""
    codec = find(name)
    if isinstance(codec, Transform):
        known = table.find(origin.fingerprint)
        found = []
        for zone, tokens in codec.zones(known, origin):
            assert origin.positions is not None
            part = origin._replace(positions=origin.positions[:, tokens])
            rows = _symbols(keys[:, :, tokens], values[:, :, tokens], part, known, zone)
            found.append((rows, zone.classes, known.models))
        return found
    rest = ~sinks.sinks(origin, keys.shape[2])
    steps, _, rows = entropy.quantised(keys[:, :, rest], values[:, :, rest])
    return [(rows, entropy._per_row(entropy._classes(rows, len(steps)), len(rows)), entropy.models())]


def timed(turns: int, *calls: Callable[[], Any]) -> list[float]:
    """Median wall-clock time of each call [s], taken in turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(turns):
        for call, times in zip(calls, taken, strict=True):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    return [median(times) for times in taken]


def measure(name: str, cache: KVCache, fingerprint: str, turns: int) -> dict[str, float]:
    """One codec on one cache."""
    keys, values = (torch.stack([layer[side] for layer in cache.layers]) for side in (0, 1))
    origin, codec = Origin(fingerprint, cache.layer_ids, cache.positions), find(name)
    parts = stages(name, keys, values, origin)
    coded = [ans.encode(*part) for part in parts]
    whole, shape = codec.encode(keys, values, origin), tuple(keys.shape)
    times = timed(
        turns,
        lambda: [ans.encode(*part) for part in parts],
        lambda: [ans.decode(*c, p[1], p[0].shape[1], p[2]) for c, p in zip(coded, parts, strict=True)],
        lambda: codec.encode(keys, values, origin),
        lambda: codec.decode(shape, whole, origin),  # type: ignore[arg-type]
    )
    least = sum(ans.information(rows, classes) for rows, classes, _ in parts) / 8
    taken = sum(memoryview(words).nbytes for words, _ in coded)
    megabytes = 4e-6 * keys.numel()
    names = ("stage_encode_mb_s", "stage_decode_mb_s", "encode_mb_s", "decode_mb_s")
    return {"above_entropy": taken / least - 1, **{n: megabytes / t for n, t in zip(names, times, strict=True)}}


def main() -> None:
    """Print a table, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tokens", type=int, default=384)
    parser.add_argument("--turns", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    backbone = Backbone.load(args.model)
    cache = reading(backbone, passages(backbone.tokenizer, "held-out", 1, args.tokens, 1)[0])
    rows = {name: measure(name, cache, backbone.fingerprint, args.turns) for name in CODECS}
    print("| codec | above the entropy | stage in / out MB/s | end to end in / out MB/s |\n|---|---:|---:|---:|")
    for name, row in rows.items():
        stage, ends = (f"{row[f'{p}encode_mb_s']:.0f} / {row[f'{p}decode_mb_s']:.0f}" for p in ("stage_", ""))
        print(f"| {name} | {row['above_entropy']:.1%} | {stage} | {ends} |")
    print(json.dumps({"model": args.model, "tokens": args.tokens, "codecs": rows}))


if __name__ == "__main__":
    main()
