"""Calibrating a language backbone on set A: every band, then every selector on the best band, then controls."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from laco import Backbone
from laco.config import LacoConfig
from laco.distill.calibration.candidates import PAPER, of_bands, of_selectors
from laco.distill.calibration.choose import Figures, best, figures
from laco.distill.calibration.measure import Bench, Sample, Told
from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.scenes import Scene, scenes
from laco.distill.calibration.statistics import auc
from laco.method.cache import KVCache, LayerKV

Progress = Callable[[str, float], None]  # a stage and its share in [0, 1]
Row = tuple[LacoConfig, Figures]


@dataclass(frozen=True)
class Calibration:
    """Everything that was measured, and what was picked.

    text: the message in the prompt. paper: the paper's recipe. controls: AUC of the picked configuration where
    the payload is another one ("shuffled", "other", "empty"); chance is 0.5.
    """

    text: Figures
    paper: Figures
    bands: list[Row]
    selectors: list[Row]
    picked: LacoConfig
    found: Figures
    controls: dict[str, float]
    pairs: int


def calibrate(
    backbone: Backbone,
    *,
    pairs: int,
    seed: int = 0,
    codec: str = "int8",
    budget: float | None = None,
    steps: int = 0,
    progress: Progress = lambda stage, share: None,
) -> Calibration:
    """Measure on set A and pick a configuration. pairs: scene pairs; budget: per message [bytes]; steps: latent.

    Every message is read once by the sender, for all configurations of a stage.
    Raises: ConfigError for a backbone that cannot be asked, and if nothing fits the budget.
    """
    bench = Bench(backbone, PROMPTS["A"], codec)
    told = scenes("A", pairs, seed)
    base = LacoConfig(steps=steps, keep=1.0, place="after_sink")
    stage = partial(_stage, bench, told)
    by_band, text = stage(of_bands(backbone.num_layers, base), partial(progress, "bands"))
    band, _ = best(by_band, text.drift, None)  # fewer tokens may bring a band that is too large into the budget
    template = bench.tell(told[0], 0).hazard.content
    tellable = template is not None and not bool(template.all())
    by_selector, _ = stage(of_selectors(band, tellable), partial(progress, "selectors"))
    picked, found = best([*by_band, *by_selector], text.drift, budget)
    ((_, paper),), _ = stage([PAPER], partial(progress, "paper"))
    controls = _controls(bench, told, picked, seed, partial(progress, "controls"))
    return Calibration(text, paper, by_band, by_selector, picked, found, controls, pairs)


def _stage(
    bench: Bench, told: Sequence[Scene], configs: Sequence[LacoConfig], progress: Callable[[float], None]
) -> tuple[list[Row], Figures]:
    """Figures of every configuration, all of as many steps, and of the messages as text."""
    samples: list[list[Sample]] = [[] for _ in configs]
    texts: list[Sample] = []
    for number, scene in enumerate(told):
        read = bench.tell(scene, configs[0].steps)
        texts.append(bench.as_text(bench.tell(scene, 0) if configs[0].steps else read))
        for i, config in enumerate(configs):
            samples[i].append(bench.sample(read, config))
            progress((number + (i + 1) / len(configs)) / len(told))
    return [(config, figures(some)) for config, some in zip(configs, samples, strict=True)], figures(texts)


def _controls(
    bench: Bench, told: Sequence[Scene], config: LacoConfig, seed: int, progress: Callable[[float], None]
) -> dict[str, float]:
    """AUC where the payload is not what was said: what is left is not content.

    shuffled: every token's values belong to another of the message's tokens. other: what was said of another
    scene, of its hazard or its twin at random. empty: nothing.
    """
    draw = random.Random(f"laco-controls-{seed}")
    scores: dict[str, list[list[tuple[float, ...]]]] = {"shuffled": [[], []], "other": [[], []]}
    before = _both(bench, bench.tell(told[-1], config.steps), config)
    for number, scene in enumerate(told):
        said = _both(bench, bench.tell(scene, config.steps), config)
        for label in (0, 1):
            scores["shuffled"][label].append(_scores(bench, _shuffled(said[label], draw), config))
            scores["other"][label].append(_scores(bench, draw.choice(before), config))
        before = said
        progress((number + 1) / len(told))
    found = {name: auc(np.array(hazard), np.array(twin)) for name, (hazard, twin) in scores.items()}
    return found | {"empty": 0.5}  # both answers are the silent one


def _both(bench: Bench, told: Told, config: LacoConfig) -> tuple[KVCache, KVCache]:
    return bench.send(told.hazard, config)[0], bench.send(told.twin, config)[0]


def _scores(bench: Bench, peer: KVCache, config: LacoConfig) -> tuple[float, ...]:
    numbers = range(len(bench.prompts))
    return tuple(answer.score for answer in bench.hear(numbers, [peer] * len(numbers), config))


def _shuffled(cache: KVCache, draw: random.Random) -> KVCache:
    """The same keys, each with the values of some other token, alike in every layer."""
    order = torch.tensor(draw.sample(range(cache.num_tokens), cache.num_tokens), device=cache.device)
    return replace(cache, layers=tuple(LayerKV(k, v[:, order]) for k, v in cache.layers))
