"""Vehicles of a host together: the same messages and plans, byte by byte, as one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from laco import infer
from laco.agents.agent import Agent
from laco.agents.drivers import json_plan
from laco.agents.drivers import llm as llm_module
from laco.agents.drivers import vlm as vlm_module
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.messages import AgentSpec, Announce, Answer, Connect, Decision, Listen, Sent, Setup, Speak
from laco.agents.observation import Actor, Body, Observation, Picture, Pictured, Sight
from laco.agents.server import AgentHost
from laco.comm import Chunk
from laco.comm.mesh import Mesh
from laco.comm.radio import Air, Fate
from laco.config import LacoConfig
from laco.profiling.spans import Moment

NAMES = ("A", "B", "C")
LACO = LacoConfig(steps=2, keep=1.0, layers=(0, 2))
STEPS = 2


class Run:
    """A few decisions of a host with three vehicles. messages: bytes of what was published, by sender and number."""

    def __init__(self, host: AgentHost, view: Callable[..., Observation], together: bool) -> None:
        self.host, self.view, self.together, self.air = host, view, together, Air()
        self.messages: dict[tuple[str, int], bytes] = {}
        self.decisions: list[dict[str, Decision]] = []
        self.answers: list[Answer] = []

    def go(self, specs: Sequence[AgentSpec]) -> "Run":
        ready = self.asked(Setup(tuple(specs), 1, traced=True))
        self.asked(Connect(ready.endpoints))
        for step in range(STEPS):
            self.decide(float(step))
        return self

    def asked(self, request: Any) -> Answer:
        answer = self.host.answer(request)
        assert not answer.error, answer.error
        return answer

    def decide(self, time: float) -> None:
        views = {name: self.view(name, time, number) for number, name in enumerate(NAMES)}
        pictures = {name: Picture(16, 16, bytes([40 + 60 * number]) * 768) for number, name in enumerate(NAMES)}
        positions = {name: (view.body.x, view.body.y) for name, view in views.items()}
        beacons = self.asked(Announce(views, pictures)).sent
        heard = self.air.step(time, [sent.manifest for sent in beacons], positions)
        fates = self.air.step(time, [sent.manifest for sent in self.speak(heard)], positions)
        self.decisions.append(self.listen(fates))

    def speak(self, fates: Sequence[Fate]) -> list[Sent]:
        if not self.together:
            return [sent for agent in self.agents for sent in agent.speak(fates)]
        self.answers.append(self.asked(Speak(tuple(fates))))
        return list(self.answers[-1].sent)

    def listen(self, fates: Sequence[Fate]) -> Mapping[str, Decision]:
        if not self.together:
            return {agent.name: agent.listen(fates) for agent in self.agents}
        self.answers.append(self.asked(Listen(tuple(fates))))
        return self.answers[-1].decisions

    @property
    def agents(self) -> list[Agent]:
        return list(self.host.agents.values())


@pytest.fixture
def view(eastward: Callable[..., Observation]) -> Callable[..., Observation]:
    """Each has its own place and speed, and sees something else."""

    def make(name: str, time: float, number: int) -> Observation:
        seen = tuple(Actor(i, Body(25.0 + 9 * i, 20.0, -1.57, 9.0, 2.0, 1.0)) for i in range(number))
        sights = (Sight((30.0 + number, 0.0), -1.57, 4.0 + 10 * number),)
        return eastward(x=20.0 * number, name=name, time=time, speed=3.0 + number + time, actors=seen, sights=sights)

    return make


@pytest.fixture
def run(
    context: Any, view: Callable[..., Observation], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Run]]:
    """Makes a run, together or one after the other."""
    publish, hosts = Mesh.publish, []

    def make(specs: Sequence[AgentSpec], together: bool) -> Run:
        hosts.append(AgentHost(context))
        made = Run(hosts[-1], view, together)

        def noted(mesh: Mesh, addressee: str, chunks: Sequence[Chunk]) -> Any:
            made.messages[mesh.name, chunks[0].info.seq] = b"".join(chunk.tobytes() for chunk in chunks)
            return publish(mesh, addressee, chunks)

        monkeypatch.setattr(Mesh, "publish", noted)
        return made.go(specs)

    yield make
    for host in hosts:
        host.close()


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models write no JSON: a plan is read out of whatever they write, or not, so that tries differ."""

    def read(text: str, fastest: float) -> Any:
        found = sum(text.encode())
        return None if found % 3 else ((float(found % 11),) * 5, (float(found % 7),) * 5)

    monkeypatch.setattr(json_plan, "read", read)
    monkeypatch.setattr(vlm_module, "PLAN", 6)
    monkeypatch.setattr(llm_module, "ANSWER", 8)


