"""The student as a driver of whole fleets: all vehicles of a moment in one batch, on any channel, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Observation
from laco.distill.labels import Label
from laco.distill.moment import Hearing, hearings
from laco.distill.passes import Passes, Way
from laco.distill.samples import Data, Samples

Channel = Literal["silent", "observation", "latent"]
_NO_LABEL = Label(0.0, Plan(0.0, (0.0,) * 5, (0.0,) * 5))


@dataclass(frozen=True, eq=False)
class Student:
    """A driver on a channel; way: how it hears on `latent`."""

    driver: VectorDriver
    channel: Channel
    way: Way | None = None

    @torch.no_grad()
    def drive(self, heard: Mapping[str, Hearing], caution: float) -> Mapping[str, Plan]:
        """A plan for each vehicle."""
        samples = Samples()
        for hearing in heard.values():
            known = hearing if self.channel != "silent" else Hearing(hearing.own, ())
            samples.add(known.segments(caution), _NO_LABEL, _NO_LABEL)
        batch = Data.of(samples).batch(np.arange(len(heard)))
        way = self.way or Way(0, (), 1.0)
        passes = Passes(self.driver.model, None, batch, way, self.driver.backbone.input_norm)
        states = (passes.heard if self.channel == "latent" else passes.joint).hidden
        answers = zip(heard.items(), states, strict=True)
        return {n: self.driver.answer(h.frame, h.own.time, state) for (n, h), state in answers}


@dataclass(frozen=True, eq=False)
class Driving:
    """A student as the policy of a rollout, with one caution."""

    student: Student
    caution: float

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        return self.student.drive(hearings(views), self.caution)
