"""What the language model learns from: a scene in its words, several states to decide in, and the expert's answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from laco.agents.drivers import text
from laco.agents.drivers.expert import judge
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import SPEEDS
from laco.agents.observation import Observation

CAUTIONS = (0.25, 0.0, 0.5, 1.0)
OFTEN = (0.55, 0.2, 0.15, 0.1)  # how often each is asked for
FASTEST = 14.0  # [m/s] of the made-up states


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A state of the viewer in words, and the share of the free speed that the expert takes in it, in steps."""

    state: str
    level: float  # 0 (a stop) to SPEEDS - 1


class Row(msgspec.Struct, frozen=True, array_like=True):
    """told: who said what, () for a viewer on its own. seen: its own view. asks: the first is the true state."""

    told: tuple[tuple[str, str], ...]
    seen: str
    asks: tuple[Ask, ...]


def row(own: Observation, peers: Sequence[Observation], asks: int, rng: np.random.Generator) -> Row:
    """The row of a view, with what the peers see told in front. asks: the true state and so many less one made up."""
    frame = Frame.of(own)
    told, seen = _words(frame, own, peers)
    frames = [frame, *(_faster(frame, rng) for _ in range(asks - 1))]
    # Whose turn it is depends on the speed: a state that the words do not fit is none of this row's.
    fitting = [f for f in frames if f is frame or _words(f, own, peers) == (told, seen)]
    return Row(told, seen, tuple(_ask(f, [own, *peers], rng) for f in fitting))


def _words(frame: Frame, own: Observation, peers: Sequence[Observation]) -> tuple[tuple[tuple[str, str], ...], str]:
    """What each peer says, and what the viewer sees."""
    return tuple((peer.name, text.scene(frame, peer)) for peer in peers), text.scene(frame, own)


def _faster(frame: Frame, rng: np.random.Generator) -> Frame:
    """The same place at another speed: near the true one, or any."""
    near = frame.body.speed + rng.normal(0.0, 2.0) if rng.random() < 0.5 else rng.uniform(0.0, FASTEST)
    return replace(frame, body=msgspec.structs.replace(frame.body, speed=float(np.clip(near, 0.0, FASTEST))))


def _ask(frame: Frame, views: Sequence[Observation], rng: np.random.Generator) -> Ask:
    caution = float(rng.choice(CAUTIONS, p=OFTEN))
    target, _ = judge(frame, views, caution)
    level = text.steps(frame, target)
    return Ask(text.state(frame, caution), round(min(level, SPEEDS - 1.0), 3))


def write(path: Path, rows: Iterable[Row]) -> None:
    """A file of a JSON line each, whole or not there."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in rows))
    part.replace(path)


def read(paths: Iterable[Path]) -> Iterator[Row]:
    """The rows of files that `write` made."""
    decoder = msgspec.json.Decoder(Row)
    for path in paths:
        yield from decoder.decode_lines(path.read_bytes())
