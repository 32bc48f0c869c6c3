"""What codecs cost and save: every one of the list, on one core, beside a memcpy of the same bytes in the same run.

Rates are bytes of the cache in float16 per second of this thread's CPU time (so that neighbours on a shared machine
cost cache and bandwidth, but no waiting), whatever dtype goes in. The share is a rate over that of copying as many
bytes into memory that is there already, in turns with it; medians. What limits the number: a codec reads float32, two
bytes for each of memcpy's, and a decoder writes float32 into memory it must first be given, so even one that computed
nothing would reach about half of memcpy. Beyond a level-3 cache both are bound by memory; within it, memcpy is three
times faster and arithmetic counts. A
decoder's memory counts as well: fetched anew from the system page by page it costs more than all else (`fast` asks for
huge pages).

codec: `Codec.encode` and `.decode` on float32. whole: `laco.comm.encode` and `decode`, with stacking of layers, header
and checksum; also from a float16 cache, which most codecs must convert first.

Caches are drawn (--mb sizes): keys with offsets and scales per channel that drift from token to token, values without,
a first token unlike all others; with --model those of a text that the model has read (about 23 kB a token for
SmolLM2). Targets, for `fast`: at least 3.5 times smaller and a share of 0.25 each way. The last line is one JSON
object.

    OMP_NUM_THREADS=1 python benchmarks/codec_speed.py [--mb 1 8 64] [--model smollm2 --tokens 512] [--turns 9]
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from laco.comm import WireError, decode, encode
from laco.comm.codecs import Codec, Origin, available, find
from laco.method.cache import KVCache, LayerKV

MB = 1 << 20
RATIO, SHARE = 3.5, 0.25
WORDS = (
    ("The van", "A cyclist", "The bus ahead", "A pedestrian with a dog", "An ambulance", "My own car", "A grey truck"),
    ("brakes", "turns left", "waits", "overtakes", "comes out of the yard", "slows down to a walk", "reverses"),
    ("behind the parked cars", "at the zebra crossing", "in the right lane", "before the junction", "beside the kerb"),
    ("The light turns amber", "Visibility is poor", "The road is wet", "Nobody follows", "The gap closes", "Dusk"),
)


def drawn(nbytes: int, layers: int = 30, heads: int = 3, dim: int = 64, seed: int = 0) -> KVCache:
    """A cache of about so many bytes in float16 [bytes], in the shape of SmolLM2's."""
    tokens = max(2, nbytes // (layers * heads * dim * 2 * 2))
    made = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made)

    offset, scale = 2 * normal(layers, heads, 1, dim), torch.exp(0.7 * normal(layers, heads, 1, dim))
    drift = torch.cumsum(normal(layers, heads, tokens, dim), 2) / torch.arange(1, tokens + 1)[:, None] ** 0.5
    keys = offset + scale * (0.7 * normal(layers, heads, tokens, dim) + 0.7 * drift)
    values = normal(layers, heads, tokens, dim) * torch.exp(0.5 * normal(layers, 1, tokens, 1)) / 4
    keys[:, :, 0], values[:, :, 0] = 4 * offset[:, :, 0], values[:, :, 0] / 20
    return KVCache(tuple(map(LayerKV, keys, values)), tuple(range(layers)), torch.arange(tokens)[None])


