"""How much of a peer's report arrives through a cache-to-cache adapter, beside the same report as text?

Held-out pairs of scenes differ in what one road user does. After the report the receiver's score is how much
more likely it finds one sentence than another: `recall`, what the report said against what its twin said;
`judgement`, that the way is blocked against that it is free. AUC is the chance that a hazard scores higher
than a harmless scene: 0.5 is what a message carries that says nothing. Limits: `text` is the same information
read as words (the teacher), `own` is the receiver's own cache of the text in the adapter's layers (what a
perfect adapter would give). Controls: an untrained adapter, and the trained one with another scene's message.
Intervals are paired bootstraps over scenes.

    python benchmarks/adapter.py --from smollm2 --to MODEL --adapter FILE --scenes 40

The last line of output is one JSON object.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from laco.agents import adapter_file
from laco.comm import air_bytes, decode, encode
from laco.distill.adapter.align import Reading, read
from laco.distill.adapter.listening import after_hearing, after_reading, opened, spoken
from laco.distill.adapter.prompts import Scene, scenes
from laco.errors import LacoError
from laco.method.adapter import CacheAdapter
from laco.method.backbone import Backbone
from laco.method.cache import KVCache

BLOCKED = "\nSo our lane is blocked and we must brake."  # no sentence of these is trained on
FREE = "\nSo our lane is free and we can drive on."
SCORES = ("recall", "judgement")
ROWS = ("nothing", "text", "own", "adapted", "untrained", "other scene")
DRAWS = 1000  # of the bootstrap


Choice = tuple[str, str]  # two sentences, the hazard's first
Hidden = Callable[[Reading], torch.Tensor]  # last hidden states of what is read after the opening


def choices(pair: Scene) -> tuple[Choice, ...]:
    """What the receiver is asked about a pair, in the order of `SCORES`."""
    events = [
        next(part.rstrip(".") for part in text.split(". ") if part.rstrip(".") not in twin)
        for text, twin in ((pair.hazard, pair.harmless), (pair.harmless, pair.hazard))
    ]
    return (f"\nThe report said: {events[0]}.", f"\nThe report said: {events[1]}."), (BLOCKED, FREE)


@dataclass
class Judge:
    """The pair of models with a trained and an untrained adapter between them."""

    source: Backbone
    target: Backbone
    trained: CacheAdapter
    codec: str

    def __post_init__(self) -> None:
        self.untrained = CacheAdapter.between(self.source, self.target, self.trained.layers, seed=1)
        self.sink = opened(self.target, read(self.target, ""))
        self.air: list[int] = []

    def message(self, text: str) -> KVCache:
        """What arrives of the sender's cache: the adapter's layers, through the codec."""
        chunks = encode(spoken(self.source, read(self.source, text)).cut(self.trained.source_layers), self.codec)
        self.air.append(air_bytes(chunks).total)
        return decode(chunks)

    def scores(self, text: str, sent: KVCache, other: KVCache, asked: Sequence[Choice]) -> dict[str, list[float]]:
        """Per row, the preference for the first sentence of each choice [nats]. other: another scene's message."""
        reading = read(self.target, text)
        own = spoken(self.target, reading).cut(tuple(self.trained.layers)).select(range(1, len(reading.ids)))
        heard = {
            "own": own,
            "adapted": self.trained(sent),
            "untrained": self.untrained(sent),
            "other scene": self.trained(other),
        }
        found = {name: self._ask(self._hearing(cache), asked) for name, cache in heard.items()}
        return found | {"text": self._ask(lambda after: after_reading(self.target, reading, after), asked)}

    def nothing(self, asked: Sequence[Choice]) -> list[float]:
        """The preferences without any report."""
        return self._ask(self._hearing(None), asked)

    def _hearing(self, cache: KVCache | None) -> Hidden:
        return lambda after: after_hearing(self.target, cache, after, sink=self.sink)

    def _ask(self, hidden: Hidden, asked: Sequence[Choice]) -> list[float]:
        likely = [[self._likelihood(hidden, sentence) for sentence in choice] for choice in asked]
        return [first - second for first, second in likely]

    def _likelihood(self, hidden: Hidden, sentence: str) -> float:
        """Log-likelihood of a sentence after its first token [nats]."""
        after = read(self.target, sentence)
        logits = self.target.logits(hidden(after)[:-1])
        if logits is None:
            raise SystemExit("the receiver has no vocabulary")
        return float(logits.log_softmax(-1).gather(1, after.ids[2:, None]).sum())


def auc(scores: np.ndarray) -> float:
    """Of scores [scenes, 2], hazard first: P(hazard above harmless)."""
    above = scores[:, None, 0] - scores[None, :, 1]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def figures(scores: np.ndarray, text: np.ndarray, draws: np.ndarray) -> dict[str, Any]:
    """AUC, its 95 % interval, that of its difference from text's, and pairs won; scores [scenes, 2]."""
    found = [(auc(scores[drawn]), auc(scores[drawn]) - auc(text[drawn])) for drawn in draws]
    low, high = np.percentile(found, (2.5, 97.5), axis=0).round(3).tolist()
    won = int((scores[:, 0] > scores[:, 1]).sum())
    return {"auc": round(auc(scores), 3), "interval": [low[0], high[0]], "minus_text": [low[1], high[1]], "won": won}


@torch.no_grad()
def judged(judge: Judge, pairs: Sequence[Scene]) -> dict[str, np.ndarray]:
    """Scores [scenes, 2, scores] per row."""
    sent = [[judge.message(text) for text in (pair.hazard, pair.harmless)] for pair in pairs]
    rows: dict[str, list[list[list[float]]]] = {name: [] for name in ROWS}
    for number, pair in enumerate(pairs):
        asked, others = choices(pair), sent[(number + 1) % len(pairs)]
        if number % 2:  # so that as many hazards as harmless scenes hear of a hazard elsewhere
            others = others[::-1]
        both = [
            judge.scores(text, message, other, asked)
            for text, message, other in zip((pair.hazard, pair.harmless), sent[number], others, strict=True)
        ]
        nothing = {"nothing": judge.nothing(asked)}
        for name in ROWS:
            rows[name].append([(side | nothing)[name] for side in both])
        won = {name: (np.array(v)[:, 0] > np.array(v)[:, 1]).sum(0).tolist() for name, v in rows.items()}
        sys.stderr.write(f"scene {number + 1} of {len(pairs)}, won so far: {won}\n")
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
    scores = judged(judge, pairs)
    draws = np.random.default_rng(args.seed).integers(0, len(pairs), (DRAWS, len(pairs)))
    size = {"text": np.mean([len(t.encode()) for p in pairs for t in (p.hazard, p.harmless)])}
    size |= {name: np.mean(judge.air) for name in ("adapted", "untrained", "other scene")}
    print("| score | heard | AUC | 95 % | minus text, 95 % | pairs won | bytes |\n|" + "---|" * 7)
    rows: dict[str, dict[str, Any]] = {}
    for number, score in enumerate(SCORES):
        for name in ROWS:
            row = figures(scores[name][..., number], scores["text"][..., number], draws)
            row["bytes"] = round(float(size.get(name, 0)))
            rows.setdefault(score, {})[name] = row
            print("| " + " | ".join([score, name, *(str(value) for value in row.values())]) + " |")
    weights = sum(p.numel() for p in trained.parameters())
    about = {"scenes": len(pairs), "seed": args.seed, "codec": args.codec, "parameters": weights}
    print(json.dumps(about | {"file_bytes": args.adapter.stat().st_size, "rows": rows}))


if __name__ == "__main__":
    main()
