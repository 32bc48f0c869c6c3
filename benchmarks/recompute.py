"""Bytes and compute of a latent message sent as a cache and as a recipe.

A cache costs bytes that grow with tokens, layers and heads; a recipe costs its reader a pass through the layers up to
the top of the band. What limits a recipe of text is the entropy of its token ids; with latent steps, their float
embeddings, or, when the receiver replays them, its own weights read once per step and layer.

Every row is made by one deliberation, sent through bytes, and compared with what `share` would have sent. `error`
is the largest difference of a key or value, relative to the largest one. `receive_s` is decoding and, for recipes,
recomputing. The text is an observation of 500 tokens with SmolLM2's tokenizer, else random ids (incompressible). The
last line is one JSON object.

    python benchmarks/recompute.py [--model smollm2|FOLDER] [--tokens 500]
"""

import argparse
import json
import random
import statistics
import time
from typing import Any

import torch

from laco import Backbone, LacoConfig, attribute, deliberate, share
from laco.agents.adapters import Adapters
from laco.agents.channels.transfer import pack, unpack
from laco.comm import Chunk, air_bytes
from laco.method.cache import KVCache
from laco.method.recompute import recipe_for

BANDS = {"first 10 %": (0, 1, 2), "18-23": tuple(range(18, 24)), "15-29": tuple(range(15, 30))}
WAYS = {0: ("fp16", "int8", "recompute"), 10: ("int8", "recompute", "recompute-half", "recompute-replay")}
FINGERPRINT = "0" * 32
META: dict[str, Any] = {
    "fingerprint": FINGERPRINT, "sender": "v1", "addressee": "v2", "seq": 7, "sim_time": 12.5, "pose": (1.0, 2.0, 0.5),
}  # fmt: skip


def observation(draw: random.Random) -> str:
    """What a driver would write down of a busy crossing."""
    lines = ["I drive east on Main Street at 8.3 m/s, 24 m before the crossing. I see:"]
    for number in range(1, 60):
        kind = draw.choice(["car", "van", "truck", "cyclist", "pedestrian"])
        where = f"x={draw.uniform(-40, 60):.1f} m, y={draw.uniform(-40, 40):.1f} m"
        moves = f"heading {draw.randrange(360)} deg, speed {draw.uniform(0, 14):.1f} m/s"
        lines.append(f"{number}. a {kind} at {where}, {moves}{draw.choice(['', ', braking', ', turning left'])}")
    return "\n".join(lines)


def context(backbone: Backbone, count: int) -> torch.Tensor:
    """Ids [count]."""
    if backbone.tokenizer is None:
        return torch.randint(49152, (count,), generator=torch.Generator().manual_seed(0))
    return torch.tensor(backbone.tokenize(observation(random.Random(0)))[:count])


def error(made: KVCache, sent: KVCache) -> float:
    """The largest difference, relative to the largest number of the layer."""
    layers = zip(made.layers, sent.layers, strict=True)
    pairs = [pair for ours, theirs in layers for pair in zip(ours, theirs, strict=True)]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def rows(backbone: Backbone, ids: torch.Tensor, steps: int) -> list[dict[str, Any]]:
    """Every band and way of sending, of one deliberation."""
    trace = deliberate(backbone, ids, steps)
    kept = attribute(trace, 1.0)
    found = []
    for name, layers in BANDS.items():
        config, sent = LacoConfig(steps=steps, layers=layers), share(trace, kept, layers=layers)
        for way in WAYS[steps]:
            chunks = [Chunk.frombytes(c.tobytes()) for c in pack(backbone, trace, kept, config, way, META)]
            times = []
            for _ in range(3):
                start = time.perf_counter()
                made = unpack(chunks, backbone, Adapters(FINGERPRINT)).cache
                times.append(time.perf_counter() - start)
            latents: Any = "replay" if way == "recompute-replay" else "embeds"
            cost = recipe_for(backbone, trace, kept, layers=layers, latents=latents).cost(backbone)
            recipe = way.startswith("recompute")
            found.append({
                "steps": steps, "band": name, "way": way, "bytes": air_bytes(chunks).total,
                "layer_tokens": cost.layer_tokens if recipe else 0, "gflop": round(cost.flops / 1e9 * recipe, 1),
                "receive_s": round(statistics.median(times), 3), "error": float(f"{error(made, sent):.1e}"),
            })  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.model is None:
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(0)
        shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
                 "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True}  # fmt: skip
        backbone = Backbone(LlamaForCausalLM(LlamaConfig(**shape)).eval())
    else:
        backbone = Backbone.load(options.model)
    ids = context(backbone, options.tokens)
    table = rows(backbone, ids, 0) + rows(backbone, ids, 10)
    print("steps  band        way               bytes      layer-tokens  Gflop  receive s  error")
    for row in table:
        print(
            f"{row['steps']:>5}  {row['band']:<10}  {row['way']:<16}  {row['bytes']:>9,}  {row['layer_tokens']:>12,}"
            f"  {row['gflop']:>5}  {row['receive_s']:>9}  {row['error']}"
        )
    result = {"tokens": len(ids), "model": options.model or "random weights of SmolLM2's shape", "rows": table}
    print(json.dumps(result, separators=(",", ":")))


if __name__ == "__main__":
    main()
