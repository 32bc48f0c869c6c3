"""Calibrating a driver by how it drives: which steps, kept share and layer band suit it? Open loop, on driving seeds.

Ego A's target speed after hearing a message is compared with what it decides when it reads the same view (the
`observation` channel, which for the built-in driver a full-depth cache without latent steps equals up to the codec),
with what it decides on the hazard twin's message, and with its silent decision where the message only repeats its own
view.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.channels.base import Channel
from laco.agents.channels.latent import Latent
from laco.agents.channels.silent import Silent
from laco.agents.drivers.base import Driver
from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.comm import Chunk, air_bytes
from laco.config import LacoConfig
from laco.distill.rollout import Rollout
from laco.errors import ConfigError
from laco.scenarios.catalog.occluded_crossing import layout

STEPS = (0, 1, 2, 5, 10)
KEEPS = (0.7, 0.5, 0.3)
BANDS = ((0,), (0, 1), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (2, 3, 4, 5), (4, 5))
TAUGHT_STEPS, TAUGHT_KEEPS, TAUGHT_BANDS = (1, 2, 5), (0.3, 0.5), ((0,), (0, 1), (0, 1, 2))
ENOUGH = 0.95
"""Share of what reading the peer's view does to the decision that a picked configuration must keep."""

_EVERY = BANDS[5]
Moment = tuple[Observation, Observation, tuple[int, ...]]  # A's view, B's view, the hazard's id
Speeds = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One configuration. error: from the decision by reading [m/s]. recovered: 1 - error / what reading moves.

    content: distance of the decisions on the message and on its hazard twin [m/s]. drift: from the silent
    decision, where the message repeats the receiver's own view [m/s]. nbytes: a message on the air [bytes].
    """

    config: LacoConfig
    codec: str
    error: float
    recovered: float
    content: float
    drift: float
    nbytes: float


def moments(seeds: Sequence[int], every: int = 3) -> list[Moment]:
    """Views on the way to the crossing, driven by the expert with what A sees itself."""
    found: list[Moment] = []
    for seed in seeds:
        rollout = Rollout.of(layout(seed))
        hazard = rollout.hazards

        def policy(views: Mapping[str, Observation], hazard: tuple[int, ...] = hazard) -> Mapping[str, Plan]:
            joined = {n: with_beacons(v, [o.beacon("") for m, o in views.items() if m != n]) for n, v in views.items()}
            found.append((joined["A"], joined["B"], hazard))
            return {n: decide(v, 0.25) for n, v in joined.items()}

        rollout.run(policy, 6.0)
    return found[::every]


def _told(channel: Channel, viewer: Observation, speaker: Observation) -> Plan:
    """The viewer's plan once the speaker has told it what it sees."""
    said = channel.say(speaker, viewer.beacon(""), {})
    return channel.hear(viewer, [] if said is None else [said]).plan


class Judge:
    """Decisions of ego A at some moments, by what it hears [m/s]."""

    def __init__(self, driver: Driver, caution: float, at: list[Moment], read: Channel) -> None:
        """read: the channel `observation` of that driver."""
        self.driver, self.caution, self.at = driver, caution, at
        silent = Silent(driver, caution)
        self.silent = _speeds(silent.hear(a, []).plan for a, _, _ in at)
        self.read = _speeds(_told(read, a, b) for a, b, _ in at)
        self.read_idle = _speeds(_told(read, a, a) for a, _, _ in at)

    @property
    def moved(self) -> float:
        """How far reading the peer's view moves the decision [m/s]."""
        return _distance(self.read, self.silent)

    @property
    def idle_drift(self) -> float:
        """How far reading its own view, said back by the peer, moves the decision [m/s]."""
        return _distance(self.read_idle, self.silent)

    def row(self, config: LacoConfig, codec: str) -> Row:
        """Every figure of one configuration."""
        channel = Latent(self.driver, self.caution, config, codec)
        meta = {"fingerprint": self.driver.fingerprint}

        def heard(a: Observation, message: list[Chunk]) -> Plan:
            return channel.hear(a, [message]).plan

        said = [channel.say(b, a.beacon(""), meta) for a, b, _ in self.at]
        true = _speeds(heard(a, message) for (a, _, _), message in zip(self.at, said, strict=True))
        twin = _speeds(heard(a, channel.say(_without(b, ids), a.beacon(""), meta)) for a, b, ids in self.at)
        idle = _speeds(heard(a, channel.say(a, a.beacon(""), meta)) for a, _, _ in self.at)
        error = _distance(true, self.read)
        return Row(
            config,
            codec,
            error=error,
            recovered=1.0 - error / self.moved,
            content=_distance(true, twin),
            drift=_distance(idle, self.silent),
            nbytes=float(np.mean([air_bytes(message).total for message in said])),
        )


