"""Rate and distortion of every codec on a language model's real caches.

The cache of a held-out driving text is sent through the codec, and the model reads on behind what was decoded.
Divergence: KL(behind the cache as it is || behind the decoded one), per token read, with a bootstrap over passages.
Every other passage is in the model's chat template. The calibrated table of `transform` has seen none of these scenes'
words (`laco.distill.codec_table.texts`).

    OMP_NUM_THREADS=1 python benchmarks/codec_quality.py --model smollm2

What limits the ratio: at a given divergence, the entropy of numbers whose errors the model cannot feel; lossless
codecs are limited by the noise in the low bits of float16 (about 1.1). Seeds decide everything: the last line, one
JSON object, repeats exactly on one machine.
"""

import argparse
import json
import sys
from dataclasses import asdict

import torch

from laco import Backbone
from laco.comm.codecs import available
from laco.distill.codec_table.quality import Loss, losses, summary
from laco.distill.codec_table.texts import passages


def main() -> None:
    """Print a table of the codecs, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--codecs", default=",".join(available()), help="names with commas between")
    parser.add_argument("--passages", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=384, help="of each context")
    parser.add_argument("--after", type=int, default=128, help="tokens read behind each")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    backbone, names = Backbone.load(args.model), args.codecs.split(",")
    found: dict[str, list[Loss]] = {name: [] for name in names}
    texts = passages(backbone.tokenizer, "held-out", args.passages, args.tokens, args.after, args.seed)
    for number, passage in enumerate(texts):
        for name, loss in losses(backbone, passage, names).items():
            found[name].append(loss)
        print(f"passage {number + 1} of {len(texts)}", file=sys.stderr, flush=True)
    rows = {name: summary(each, args.tokens) for name, each in found.items()}
    print("| codec | bytes/token | ratio to fp16 | bits/number | KL [nats/token] | 95 % |\n|---|" + "---:|" * 5)
    for name, row in sorted(rows.items(), key=lambda item: item[1].ratio):
        kl = f"{row.divergence:.5f} | {row.low:.5f} to {row.high:.5f}"
        print(f"| {name} | {row.bytes_per_token:,.0f} | {row.ratio:.2f} | {row.bits:.2f} | {kl} |")
    figures = {name: asdict(row) for name, row in rows.items()}
    said = {"model": args.model, "fingerprint": backbone.fingerprint, "seed": args.seed}
    print(json.dumps({**said, "predicted_tokens": args.passages * args.after, "codecs": figures}))


if __name__ == "__main__":
    main()