@pytest.fixture(params=["llm", "vlm"])
def model(request: pytest.FixtureRequest) -> tuple[str, str]:
    folder: Path = request.getfixturevalue(f"{request.param}_folder")
    return request.param, str(folder)


def specs(model: tuple[str, str], *channels: str) -> list[AgentSpec]:
    driver, weights = model
    return [
        AgentSpec(name, channel, driver=driver, weights=weights, laco=LACO)
        for name, channel in zip(NAMES, channels, strict=True)
    ]


@pytest.mark.parametrize(
    "channels", [("language",) * 3, ("latent",) * 3, ("conclusion", "silent", "language"), ("visual",) * 3]
)
def test_the_same_messages_and_plans(run: Callable[..., Run], model: tuple[str, str], channels: Sequence[str]) -> None:
    alone, together = (run(specs(model, *channels), way) for way in (False, True))
    assert together.messages == alone.messages
    assert together.decisions == alone.decisions
    plans = {decision.plan for step in together.decisions for decision in step.values()}
    assert len(plans) > STEPS  # vehicles do not all do the same
    if "silent" not in channels:
        assert all(decision.foreign_tokens for step in together.decisions for decision in step.values())


def test_each_try_is_a_batch_of_those_without_a_plan(
    run: Callable[..., Run], vlm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    generate = vlm_module.generate_many

    def noted(backbone: Any, outs: Sequence[Any], *args: Any, **options: Any) -> list[list[int]]:
        batches.append(len(outs))
        return generate(backbone, outs, *args, **options)

    monkeypatch.setattr(vlm_module, "generate_many", noted)
    run(specs(("vlm", str(vlm_folder)), *["silent"] * 3), True)
    assert batches[0] == 3
    assert len(set(batches)) > 1  # some had one sooner than others


def test_what_is_drawn_for_one_depends_on_its_own_time(vlm: VLMDriver, view: Callable[..., Observation]) -> None:
    frames, times, outs = [], [float(number) for number in range(8)], []
    for number, time in enumerate(times):
        plain = view("A", time, number % 3)
        own = Pictured(**msgspec.structs.asdict(plain), picture=Picture(16, 16, bytes([20 * number]) * 768))
        frames.append(Frame.of(own))
        outs.append(infer(vlm.backbone, vlm.context(frames[-1], [own], 0.25)))
    found = vlm.plans(frames, times, outs)
    assert found == [vlm.plan(*one) for one in zip(frames, times, outs, strict=True)]
    assert {plan.failed for plan in found} == {True, False}
    assert vlm.plans([], [], []) == []


def test_questions_of_all_vehicles_are_one_batch(
    run: Callable[..., Run], llm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    generate = llm_module.generate_many

    def noted(backbone: Any, outs: Sequence[Any], *args: Any) -> list[list[int]]:
        batches.append(len(outs))
        return generate(backbone, outs, *args)

    monkeypatch.setattr(llm_module, "generate_many", noted)
    monkeypatch.setattr(llm_module, "ROWS", 12)
    run(specs(("llm", str(llm_folder)), *["language"] * 3), True)
    assert batches == [12, 6] * STEPS  # three vehicles, two addressees each, three questions for each


def test_vehicles_with_drivers_of_their_own(
    run: Callable[..., Run], llm_folder: Path, vlm_folder: Path, weights: str
) -> None:
    """One host, three drivers: each decides for its own."""
    mixed = [
        AgentSpec("A", "language", "llm", str(llm_folder)),
        AgentSpec("B", "language", "vlm", str(vlm_folder)),
        AgentSpec("C", "silent", "vector", weights),
    ]
    alone, together = (run(mixed, way) for way in (False, True))
    assert together.messages == alone.messages
    assert together.decisions == alone.decisions


def test_shared_time_is_divided(run: Callable[..., Run], model: tuple[str, str]) -> None:
    """As many spans as one after the other, and on a timeline each on its vehicle's track."""
    spoke, listened = run(specs(model, *["language"] * 3), True).answers[-2:]
    said = len(spoke.sent)
    assert said == (6 if model[0] == "llm" else 3)
    assert len(spoke.spans["prefill"]) == len(spoke.spans["speak"]) == len(spoke.spans["encode"]) == said
    assert len(set(spoke.spans["speak"])) == 1  # equal parts of one batch
    assert len(listened.spans["infer"]) == len(listened.spans["decode"]) == len(NAMES)
    for answer, name in ((spoke, "speak"), (listened, "infer")):
        there = [m for m in answer.moments if m.name == name]
        assert sorted(m.duration for m in there) == sorted(answer.spans[name])
        assert {m.track for m in there} == set(NAMES)
    parts: list[Moment] = sorted((m for m in spoke.moments if m.name == "speak"), key=lambda m: m.began)
    for before, after in pairwise(parts):
        assert after.began == pytest.approx(before.began + before.duration)
