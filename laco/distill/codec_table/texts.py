"""Driving texts, long enough to be a context and what is read after it; two sets that share no scene's words."""

import random
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from laco.agents.drivers.prompt import render, tokenized
from laco.distill.adapter.prompts import HELD_OUT, QUESTIONS, TRAINING, report
from laco.distill.calibration.scenes import scenes
from laco.errors import ConfigError

Set = Literal["calibration", "held-out"]
SYSTEMS = {
    "calibration": ("You drive a car. Make progress along your route, and never hit anyone.", "Tell what you see."),
    "held-out": ("You are the driver of a vehicle in a town.", "Describe the traffic to another driver."),
}
QUESTION_SHARE = 0.2


@dataclass(frozen=True)
class Passage:
    """Token ids: `context` [T], whose cache is sent, and `after` [C], read behind it. chat: in the model's template."""

    context: Tensor
    after: Tensor
    chat: bool


def passages(tokenizer: Any, name: Set, count: int, tokens: int, after: int, seed: int = 0) -> list[Passage]:
    """`count` passages of `tokens` and `after` tokens, every other one a chat; the i-th depends on seed and i alone.

    The calibration set is made of the words the adapter trains on and of scenes of set A, the held-out set of the
    others. Raises: ConfigError for lengths below 1.
    """
    if min(count, tokens, after) < 1:
        raise ConfigError(f"passages need a count and lengths of at least 1, not {count}, {tokens}, {after}")
    return [_passage(tokenizer, name, f"{name}/{seed}/{i}", i % 2 == 1, tokens, after) for i in range(count)]


def _passage(tokenizer: Any, name: Set, key: str, chat: bool, tokens: int, after: int) -> Passage:
    rng = random.Random(key)
    ids: list[int] = []
    text = ""
    while len(ids) < tokens + after:
        text = f"{text} {_sentences(name, rng)}".strip()
        if len(text) < 3 * (tokens + after):  # not worth tokenizing: a token has about four letters
            continue
        ids = tokenized(tokenizer, render(tokenizer, rng.choice(SYSTEMS[name]), text) if chat else text)
    whole = torch.tensor(ids[: tokens + after])
    return Passage(whole[:tokens], whole[tokens:], chat)


def _sentences(name: Set, rng: random.Random) -> str:
    """One report, or what a scene's peer says, and sometimes a question behind it."""
    words = TRAINING if name == "calibration" else HELD_OUT
    said = report(words, rng) if rng.random() < 0.5 else _told(name, rng)
    return said + rng.choice(QUESTIONS) if rng.random() < QUESTION_SHARE else said


def _told(name: Set, rng: random.Random) -> str:
    scene = scenes("A" if name == "calibration" else "B", 2, seed=rng.randrange(1 << 30))[0]
    return rng.choice((scene.hazard, scene.twin))