def read(model: str, tokens: int) -> tuple[KVCache, str]:
    """The cache of a text of so many tokens, all layers, and the model's fingerprint."""
    from laco import Backbone, deliberate

    backbone = Backbone.load(model)
    draw = random.Random(0)
    said = (f"{{}} {{}} {{}}, {draw.randint(2, 80)} m away. {{}}. " for _ in range(tokens // 10))
    text = "".join(sentence.format(*map(draw.choice, WORDS)) for sentence in said)
    ids = backbone.tokenizer(text, return_tensors="pt").input_ids[0, :tokens]
    return deliberate(backbone, ids, 0).cache.to(torch.float32), backbone.fingerprint


class Turns:
    """Seconds of CPU time of named calls, gathered turn by turn."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def take(self, name: str, call: Callable[[], Any]) -> None:
        start = time.thread_time()
        call()
        self.seconds.setdefault(name, []).append(time.thread_time() - start)

    def median(self, name: str) -> float:
        """Of all turns but the first, which warms up [s]."""
        return statistics.median(self.seconds[name][1:])


def measured(codec: Codec, cache: KVCache, fingerprint: str, turns: int) -> dict[str, float]:
    """The row of one codec. Raises: WireError if it cannot carry this cache."""
    keys, values = (torch.stack([layer[i] for layer in cache.layers]) for i in (0, 1))
    layers, heads, tokens, dim = keys.shape
    origin = Origin(fingerprint, cache.layer_ids, cache.positions)
    nbytes = 2 * keys.numel() * 2
    source, target = np.ones(nbytes, np.uint8), np.ones(nbytes, np.uint8)
    half = cache.to(torch.float16)
    buffers = tuple(map(bytearray, codec.encode(keys, values, origin)))  # as they lie in what a socket gave
    chunks = encode(cache, codec.name, fingerprint=fingerprint)
    taken = Turns()
    for _ in range(turns + 1):
        taken.take("memcpy", lambda: np.copyto(target, source))
        taken.take("encode", lambda: codec.encode(keys, values, origin))
        taken.take("decode", lambda: codec.decode((layers, heads, tokens, dim), buffers, origin))
        taken.take("whole_encode", lambda: encode(cache, codec.name, fingerprint=fingerprint))
        taken.take("whole_encode_fp16", lambda: encode(half, codec.name, fingerprint=fingerprint))
        taken.take("whole_decode", lambda: decode(chunks))
    heard = codec.decode((layers, heads, tokens, dim), buffers, origin)
    errors = [float((ours - theirs).norm() / ours.norm()) for ours, theirs in zip((keys, values), heard, strict=True)]
    rates = {f"{name}_mb_s": nbytes / taken.median(name) / 1e6 for name in taken.seconds}
    shares = {f"{name}_share": taken.median("memcpy") / taken.median(name) for name in taken.seconds}
    del shares["memcpy_share"]
    row = {"ratio": nbytes / sum(map(len, buffers)), "error_keys": errors[0], "error_values": errors[1]}
    return row | rates | shares


def table(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    rates = "codec MB/s, share of memcpy"
    print(f"{'':>10}{'ratio':>7}{'err K':>8}{'err V':>8}   {rates:<34}   whole: enc  fp16   dec")
    for name, row in rows.items():
        rates = "  ".join(f"{way} {row[f'{way}_mb_s']:7.0f} {row[f'{way}_share']:5.2f}" for way in ("encode", "decode"))
        whole = "".join(f"{row[f'whole_{way}_share']:6.2f}" for way in ("encode", "encode_fp16", "decode"))
        print(f"{name:>10}{row['ratio']:7.2f}{row['error_keys']:8.4f}{row['error_values']:8.4f}   {rates}   {whole}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, nargs="*", default=[1, 8, 64], help="sizes in float16 [MiB]")
    parser.add_argument("--model", help="also the cache of a text that this model has read")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--codecs", nargs="*", default=available())
    options = parser.parse_args()
    torch.set_num_threads(1)
    caches = {f"{mb} MiB drawn": (drawn(mb * MB), "") for mb in options.mb}
    if options.model:
        caches[f"{options.tokens} tokens of {options.model}"] = read(options.model, options.tokens)
    result: dict[str, Any] = {}
    for title, (cache, fingerprint) in caches.items():
        rows = {}
        for name in options.codecs:
            try:
                rows[name] = measured(find(name), cache, fingerprint, options.turns)
            except WireError as error:
                print(f"{name}: {error}")
        table(f"{title}: {cache.nbytes / 2e6:.1f} MB in float16", rows)
        result[title] = {n: {k: float(f"{v:.4g}") for k, v in row.items()} for n, row in rows.items()}
    fast = [rows["fast"] for rows in result.values() if "fast" in rows]
    met = all(r["ratio"] >= RATIO and min(r["encode_share"], r["decode_share"]) >= SHARE for r in fast)
    print(json.dumps({"target_ratio": RATIO, "target_share": SHARE, "met": met, **result}, separators=(",", ":")))


if __name__ == "__main__":
    main()
