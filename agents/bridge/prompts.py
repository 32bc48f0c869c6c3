"""LangCoop's own questions and templates on the channel `language`.

A vehicle asks its model the agent YAML's questions and sends the answers; who hears them puts them, and its own, where
the placeholders of `comb` are, and its plan is what the model answers to that. So for `vlm`. An `llm` driver asks the
same questions, but keeps its own way to decide, with what it was told in front.

Upstream's history of the ego vehicle takes frames for half a second apart that are 0.2 s apart; here it has the times
that were observed.
"""

import json
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from laco import Context
from laco.agents.bridge.wire import Prompts
from laco.agents.channels.base import Attended
from laco.agents.channels.texts import LONGEST, TextChannel
from laco.agents.drivers.base import Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.prompt import plain
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.observation import Observation, Pictured, Point
from laco.errors import ConfigError
from laco.profiling.speaking import speaking

IMAGE = "<IMAGE_PLACEHOLDER>"
TARGET = 35.0  # [m] ahead along the route, or its end: about where LangCoop clips what it calls the target
HISTORY = 6  # observations that the history has, the newest among them
STILL = 0.1  # [m] of way from which a curvature can be told
LABELS = {"scene": "Scene", "object": "Objects", "intention": "Intent"}  # of the questions, in the order they are asked
PLACES = {"scene": "scene_description", "object": "object_description", "intention": "intent_description"}


class Words(NamedTuple):
    """A vehicle's own answers by question, what its target and history are called, and how many tokens it took."""

    answers: dict[str, str]
    target: str
    history: str
    tokens: int

    def told(self) -> str:
        """What is sent: the answers, a line each, as far as peers read."""
        lines = "\n".join(f"{LABELS[key]}: {' '.join(answer.split())}" for key, answer in self.answers.items())
        return lines.encode()[:LONGEST].decode(errors="ignore")


class Briefed(Pictured, frozen=True, array_like=True):
    """A view, and what the vehicle itself said about it."""

    answers: dict[str, str]
    target: str
    history: str


class History:
    """The last observations of a vehicle, as LangCoop's prompts tell them."""

    def __init__(self) -> None:
        self._seen: deque[Observation] = deque(maxlen=HISTORY)

    def note(self, view: Observation) -> None:
        """Takes an observation in, once."""
        if not self._seen or view.time > self._seen[-1].time:
            self._seen.append(view)

    def text(self) -> str:
        """JSON: time [s], speed [m/s] and curvature [deg/m, right positive] of each, the oldest first."""
        seen = list(self._seen)
        rows = [_row(before, view) for before, view in zip([None, *seen], seen, strict=False)]
        return json.dumps({"ego_history": rows})


