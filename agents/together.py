"""Several vehicles of one process, at once: what costs time in a driver is done for all of them in one batch.

Speaking side: `speak_all`. Listening side: `listen_all`. Each gives what `speak` or `listen` of every agent would, one
after the other. Every vehicle reads by itself; words, of questions answered and of plans written, come in batches, over
all vehicles of a driver. The time of a batch is divided among those in it in equal parts.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from laco.agents.agent import Agent, Attending
from laco.agents.channels.base import INFER, plans
from laco.agents.drivers.base import Answers, Asked, TextDriver
from laco.agents.drivers.plan import Plan
from laco.agents.messages import Decision, Sent
from laco.comm.radio import Fate
from laco.profiling.spans import pooled, shared, span, track
from laco.profiling.speaking import PREFILL, SPEAK


def speak_all(agents: Sequence[Agent], fates: Sequence[Fate]) -> dict[str, list[Sent]]:
    """What each says once all have heard the beacons that arrived."""
    audiences, asked = {}, {}
    for agent in agents:
        with track(agent.name):
            audiences[agent.name] = agent.meet(fates)
            asked[agent.name] = agent.asks(audiences[agent.name])
    answers: dict[str, list[Answers | None]] = {}
    for group in _by_driver(agents):
        answers |= _answers(cast("TextDriver", group[0].channel.driver), {a.name: asked[a.name] for a in group})
    said = {}
    for agent in agents:
        with track(agent.name):
            said[agent.name] = agent.say(audiences[agent.name], answers[agent.name])
    return said


def listen_all(agents: Sequence[Agent], fates: Sequence[Fate]) -> dict[str, Decision]:
    """What each decides once it has taken in what arrived in time; fates of others are none of its business."""
    with pooled(INFER):
        attending = {}
        for agent in agents:
            with track(agent.name):
                attending[agent.name] = agent.attend(fates)
        found = plans_of(agents, attending)
    decided = {}
    for agent in agents:
        with track(agent.name):
            decided[agent.name] = agent.decide(attending[agent.name], found[agent.name])
    return decided


def plans_of(agents: Sequence[Agent], attending: Mapping[str, Attending]) -> dict[str, Plan]:
    """The plans of agents that have attended, each driver's at once."""
    found: dict[str, Plan] = {}
    for group in _by_driver(agents):
        names = [agent.name for agent in group]
        with shared(names):
            made = plans(group[0].channel.driver, [attending[name].attended for name in names])
        found.update(zip(names, made, strict=True))
    return found


def _answers(driver: TextDriver, asked: Mapping[str, Sequence[Asked | None]]) -> dict[str, list[Answers | None]]:
    """The driver's answers to what each vehicle asks it, None where it asks nothing."""
    wanted = [(name, number, one) for name, some in asked.items() for number, one in enumerate(some) if one is not None]
    found: dict[str, list[Answers | None]] = {name: [None] * len(some) for name, some in asked.items()}
    begun = []
    for name, _, one in wanted:
        with track(name), span(PREFILL):
            begun.append(driver.begin(one))
    if wanted:
        with shared([name for name, _, _ in wanted]), span(SPEAK):
            answers = driver.answer(begun)
        for (name, number, _), answer in zip(wanted, answers, strict=True):
            found[name][number] = answer
    return found


def _by_driver(agents: Sequence[Agent]) -> list[list[Agent]]:
    """Agents that share a driver, together."""
    groups: dict[int, list[Agent]] = {}
    for agent in agents:
        groups.setdefault(id(agent.channel.driver), []).append(agent)
    return list(groups.values())
