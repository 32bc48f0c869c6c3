"""Who decides in a run: the fleet of agents on their hosts or, for reference times, the all-seeing expert."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.fleet import Fleet
from laco.agents.messages import Answer, Receipt, Sent
from laco.agents.observation import Observation, Picture
from laco.agents.perception import with_beacons
from laco.comm.radio import Air
from laco.profiling.spans import merged, recording, span


class Pilot(Protocol):
    """Turns the views of one moment into plans."""

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        """A plan for every view."""
        ...


@dataclass
class Expert:
    """The teacher of the built-in driver, seeing what all egos see together; no radio, no model."""

    caution: float

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        plans = {}
        for name, view in views.items():
            others = [v for n, v in views.items() if n != name]
            known = with_beacons(view, [v.beacon("") for v in others])
            plans[name] = decide(known, self.caution, others)
        return plans


@dataclass
class Messages:
    """Everything that was said and heard in a run."""

    sent: list[Sent] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    foreign_tokens: list[int] = field(default_factory=list)  # per decision and vehicle
    failed_plans: int = 0
    counters: dict[str, dict[str, int]] = field(default_factory=dict)  # per vehicle, see `comm.link.Counters`
    refused: dict[int, int] = field(default_factory=dict)  # per host, connections without a trusted key
    spans: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Connected:
    """Beacon, speak, listen: three phases on the hosts, the air between them."""

    fleet: Fleet
    air: Air
    messages: Messages = field(default_factory=Messages)
    pictures: Callable[[], Mapping[str, Picture]] = dict  # of this moment, by vehicle; none without cameras

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        positions = {name: (view.body.x, view.body.y) for name, view in views.items()}
        with recording() as spans:
            with span("phase beacon"):
                beacons = self._sent(self.fleet.announce(views, self.pictures()))
            fates = self.air.step(time, [s.manifest for s in beacons], positions)
            with span("phase speak"):
                answers = self.fleet.speak(fates)
            said = self._sent(answers)
            fates = self.air.step(time, [s.manifest for s in said], positions)
            with span("phase listen"):
                heard = self.fleet.listen(fates)
        self._note(spans, heard)
        return {name: d.plan for answer in heard for name, d in answer.decisions.items()}

    def _sent(self, answers: list[Answer]) -> list[Sent]:
        # By vehicle: which host serves whom must not show.
        sent = sorted((s for answer in answers for s in answer.sent), key=lambda s: s.manifest.sender)
        self.messages.sent += sent
        self.messages.spans = merged([self.messages.spans, *(a.spans for a in answers)])
        return sent

    def _note(self, spans: Mapping[str, list[float]], answers: list[Answer]) -> None:
        log = self.messages
        log.spans = merged([log.spans, spans, *(a.spans for a in answers)])
        named = {name: d for answer in answers for name, d in answer.decisions.items()}
        decisions = [named[name] for name in sorted(named)]
        log.receipts += [receipt for d in decisions for receipt in d.receipts]
        log.foreign_tokens += [d.foreign_tokens for d in decisions]
        for number, answer in enumerate(answers):
            log.counters.update(answer.counters)
            log.refused[number] = answer.refused
        log.failed_plans += sum(d.plan.failed for d in decisions)
