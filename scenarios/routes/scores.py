"""How a route is scored, by the letter of two benchmarks.

LangCoop and V2Xverse score each vehicle by itself: DS = RC x P. InterDrive scores the vehicles together: RC is their
mean, P the product of theirs, with the factors of the first one's red lights and stop signs taken out again; a route
succeeds with a DS above 99.95.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from statistics import fmean

from laco.scenarios.metrics import FACTORS, Drive

SUCCESS = 99.95
GROUPS = {
    "IC": ("ins_ss", "ins_sl", "ins_oppo", "ins_chaos"),
    "LM": ("ins_sr", "ins_c", "ins_rl", "hw_merge"),
    "LC": ("ins_crosschange", "hw_c"),
}
"""InterDrive's kinds of route, as its ids end, in the groups of its paper's table."""


@dataclass(frozen=True)
class Score:
    """RC [%], P in 0..1, DS = RC x P, and the simulated time it took [s]."""

    completion: float
    penalty: float
    time: float

    @property
    def driving(self) -> float:
        """DS."""
        return max(self.completion * self.penalty, 0.0)

    @property
    def success(self) -> bool:
        """InterDrive's."""
        return self.driving > SUCCESS


def langcoop(drive: Drive) -> Score:
    """One vehicle's."""
    return Score(drive.completion, drive.penalty, drive.time)


def interdrive(drives: Sequence[Drive]) -> Score:
    """All vehicles' of a route; of the first one the red lights and stop signs do not count, and the time does."""
    return joint([langcoop(drive) for drive in drives], Counter(infraction.kind for infraction in drives[0].signals))


def joint(scores: Sequence[Score], first: Mapping[str, int]) -> Score:
    """InterDrive's score from each vehicle's. first: how many red lights and stop signs the first one ran."""
    forgiven = prod(FACTORS[kind] ** count for kind, count in first.items())
    penalty = prod(score.penalty for score in scores) / forgiven
    return Score(fmean(score.completion for score in scores), penalty, scores[0].time)


def kind_of(route: str) -> str:
    """InterDrive's kind of a route by its id (`r7_town05_ins_ss`), "" for other ids."""
    kinds = sorted((kind for group in GROUPS.values() for kind in group), key=len, reverse=True)
    return next((kind for kind in kinds if route.endswith(f"_{kind}")), "")


@dataclass(frozen=True)
class Total:
    """Means over routes, and the share of them that succeeded."""

    routes: int
    completion: float
    penalty: float
    driving: float
    time: float
    success: float

    @classmethod
    def of(cls, scores: Sequence[Score]) -> "Total":
        """At least one."""
        return cls(
            len(scores),
            fmean(score.completion for score in scores),
            fmean(score.penalty for score in scores),
            fmean(score.driving for score in scores),
            fmean(score.time for score in scores),
            fmean(score.success for score in scores),
        )
