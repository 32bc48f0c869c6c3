"""`vlm`: a vision-language model that looks through the front camera and writes its plan as JSON. Zero-shot.

The structure is LangCoop's: a picture, what the others say, the task, and a plan of five speeds and curvatures in
JSON, tried at most three times. LangCoop's run ends when all three fail; here the vehicle brakes and the plan is
marked as failed. What a vehicle sees through its own camera cannot be told in another's frame: one broadcast for all.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from laco import Backbone, Context
from laco.agents.drivers import DRIVERS, expert, json_plan, text
from laco.agents.drivers.base import ROWS, Addressing, Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.plan import DT, STEPS, Plan
from laco.agents.drivers.prompt import MARK, words
from laco.agents.observation import Observation, Picture, Pictured
from laco.errors import BackboneError, ConfigError
from laco.method.continuation import generate_many
from laco.method.fusion import Inference

TRIES = 3
PLAN = 128
SYSTEM = "You drive the car whose front camera took this picture. Make progress along your route, and hit no one."
DECIDE = (
    f"Plan the next {STEPS * DT} s: {STEPS} pairs of speed [m/s] and curvature [deg/m, right positive], {DT} s apart. "
    f"Answer with JSON only, in this form: {json_plan.FORM}"
)
SPEAK = "You drive the car whose front camera took this picture, and tell the others around what matters."


class VLMDriver(LLMDriver):
    """Turns pictures, state and messages into prompts, and written plans into plans."""

    name = "vlm"
    period = DRIVERS["vlm"].period
    addressing: Addressing = "all"
    written = PLAN  # [tokens] a plan may take

    def __init__(self, backbone: Backbone, processor: Any) -> None:
        """Raises: BackboneError for a model that reads no pictures."""
        super().__init__(backbone)
        if "pixel_values" not in backbone.image_inputs:
            raise BackboneError("the vlm driver needs a vision-language model: this one reads no pictures")
        self.processor = processor

    @classmethod
    def load(cls, model: str) -> "VLMDriver":
        """By a folder or a hub id. Raises: BackboneError, also for a model without an image processor."""
        backbone = Backbone.load(model)
        from transformers import AutoProcessor

        try:
            processor = AutoProcessor.from_pretrained(model)
        except (OSError, ValueError, KeyError, ImportError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BackboneError(f"the processor of {model!r} cannot be loaded: {reason}") from error
        return cls(backbone, processor)

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """What peers said, the picture, the viewer's own state, and the question for a plan."""
        own, said = views[-1], [view for view in views if isinstance(view, Said)]
        told = "\n".join([SYSTEM, *(self._told(frame, own, view) for view in said)])
        rendered = self._rendered(told, "\n".join([text.own(frame, caution), DECIDE]))
        *before, last = rendered.split(MARK)
        seen = self._processed(last, _picture(own))
        if not before:
            return seen
        return self._joined(before, [v.content for v in said if isinstance(v.content, Tensor)], seen)

    def plan(self, frame: Frame, time: float, out: Inference) -> Plan:
        """The first of three answers that is a plan: the likeliest one, then two drawn ones."""
        return self.plans([frame], [time], [out])[0]

    def plans(self, frames: Sequence[Frame], times: Sequence[float], outs: Sequence[Inference]) -> list[Plan]:
        """Each try is a batch of those who have no plan yet; what is drawn for one depends on its own time alone."""
        chances = [torch.Generator().manual_seed(round(time * 1000)) for time in times]
        found: dict[int, Plan] = {}
        for attempt in range(TRIES):
            left = [i for i in range(len(outs)) if i not in found]
            answers = self._written([outs[i] for i in left], [chances[i] for i in left], 1.0 if attempt else 0.0)
            for i, answer in zip(left, answers, strict=True):
                if (read := json_plan.read(answer, frames[i].limit)) is not None:
                    found[i] = Plan(times[i], *read)
        return [found.get(i) or _failed(frame, times[i]) for i, frame in enumerate(frames)]

    def _written(self, outs: Sequence[Inference], chances: Sequence[torch.Generator], warmth: float) -> list[str]:
        """An answer each, `ROWS` at a time."""
        said: list[list[int]] = []
        for start in range(0, len(outs), ROWS):
            rows, own = outs[start : start + ROWS], chances[start : start + ROWS]
            said += generate_many(self.backbone, rows, self.written, self.ends, temperature=warmth, generators=own)
        return [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in said]

    def describe(self, frame: Frame, view: Observation) -> str:
        """The scene in words, speeds in m/s as in the plan."""
        return text.scene(frame, view, text.Scale.metric(frame))

    def embed(self, frame: Frame, view: Observation, caution: float) -> Tensor:
        """The picture as it enters the decoder."""
        context = self._processed(self._rendered("", ""), _picture(view))
        merged = self.backbone.embed(context)
        if merged.embeds is None or context.ids is None:
            raise ConfigError("the model's processor made no image tokens")
        rows: Tensor = merged.embeds[context.ids.to(self.backbone.device) == self._image_token]
        return rows

    def question(self, frame: Frame, view: Observation, text: str) -> Context:
        """The picture, then the question."""
        return self._processed(self._rendered(SPEAK, text), _picture(view))

    @property
    def _image_token(self) -> int:
        return int(self.backbone.model.config.image_token_id)

    def whereabouts(self, frame: Frame, own: Observation | Said, sender: str) -> str:
        """Where a peer known by its beacon is: its words and pictures are of its own place."""
        known = own.actors if isinstance(own, Observation) else ()
        for body in (actor.body for actor in known if actor.name == sender):
            facing = ", facing you" if abs(frame.turn(body.yaw)) > 3 * math.pi / 4 else ""
            return f", {text.where(*frame.local(body.x, body.y))}{facing},"
        return ""

    def _rendered(self, before: str, after: str) -> str:
        """The conversation with the picture between two pieces of text."""
        content = [{"type": "text", "text": before + "\n"}, {"type": "image"}, {"type": "text", "text": "\n" + after}]
        rendered: str = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return rendered

    def _processed(self, rendered: str, picture: Picture) -> Context:
        """Ids with image tokens, and the pixels that go with them. The template wrote its special tokens itself."""
        rows = np.frombuffer(picture.rgb, dtype=np.uint8).reshape(picture.height, picture.width, 3)
        inputs: Mapping[str, Any] = self.processor(
            text=[rendered], images=[Image.fromarray(rows)], return_tensors="pt", add_special_tokens=False
        )
        return Context.processed(inputs)

    def _joined(self, before: Sequence[str], tensors: Sequence[Tensor], seen: Context) -> Context:
        """Text and peers' embeddings by turns, then the own picture and what follows it, at later positions."""
        rows = []
        for piece, tensor in zip(before, tensors, strict=True):
            rows += [self._embedded(words(self.tokenizer, piece)), tensor.to(self.backbone.device, self.backbone.dtype)]
        merged = self.backbone.embed(seen)
        if merged.embeds is None:
            raise ConfigError("the model's processor made no image tokens")
        front = torch.cat(rows)
        first = torch.arange(len(front), device=front.device).expand(self.backbone.axes, -1)
        where = torch.cat((first, self.backbone.positions_of(merged) + len(front)), 1)
        return Context(embeds=torch.cat((front, merged.embeds)), position_ids=where)


def _failed(frame: Frame, time: float) -> Plan:
    """What is driven when there is no plan."""
    braking = expert.plan(frame, time, 0.0, expert.BRAKE)
    return Plan(time, braking.speed, braking.curvature, failed=True)


def _picture(view: Observation | Said) -> Picture:
    if not isinstance(view, Pictured):
        raise ConfigError("the vlm driver needs a camera picture with every view")
    return view.picture
