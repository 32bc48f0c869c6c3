"""The expert's answer as what the network is trained to say."""

from collections.abc import Sequence
from dataclasses import dataclass

from laco.agents.drivers.expert import HARD, judge, plan
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector_model import BIN, BINS
from laco.agents.observation import Observation


@dataclass(frozen=True)
class Label:
    """bin: target speed in bins of 0.5 m/s, -1 for the hard stop. curvature: [deg/m], five. answer: as a plan."""

    bin: float
    answer: Plan

    @property
    def curvature(self) -> tuple[float, ...]:
        """The arcs of the plan [deg/m]."""
        return self.answer.curvature


def label(frame: Frame, views: Sequence[Observation], caution: float) -> Label:
    """What the expert decides for the viewer of `frame` that knows these views, its own first."""
    target, rate = judge(frame, views, caution)
    return Label(-1.0 if rate == HARD else min(target / BIN, BINS - 2.0), plan(frame, views[0].time, target, rate))