def _row(before: Observation | None, view: Observation) -> dict[str, float]:
    speed, curvature = view.body.speed, 0.0
    if before is not None:
        way = math.dist((before.body.x, before.body.y), (view.body.x, view.body.y))
        speed = way / (view.time - before.time)
        if way > STILL:
            curvature = math.degrees(math.remainder(view.body.yaw - before.body.yaw, 2 * math.pi)) / way
    return {"timestamp": round(view.time, 3), "speed": round(speed, 3), "curvature": round(curvature, 5)}


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with what is known in place of its placeholders; other braces are left as they are.

    A template with doubled braces was written for `str.format`, and its doubled braces mean single ones.
    """
    doubled = "{{" in template

    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0] if doubled else found[0]
        return values.get(found[1], found[0])

    return re.sub(r"\{\{|\}\}|\{(\w+)\}", one, template)


def target(template: str | None, view: Observation) -> str:
    """Where the vehicle is to go next, in the words of the template; "" without one."""
    if template is None:
        return ""
    forward, right = Frame.of(view).local(*_point(view))
    values = {
        "x_distance": f"{abs(right):.1f}",
        "x_direction": "right" if right > 0.0 else "left",
        "y_distance": f"{abs(forward):.1f}",
        "y_direction": "front" if forward > 0.0 else "back",
    }
    return fill(template, values)


def _point(view: Observation) -> Point:
    """The route's point TARGET ahead, or the last before its end; points are 5 m apart."""
    place = int(min(TARGET, max(view.remaining, 0.0)) // 5.0)
    return view.route[min(place, len(view.route) - 1)]


def questions(prompts: Prompts, where: str, history: str) -> dict[str, str]:
    """The questions that the YAML uses, filled."""
    values = {"target_description": where, "ego_history_prompt": history}
    asked = {"scene": prompts.scene, "object": prompts.object, "intention": prompts.intention}
    return {key: fill(question, values) for key, question in asked.items() if question is not None}


class PromptedVLM(VLMDriver):
    """Asks in LangCoop's words, and decides by its `comb` template; one for all vehicles with these prompts."""

    longest = 128  # [tokens] LangCoop's own cap is 2048, its messages are a few hundred bytes
    written = 192  # [tokens] its form of a plan is indented

    def __init__(self, driver: VLMDriver, prompts: Prompts) -> None:
        super().__init__(driver.backbone, driver.processor)
        self.prompts = prompts

    def question(self, frame: Frame, view: Observation, text: str) -> Context:
        """The question, with the picture where it asks for it."""
        return self._asking(view, text)

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """The template, filled with the vehicle's own words and what peers said."""
        own, comb = views[-1], self.prompts.comb
        if comb is None or not isinstance(own, Briefed):
            return super().context(frame, views, caution)
        told = [self._peer(frame, own, view) for view in views if isinstance(view, Said)]
        values = {place: own.answers.get(key, "") for key, place in PLACES.items()}
        values |= {"target_description": own.target, "ego_history_prompt": own.history}
        values |= {"collab_agent_description": "\n".join(told)}
        return self._asking(own, fill(comb, values))

    def _peer(self, frame: Frame, own: Observation, said: Said) -> str:
        """A peer by its name, where it is as LangCoop has it ([right, -forward], m), and its words."""
        who = plain(self.tokenizer, said.sender)
        spots = [frame.local(a.body.x, a.body.y) for a in own.actors if a.name == said.sender]
        where = "".join(f", located at: [{right:.1f}, {-forward:.1f}]" for forward, right in spots[:1])
        return f"Agent {who}{where}: {said.content}"

    def _asking(self, view: Observation, text: str) -> Context:
        """The text with the picture at its first placeholder, or in front; nobody else's pictures are here."""
        if not isinstance(view, Pictured):
            raise ConfigError("the vlm driver needs a camera picture with every view")
        first, placed, rest = plain(self.tokenizer, text).partition(IMAGE)
        before, after = (first, rest) if placed else ("", first)
        system = plain(self.tokenizer, self.prompts.sys_message or "")
        front = "\n".join(piece for piece in (system, before) if piece)
        return self._processed(self._rendered(front, after.replace(IMAGE, "")), view.picture)


class Prompted(TextChannel):
    """The answers to LangCoop's questions. driver: a `PromptedVLM`, or one that decides in its own way."""

    name = "language"

    def __init__(self, driver: LLMDriver, caution: float, prompts: Prompts) -> None:
        super().__init__(driver, caution)
        self.model, self.prompts, self.history = driver, prompts, History()
        self._words: tuple[float, object, Words] | None = None

    def tell(self, view: Observation, frame: Frame) -> str:
        words = self._said(view, frame)
        self.generated = words.tokens
        return words.told()

    def read(self, view: Observation, told: Sequence[Observation | Said], refused: Mapping[int, str]) -> Attended:
        """What the model makes of it, once its own words and those of its peers have been put together."""
        self.history.note(view)
        if isinstance(self.model, PromptedVLM) and isinstance(view, Pictured):
            answers, where, history, _ = self._said(view, Frame.of(view))
            fields = msgspec.structs.asdict(view)
            view = Briefed(**fields, answers=answers, target=where, history=history)
        return super().read(view, told, refused)

    def _said(self, view: Observation, frame: Frame) -> Words:
        """The answers about a view for the viewer of `frame`; asked once, however many they are told to."""
        self.history.note(view)
        viewer = (frame.name, frame.body)
        if isinstance(self.model, PromptedVLM):
            viewer = ("", view.body)  # a picture shows the same to everybody
        if self._words is None or self._words[:2] != (view.time, viewer):
            self._words = (view.time, viewer, self._asked(view, frame))
        return self._words[2]

    def _asked(self, view: Observation, frame: Frame) -> Words:
        where, history = target(self.prompts.target, view), self.history.text()
        asked = questions(self.prompts, where, history)
        answers: dict[str, str] = {}
        tokens = 0
        with speaking(self.model.voice.decoder):
            for group in _alike(asked):
                found = self.model.say(frame, view, [self._worded(asked[key]) for key in group], self.caution)
                answers |= zip(group, found.texts, strict=True)
                tokens += found.tokens
        return Words({key: answers[key] for key in asked}, where, history, tokens)

    def _worded(self, question: str) -> str:
        """A question as the driver reads it: one without a camera has the scene in words in front."""
        return question if isinstance(self.model, PromptedVLM) else question.replace(IMAGE, "")


def _alike(asked: Mapping[str, str]) -> list[list[str]]:
    """Questions that have the same text before the picture: it is read once for them."""
    groups: dict[str, list[str]] = {}
    for key, question in asked.items():
        groups.setdefault(question.partition(IMAGE)[0], []).append(key)
    return list(groups.values())
