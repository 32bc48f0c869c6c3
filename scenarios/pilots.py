"""Who decides in a run: the fleet of agents on their hosts or, for bounds and reference times, rules."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from laco.agents.drivers import auto
from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.fleet import Fleet
from laco.agents.messages import Answer, Receipt, Sent
from laco.agents.observation import Observation, Picture
from laco.agents.perception import with_beacons
from laco.comm import Bytes
from laco.comm.radio import Air, Counters, Fate
from laco.comm.radio.base import Positions
from laco.profiling.spans import Moment, merged, recording, span, timeline
from laco.profiling.trace import Step, aligned
from laco.scenarios.clock import Clock

PHASES = ("phase beacon", "phase speak", "phase listen")


class Pilot(Protocol):
    """Turns the views of one moment into plans."""

    @property
    def wait(self) -> float:
        """From the last decision to when its plans take effect [s]."""
        ...

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        """A plan for every view."""
        ...


@dataclass
class Expert:
    """The teacher of the built-in driver, seeing what all egos see together, or alone; no radio, no model.

    Connected vehicles know each other's beacons either way.
    """

    caution: float
    shares: bool = True
    wait: float = 0.0

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        plans = {}
        for name, view in views.items():
            others = [v for n, v in views.items() if n != name]
            known = with_beacons(view, [v.beacon("") for v in others])
            plans[name] = decide(known, self.caution, others if self.shares else ())
        return plans


@dataclass
class Auto:
    """Rules as CARLA's own driver has them: every vehicle for itself."""

    wait: float = 0.0

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        return {name: auto.decide(view) for name, view in views.items()}


def rules(driver: str, channel: str, caution: float) -> Pilot:
    """The pilot of a driver that needs no host; on the channel "observation" the expert sees what all see."""
    return Auto() if driver == "auto" else Expert(caution, shares=channel == "observation")


@dataclass
class Messages:
    """Everything that was said and heard in a run.

    busy: time each vehicle found the medium busy [s], of `elapsed` [s].
    """

    sent: list[Sent] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    air: Counters = field(default_factory=Counters)
    busy: dict[str, float] = field(default_factory=dict)
    elapsed: float = 0.0
    receipts: list[Receipt] = field(default_factory=list)
    foreign_tokens: list[int] = field(default_factory=list)  # per decision and vehicle
    failed_plans: int = 0
    counters: dict[str, dict[str, int]] = field(default_factory=dict)  # per vehicle, see `comm.link.Counters`
    refused: dict[int, int] = field(default_factory=dict)  # per host, connections without a trusted key
    spans: dict[str, list[float]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)  # for a trace; empty without


@dataclass
class Connected:
    """Beacon, speak, listen: three phases on the hosts, the air between them.

    clock: whether thinking costs simulated time; a message is then ready only after what its speaker took.
    """

    fleet: Fleet
    air: Air
    messages: Messages = field(default_factory=Messages)
    pictures: Callable[[], Mapping[str, Picture]] = dict  # of this moment, by vehicle; none without cameras
    clock: Clock = field(default_factory=Clock)
    wait: float = 0.0
    traced: bool = False

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        positions = {name: (view.body.x, view.body.y) for name, view in views.items()}
        with recording() as spans, timeline(self.traced) as moments:
            with span("phase beacon"):
                announced = self.fleet.announce(views, self.pictures())
            beacons = self._sent(announced)
            heard_of = self._carried(time, beacons, positions)
            with span("phase speak"):
                spoken = self.fleet.speak(heard_of)
            said = self._sent(spoken, self.clock.cost(_took(spans, "phase speak")))
            heard = self._carried(time, said, positions)
            with span("phase listen"):
                decided = self.fleet.listen(heard)
        self.wait = self.clock.wait(sum(_took(spans, name) for name in PHASES))
        self._note(spans, decided)
        if self.traced:
            phases = zip(moments, (announced, spoken, decided), strict=True)
            manifests = [s.manifest for s in (*beacons, *said)]
            self.messages.steps.append(Step(time, _moments(phases), manifests, [*heard_of, *heard]))
        return {name: d.plan for answer in decided for name, d in answer.decisions.items()}

    def _carried(self, time: float, sent: Sequence[Sent], positions: Positions) -> list[Fate]:
        """What becomes of transmissions, and a note of it."""
        fates = self.air.step(time, [s.manifest for s in sent], positions)
        log = self.messages
        log.fates += fates
        log.air, log.busy, log.elapsed = self.air.counters, self.air.busy, self.air.elapsed
        return fates

    def _sent(self, answers: list[Answer], thought: float = 0.0) -> list[Sent]:
        """What the hosts sent, with the bytes that the air adds; `thought`: what it took on the clock [s]."""
        # By vehicle: which host serves whom must not show.
        said = sorted((s for answer in answers for s in answer.sent), key=lambda s: s.manifest.sender)
        sent = [self._on_air(s, thought) for s in said]
        self.messages.sent += sent
        self.messages.spans = merged([self.messages.spans, *(a.spans for a in answers)])
        return sent

    def _on_air(self, sent: Sent, thought: float) -> Sent:
        manifest = replace(sent.manifest, ready_at=sent.manifest.spoken_at + thought)
        framing = Bytes(framing=self.air.radio.framing(manifest.chunk_sizes))
        return replace(sent, manifest=manifest, air=sent.air + framing)

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


def _moments(phases: Iterable[tuple[Moment, Sequence[Answer]]]) -> list[Moment]:
    """The runner's phases, and in each of them what the hosts did."""
    found = []
    for phase, answers in phases:
        found += [phase, *(m for answer in answers for m in aligned(answer.moments, phase))]
    return found


def _took(spans: Mapping[str, Sequence[float]], name: str) -> float:
    """Wall-clock time of the last span of this name [s]."""
    return spans[name][-1]