def grid() -> list[tuple[LacoConfig, str]]:
    """One option at a time around everything, what a listener was taught, then the paper's own."""

    def config(steps: int = 0, keep: float = 1.0, layers: tuple[int, ...] = _EVERY) -> LacoConfig:
        return LacoConfig(steps=steps, keep=keep, layers=layers, realign="identity")

    chosen = [(config(steps=s), "int8") for s in STEPS]
    chosen += [(config(keep=k), "int8") for k in KEEPS] + [(config(steps=2, keep=k), "int8") for k in KEEPS]
    chosen += [(config(layers=band), "int8") for band in BANDS if band != _EVERY]
    chosen += [(config(), codec) for codec in ("fp16", "fp32")]
    # What a listener was taught: few layers, few tokens, and the latent steps that say the rest.
    chosen += [(config(*way), "int8") for way in itertools.product(TAUGHT_STEPS, TAUGHT_KEEPS, TAUGHT_BANDS)]
    return [*chosen, (config(steps=10, keep=0.3, layers=(0,)), "int8")]


def bands_of(layers: int, trained: Sequence[int]) -> list[tuple[LacoConfig, str]]:
    """For a language model of so many layers: the band that it was trained to hear (or the upper half), the upper half
    of that, and all layers; all tokens, no steps, then the paper's own. Few, for each takes minutes."""
    first = trained[0] if trained else layers // 2
    bands = (range(first, layers), range((first + layers) // 2, layers), range(layers))
    configs = [LacoConfig(steps=0, keep=1.0, layers=tuple(band), place="after_sink") for band in bands]
    return [*((config, "int8") for config in configs), (LacoConfig(), "int8")]


def measure(
    judge: Judge,
    progress: Callable[[float], None] = lambda share: None,
    chosen: Sequence[tuple[LacoConfig, str]] | None = None,
) -> list[Row]:
    """A row per configuration, of the built-in driver's grid unless others are chosen."""
    chosen, rows = chosen or grid(), []
    for config, codec in chosen:
        rows.append(judge.row(config, codec))
        progress(len(rows) / len(chosen))
    return rows


def pick(rows: Sequence[Row], budget: float | None) -> Row:
    """The fewest bytes that recover `ENOUGH`; under a byte budget where none does, the most that is recovered.

    Raises: ConfigError if nothing fits the budget.
    """
    fitting = [row for row in rows if budget is None or row.nbytes <= budget]
    if not fitting:
        least = min(row.nbytes for row in rows)
        raise ConfigError(f"no configuration fits {budget:.0f} bytes a message; the smallest needs {least:.0f}")
    enough = [row for row in fitting if row.recovered >= ENOUGH]
    return min(enough, key=lambda row: row.nbytes) if enough else max(fitting, key=lambda row: row.recovered)


def _without(view: Observation, ids: tuple[int, ...]) -> Observation:
    """The view as if some actors were not there."""
    return msgspec.structs.replace(view, actors=tuple(actor for actor in view.actors if actor.id not in ids))


def _speeds(plans: Iterable[Plan]) -> Speeds:
    """What each plan wants in the end [m/s]."""
    return np.array([plan.speed[-1] for plan in plans])


def _distance(one: Speeds, other: Speeds) -> float:
    return float(np.abs(one - other).mean())
