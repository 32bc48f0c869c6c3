"""How much of a peer's report arrives through a cache-to-cache adapter, beside the same report as text?

Held-out pairs of scenes differ in what one road user does. The receiver is asked a question; its score is how
much it prefers the one answer to the other. AUC is the chance that a hazard scores higher than a harmless
scene: 0.5 is what a message carries that says nothing. Limits: `text` is the same information read as words
(the teacher), `own` is the receiver's own cache of the text in the adapter's layers (what a perfect adapter
would give). Controls: an untrained adapter, and the trained one with another scene's message. Intervals are
paired bootstraps over scenes.

    python benchmarks/adapter.py --from smollm2 --to MODEL --adapter FILE --scenes 40

The last line of output is one JSON object.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from laco.agents import adapter_file
from laco.comm import air_bytes, decode, encode
from laco.distill.adapter.align import Reading, read
from laco.distill.adapter.listening import after_hearing, after_reading, spoken
from laco.distill.adapter.prompts import Scene, scenes
from laco.errors import LacoError
from laco.method.adapter import CacheAdapter
from laco.method.backbone import Backbone
from laco.method.cache import KVCache

QUESTIONS = (  # none of them is trained on
    ("\nQuestion: Should the car brake now? Answer yes or no.\nAnswer:", " Yes", " No"),
    ("\nQuestion: Is it safe to drive on? Answer yes or no.\nAnswer:", " No", " Yes"),
    ("\nThis situation is", " dangerous", " safe"),
)
ROWS = ("nothing", "text", "own", "adapted", "untrained", "other scene")
DRAWS = 2000  # of the bootstrap


@dataclass
class Judge:
    """The pair of models with a trained and an untrained adapter between them."""

    source: Backbone
    target: Backbone
    trained: CacheAdapter
    codec: str

    def __post_init__(self) -> None:
        self.untrained = CacheAdapter.between(self.source, self.target, self.trained.layers, seed=1)
        self.asked = [(read(self.target, text), self._answers(yes, no)) for text, yes, no in QUESTIONS]
        self.air: list[int] = []
        self.payload: list[int] = []

    def _answers(self, *words: str) -> tuple[int, ...]:
        """First tokens of the two answers."""
        return tuple(int(read(self.target, word).ids[1]) for word in words)

    def message(self, text: str) -> KVCache:
        """What arrives of the sender's cache: the adapter's layers, through the codec."""
        chunks = encode(spoken(self.source, read(self.source, text)).cut(self.trained.source_layers), self.codec)
        size = air_bytes(chunks)
        self.air.append(size.total)
        self.payload.append(size.payload)
        return decode(chunks)

    @torch.no_grad()
    def scores(self, text: str, other: KVCache) -> dict[str, list[float]]:
        """Per row, the score of each question. other: the message about another scene."""
        reading, sent = read(self.target, text), self.message(text)
        layers = tuple(self.trained.layers)
        own = spoken(self.target, reading).cut(layers).select(range(1, len(reading.ids)))
        heard: dict[str, KVCache | None] = {
            "nothing": None,
            "own": own,
            "adapted": self.trained(sent),
            "untrained": self.untrained(sent),
            "other scene": self.trained(other),
        }
        found = {
            name: self._ask(lambda own, cache=cache: after_hearing(self.target, cache, own))
            for name, cache in heard.items()
        }
        return found | {"text": self._ask(lambda own: after_reading(self.target, reading, own))}

    def _ask(self, hidden: Callable[[Reading], torch.Tensor]) -> list[float]:
        """The preference for the first answer over the second, per question [nats]."""
        found = []
        for own, (yes, no) in self.asked:
            logits = self.target.logits(hidden(own)[-1:])
            assert logits is not None  # read() has refused a receiver without a vocabulary
            found.append(float(logits[0, yes] - logits[0, no]))
        return found


def auc(scores: np.ndarray) -> float:
    """Of scores [scenes, 2, questions], hazard first: mean over questions of P(hazard above harmless)."""
    above = scores[:, None, 0] - scores[None, :, 1]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def interval(scores: Mapping[str, np.ndarray], row: str, other: str | None, draws: np.ndarray) -> list[float]:
    """95 % interval of a row's AUC, or of its difference from another row's."""
    found = [auc(scores[row][d]) - (0.0 if other is None else auc(scores[other][d])) for d in draws]
    return [round(float(x), 3) for x in np.percentile(found, (2.5, 97.5))]


def judged(judge: Judge, pairs: list[Scene], seed: int) -> dict[str, np.ndarray]:
    """Scores [scenes, 2, questions] per row."""
    rng = random.Random(seed)
    rows: dict[str, list[list[list[float]]]] = {name: [] for name in ROWS}
    for number, pair in enumerate(pairs):
        next_one = pairs[(number + 1) % len(pairs)]
        both = []
        for text in (pair.hazard, pair.harmless):
            elsewhere = rng.choice((next_one.hazard, next_one.harmless))
            both.append(judge.scores(text, judge.message(elsewhere)))
        for name in ROWS:
            rows[name].append([side[name] for side in both])
        sys.stderr.write(f"scene {number + 1} of {len(pairs)}\n")
    return {name: np.array(values) for name, values in rows.items()}


def main() -> None:
    """Print a row per way of hearing, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", dest="target", required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codec", default="int8")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        card, trained = adapter_file.load(args.adapter)
        source, target = Backbone.load(args.source), Backbone.load(args.target)
        if (card.source, card.target) != (source.fingerprint, target.fingerprint):
            parser.error(f"{args.adapter} is not an adapter between these two models")
        judge = Judge(source, target, trained, args.codec)
    except LacoError as error:
        parser.error(str(error))
    pairs = scenes(args.seed, args.scenes)
    scores = judged(judge, pairs, args.seed)
    draws = np.random.default_rng(args.seed).integers(0, len(pairs), (DRAWS, len(pairs)))
    size = {"text": np.mean([len(t.encode()) for p in pairs for t in (p.hazard, p.harmless)])}
    size |= {name: np.mean(judge.air) for name in ("adapted", "untrained", "other scene")}
    print("| heard | AUC | 95 % | minus text, 95 % | pairs won | per question | air bytes |\n|" + "---|" * 7)
    rows = {}
    for name in ROWS:
        value = scores[name]
        rows[name] = {
            "auc": round(auc(value), 3),
            "interval": interval(scores, name, None, draws),
            "minus_text": interval(scores, name, "text", draws),
            "won": round(float((value[:, 0] > value[:, 1]).mean()), 3),
            "per_question": [round(auc(value[..., [q]]), 3) for q in range(len(QUESTIONS))],
            "bytes": round(float(size.get(name, 0))),
        }
        print("| " + " | ".join([name, *(str(v) for v in rows[name].values())]) + " |")
    weights = sum(p.numel() for p in trained.parameters())
    about = {"scenes": len(pairs), "seed": args.seed, "codec": args.codec, "parameters": weights}
    print(json.dumps(about | {"file_bytes": args.adapter.stat().st_size, "rows": rows}))


if __name__ == "__main__":
    main()
